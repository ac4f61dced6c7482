package gitstore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// loose counts the loose objects.
func (w *work) loose() int {
	w.t.Helper()
	var n int
	if _, err := fmt.Sscanf(w.git("count-objects", "-v"), "count: %d", &n); err != nil {
		w.t.Fatal(err)
	}
	return n
}

// pile makes commits, and two blobs in the folder that git takes as a sample of
// the loose objects, so that it finds more than a limit of one.
func (w *work) pile(branch string) (tips []Hash) {
	w.t.Helper()
	tip, err := w.repo.Tip(branch)
	if err != nil && !errors.Is(err, ErrNotFound) {
		w.t.Fatal(err)
	}
	before := tip
	for i := range 60 {
		path := fmt.Sprintf("a/b%d/x.yaml", i%7)
		c := NewCommit{Branch: branch, Tip: tip, Message: fmt.Sprint(i), Author: ada}
		if w.repo.Root() != "" {
			w.write(path, fmt.Sprint(before.Short(), " pile ", i))
			c.Edits = []Edit{w.edit(path)}
		} else {
			c.Edits = []Edit{{Path: path, Content: fmt.Append(nil, before.Short(), " pile ", i)}}
		}
		if tip, err = w.repo.Commit(context.Background(), c); err != nil {
			w.t.Fatal(err)
		}
		tips = append(tips, tip)
	}
	for i, found := 0, 0; found < 2; i++ {
		if text := fmt.Sprint("sample ", i); BlobHash([]byte(text))[0] == 0x17 {
			w.input(text, "hash-object", "-w", "--stdin")
			found++
		}
	}
	return tips
}

// served reads everything that the commits hold.
func (w *work) served(tips []Hash) {
	w.t.Helper()
	for _, tip := range tips {
		n := 0
		for e, err := range w.repo.Walk(tip, "") {
			if err != nil {
				w.t.Fatal(err)
			}
			if content, err := w.repo.Blob(e.Hash); err != nil || BlobHash(content) != e.Hash {
				w.t.Fatalf("%s at %s: %v", e.Path, tip.Short(), err)
			}
			n++
		}
		if n == 0 {
			w.t.Fatalf("%s holds nothing", tip.Short())
		}
	}
}

