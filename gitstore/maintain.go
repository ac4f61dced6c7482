package gitstore

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// looseObjects is how many loose objects git lets pile up before it packs them:
// its own default of gc.auto.
const looseObjects = 6700

// Maintain has the git command line pack what has piled up, if enough has; most
// calls find nothing to do and take some milliseconds. It blocks until git is
// done, which takes minutes for a large repository; git runs with the lowest
// priority and on one processor. Canceling ctx ends git, which leaves nothing
// half done.
//
// A repository with a work tree belongs to its authors: there it is what every
// git commit does at its end, so that gc.auto=0 or maintenance.auto=false turn
// it off, and a strategy of git maintenance is kept to. A bare repository is
// taken for one that Anvil alone writes: there gc.auto=0 of the user's own
// configuration counts for nothing, and what no ref reaches stays for two weeks.
//
// Reading and committing go on meanwhile: git deletes nothing that is younger
// than two weeks, Commit marks as young what it is about to name, and looks
// again after it has moved the ref. What git locks, packed-refs and for a moment
// each ref, a commit waits for as for any user's command.
//
// Without git in the path the error is an exec.ErrNotFound with a Hint.
func (r *Repo) Maintain(ctx context.Context) error {
	if err := r.maintain(ctx); err != nil {
		return fmt.Errorf("maintain %s: %w", r.commonDir, err)
	}
	return nil
}

func (r *Repo) maintain(ctx context.Context) error {
	git, err := exec.LookPath("git")
	if err != nil {
		return &hinted{err, "install git: without it every version stays a file of its own, and the folder grows"}
	}
	settings, err := r.configuration()
	if err != nil {
		return err
	}
	args := r.maintenance(settings)
	if args == nil {
		return nil
	}
	if err := r.runNiced(ctx, git, args...); err != nil {
		return err
	}
	return r.objects.list()
}

// maintenance returns what git is asked to do, nil for nothing.
func (r *Repo) maintenance(settings config) []string {
	args := []string{"-c", "gc.autoDetach=false", "-c", "maintenance.autoDetach=false", "-c", "pack.threads=1"}
	if r.root != "" {
		if !settings.boolean("maintenance.auto", true) {
			return nil
		}
		return append(args, "maintenance", "run", "--auto", "--quiet")
	}
	limit := looseObjects
	if value, ok := settings.lookup("gc.auto"); ok {
		if n, err := strconv.Atoi(value); err == nil && n > 0 {
			limit = n
		}
	}
	return append(args, "-c", "gc.auto="+strconv.Itoa(limit), "-c", "gc.autoPackLimit=50",
		"-c", "gc.pruneExpire=2.weeks.ago", "-c", "gc.packRefs=true", "gc", "--auto", "--quiet")
}

// runNiced runs git in the repository with the lowest priority. Canceling asks
// it, and what it has started, to end, so that it clears away what it was
// writing.
func (r *Repo) runNiced(ctx context.Context, git string, args ...string) error {
	cmd := exec.CommandContext(ctx, git, append([]string{"--git-dir=" + r.gitDir}, args...)...)
	cmd.Dir = r.gitDir
	if r.root != "" {
		cmd.Dir = r.root
	}
	cmd.Env = append(withoutGitDir(os.Environ()), "LC_ALL=C", "GIT_TERMINAL_PROMPT=0")
	var said bytes.Buffer
	cmd.Stderr = &said
	cmd.WaitDelay = 5 * time.Second
	prepareNiced(cmd)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start git: %w", err)
	}
	lowerPriority(cmd.Process.Pid)
	err := cmd.Wait()
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	text := strings.TrimSpace(said.String())
	return fmt.Errorf("git: %w: %s", err, text[:min(len(text), 500)])
}

// withoutGitDir takes out of an environment what would point git at another
// repository, as it stands in that of a hook.
func withoutGitDir(environment []string) []string {
	var kept []string
	for _, entry := range environment {
		switch name, _, _ := strings.Cut(entry, "="); name {
		case "GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_NAMESPACE", "GIT_IMPLICIT_WORK_TREE",
			"GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_SHALLOW_FILE", "GIT_GRAFT_FILE", "GIT_QUARANTINE_PATH":
		default:
			kept = append(kept, entry)
		}
	}
	return kept
}
