//go:build bench && linux

package bench

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/anvilpeering/anvil/gitstore"
)

const who = "Ada <ada@example.org>"

var author = gitstore.Signature{Name: "Ada", Email: "ada@example.org"}

// isolateGit keeps the machine's git settings out of what is measured.
func isolateGit(t *testing.T) {
	home := t.TempDir()
	for key, value := range map[string]string{
		"HOME": home, "XDG_CONFIG_HOME": filepath.Join(home, ".config"),
		"GIT_CONFIG_GLOBAL": os.DevNull, "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C",
		"GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.org",
		"GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "ada@example.org",
	} {
		t.Setenv(key, value)
	}
}

// repository is a generated work tree.
type repository struct {
	t       *testing.T
	dir     string
	prompts int
	version int
}

func emptyRepository(t *testing.T, prompts int) *repository {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w := &repository{t: t, dir: dir, prompts: prompts}
	w.git("init", "-q", "-b", "main")
	w.git("config", "gc.auto", "0")
	return w
}

// newRepository has prompts in sets of five, a thousand sets to a project,
// packed and checked out.
func newRepository(t *testing.T, prompts int) *repository {
	t.Helper()
	w := emptyRepository(t, prompts)
	var in strings.Builder
	fmt.Fprintf(&in, "commit refs/heads/main\ncommitter %s 1700000000 +0000\ndata 1\nm\n", who)
	for i := range prompts {
		content := promptContent(i, 0)
		fmt.Fprintf(&in, "M 100644 inline %s\ndata %d\n%s\n", promptFile(i), len(content), content)
	}
	w.input(in.String(), "fast-import", "--quiet", "--force")
	w.git("reset", "-q", "--hard")
	w.git("repack", "-q", "-a", "-d")
	return w
}

func promptFile(i int) string {
	return fmt.Sprintf("demo-%02d/set-%03d/prompt-%d.yaml", i/5000, i/5%1000, i%5)
}

func promptContent(i, version int) string {
	return fmt.Sprintf("name: Prompt %d\ndescription: version %d\ntemplate: |\n%s",
		i, version, strings.Repeat(fmt.Sprintf("  line %d of the text\n", i), 60))
}

// save rewrites some prompts, spread over the tree, and dates them back: a
// daemon commits a file when its time stamp can be trusted.
func (w *repository) save(from, files int) []string {
	w.t.Helper()
	w.version++
	then := time.Now().Add(-time.Hour).Add(time.Duration(w.version%3000) * time.Second) // git looks at whole seconds
	var paths []string
	seen := map[int]bool{}
	for i := 0; len(paths) < files; i++ {
		n := ((from+i*101)%w.prompts + w.prompts) % w.prompts
		for seen[n] {
			n = (n + 1) % w.prompts
		}
		seen[n] = true
		path := promptFile(n)
		file := filepath.Join(w.dir, filepath.FromSlash(path))
		err := os.WriteFile(file, []byte(promptContent(n, os.Getpid()+w.version)), 0o666)
		if errors.Is(err, fs.ErrNotExist) {
			if err = os.MkdirAll(filepath.Dir(file), 0o777); err == nil {
				err = os.WriteFile(file, []byte(promptContent(n, w.version)), 0o666)
			}
		}
		if err == nil {
			err = os.Chtimes(file, then, then)
		}
		if err != nil {
			w.t.Fatal(err)
		}
		paths = append(paths, path)
	}
	return paths
}

func (w *repository) open(o gitstore.Options) *gitstore.Repo {
	w.t.Helper()
	repo, err := gitstore.Open(w.dir, o)
	if err != nil {
		w.t.Fatal(err)
	}
	return repo
}

func (w *repository) tip(repo *gitstore.Repo) gitstore.Hash {
	w.t.Helper()
	tip, err := repo.Tip("refs/heads/main")
	if err != nil && !errors.Is(err, gitstore.ErrNotFound) {
		w.t.Fatal(err)
	}
	return tip
}

// timed takes the time of f while the disk has nothing else to write: else
// whoever syncs waits for what somebody has left to be written before.
func (w *repository) timed(f func()) time.Duration {
	w.t.Helper()
	dir, err := os.Open(w.dir)
	if err == nil {
		err = unix.Syncfs(int(dir.Fd()))
	}
	if err != nil {
		w.t.Fatal(err)
	}
	defer dir.Close()
	return timed(f)
}

// commit captures and commits the files, as the daemon does.
func (w *repository) commit(repo *gitstore.Repo, paths []string) {
	w.t.Helper()
	c := gitstore.NewCommit{Branch: "refs/heads/main", Tip: w.tip(repo), Message: "update", Author: author}
	for _, path := range paths {
		file := filepath.Join(w.dir, filepath.FromSlash(path))
		content, err := os.ReadFile(file)
		if err != nil {
			w.t.Fatal(err)
		}
		info, err := os.Lstat(file)
		if err != nil {
			w.t.Fatal(err)
		}
		c.Edits = append(c.Edits, gitstore.Edit{Path: path, Content: content, Info: info})
	}
	if _, err := repo.Commit(context.Background(), c); err != nil {
		w.t.Fatal(err)
	}
}

func (w *repository) gitCommit(config string, paths []string) {
	w.t.Helper()
	var settings []string
	if config != "" {
		settings = []string{"-c", config}
	}
	w.git(append(append(settings, "add", "--"), paths...)...)
	w.git(append(settings, "commit", "-q", "-m", "update")...)
}

func (w *repository) command(args ...string) *exec.Cmd {
	cmd := exec.Command("git", args...)
	cmd.Dir = w.dir
	return cmd
}

func (w *repository) git(args ...string) {
	w.t.Helper()
	if out, err := w.command(args...).CombinedOutput(); err != nil {
		w.t.Fatalf("git %s: %v: %s", strings.Join(args[:min(len(args), 5)], " "), err, out)
	}
}

func (w *repository) input(text string, args ...string) {
	w.t.Helper()
	cmd := w.command(args...)
	cmd.Stdin = strings.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil {
		w.t.Fatalf("git %s: %v: %s", strings.Join(args, " "), err, out)
	}
}

// size returns the bytes that .git takes on the disk, in whole blocks.
func (w *repository) size() int64 {
	w.t.Helper()
	var total int64
	err := filepath.WalkDir(filepath.Join(w.dir, ".git"), func(_ string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			total += info.Sys().(*syscall.Stat_t).Blocks * 512
		}
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return total
}

func (w *repository) output(args ...string) string {
	w.t.Helper()
	out, err := w.command(args...).Output()
	if err != nil {
		w.t.Fatalf("git %s: %v", strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out))
}