// The releases repository: packed when much is loose, whatever the user has set
// for repositories of his own, and everything is still served.
func TestMaintainReleases(t *testing.T) {
	isolate(t)
	global := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(global, []byte("[gc]\n\tauto = 0\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GIT_CONFIG_GLOBAL", global)
	dir := filepath.Join(t.TempDir(), "releases.git")
	repo, err := Create(dir, Options{Bare: true, Durability: NoFsync, Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	defer repo.Close()
	w := &work{t: t, dir: dir, repo: repo}
	tips := w.pile("refs/heads/support/draft")
	before := w.loose()
	if err := repo.Maintain(t.Context()); err != nil || w.loose() != before {
		t.Fatalf("with few objects: %v, %d loose of %d", err, w.loose(), before)
	}
	w.git("config", "gc.auto", "1")
	if err := repo.Maintain(t.Context()); err != nil || w.loose() != 2 {
		t.Fatalf("with many objects: %v, %d loose of %d", err, w.loose(), before)
	}
	w.served(tips)
	w.fsck()
	w.served(w.pile("refs/heads/support/draft"))
	if got, err := repo.Tip("refs/heads/support/draft"); err != nil || got.String() != w.git("rev-parse", "support/draft") {
		t.Errorf("the tip is %s, %v", got, err)
	}
}

// The authors' repository: as git itself would after a commit.
func TestMaintainAsGitWould(t *testing.T) {
	w := newWork(t)
	tips := w.pile("refs/heads/main")
	w.write("user.txt", "staged\n")
	w.git("add", "user.txt")
	linked := &work{t: t, dir: filepath.Join(t.TempDir(), "linked")}
	w.git("worktree", "add", "-q", linked.dir, "-b", "topic")
	linked.open()
	for _, c := range []struct {
		name            string
		auto, maintains string
		repo            *Repo
		packs           bool
	}{
		{"gc is off", "0", "true", w.repo, false},
		{"maintenance is off", "1", "false", w.repo, false},
		{"few objects", "100000", "true", w.repo, false},
		{"many objects", "1", "true", w.repo, true},
		{"in a linked work tree", "1", "true", linked.repo, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			w.git("config", "gc.auto", c.auto)
			w.git("config", "maintenance.auto", c.maintains)
			status, before := w.status(), w.loose()
			elsewhere := t.TempDir()
			t.Setenv("GIT_DIR", elsewhere) // as in a hook of another repository
			err := c.repo.Maintain(t.Context())
			if unset := os.Unsetenv("GIT_DIR"); err != nil || unset != nil {
				t.Fatal(err, unset)
			}
			after := w.loose()
			if c.packs != (after == 2) || !c.packs && after != before {
				t.Errorf("%d of %d objects are loose", after, before)
			}
			w.served(tips)
			if got := w.status(); got != status {
				t.Errorf("git status was\n%s\nand is\n%s", status, got)
			}
			w.whole()
			if c.packs {
				w.git("commit", "-q", "--allow-empty", "-m", "what was staged")
				tips = w.pile("refs/heads/main")
				w.clean()
			}
		})
	}
}

// Who cancels is obeyed at once, and by all that git has started.
func TestMaintainCanBeCanceled(t *testing.T) {
	w := newWork(t)
	w.pile("refs/heads/main")
	w.git("config", "gc.auto", "1")
	started, ended := filepath.Join(t.TempDir(), "started"), filepath.Join(t.TempDir(), "ended")
	w.hook("pre-auto-gc", "trap 'touch "+ended+"; exit 1' TERM\ntouch "+started+"\nwhile :; do sleep 0.1; done")
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	go func() {
		for i := 0; i < 500 && !exists(started); i++ {
			time.Sleep(10 * time.Millisecond)
		}
		cancel(enough)
	}()
	begun := time.Now()
	if err := w.repo.Maintain(ctx); !errors.Is(err, enough) {
		t.Errorf("maintain: %v", err)
	}
	if took := time.Since(begun); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
	for i := 0; i < 200 && !exists(ended); i++ {
		time.Sleep(10 * time.Millisecond)
	}
	if !exists(ended) {
		t.Error("the hook goes on")
	}
	w.clean()
}

// hook makes a hook of the repository.
func (w *work) hook(name, script string) {
	w.t.Helper()
	path := filepath.Join(w.repo.CommonDir(), "hooks", name)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o777); err != nil {
		w.t.Fatal(err)
	}
}

func TestMaintainWithoutGit(t *testing.T) {
	w := newWork(t)
	t.Setenv("PATH", t.TempDir())
	err := w.repo.Maintain(t.Context())
	var hint interface{ Hint() string }
	if !errors.Is(err, exec.ErrNotFound) || !errors.As(err, &hint) || !strings.Contains(hint.Hint(), "install git") {
		t.Fatalf("maintain: %v", err)
	}
}

// What git says when it fails is handed on.
func TestMaintainFails(t *testing.T) {
	w := newWork(t)
	w.pile("refs/heads/main")
	w.git("config", "gc.auto", "1")
	w.git("config", "gc.pruneExpire", "nonsense")
	if err := w.repo.Maintain(t.Context()); err == nil || !strings.Contains(err.Error(), "nonsense") {
		t.Fatalf("maintain: %v", err)
	}
}

// Saves and reads go on while git packs, and none of them fails.
func TestCommitsWhileGitPacks(t *testing.T) {
	w := newWork(t)
	tips := w.pile("refs/heads/main")
	w.git("config", "gc.auto", "1")
	var group sync.WaitGroup
	done := make(chan struct{})
	group.Go(func() {
		defer close(done)
		for range 3 {
			if err := w.repo.Maintain(context.Background()); err != nil {
				t.Error(err)
			}
		}
	})
	for i := 0; ; i++ {
		select {
		case <-done:
			group.Wait()
			w.served(tips)
			w.clean()
			return
		default:
		}
		path := fmt.Sprintf("c/x%d.yaml", i%5)
		w.write(path, fmt.Sprint("during ", i))
		tips = append(tips, w.commit(path))
	}
}
