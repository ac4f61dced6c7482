package gitstore

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestGitCommand(t *testing.T) {
	for line, want := range map[string]string{
		"git commit -m x":                    "commit /w",
		"git -C sub commit":                  "commit /w/sub",
		"git -C /x -C y --no-pager rebase":   "rebase /x/y",
		"git -c a=b --git-dir /x/.git merge": "merge /x/.git",
		"git --git-dir=/x/.git stash":        "stash /x/.git",
		"/usr/lib/git-core/git-am":           "am /w",
		"git cat-file --batch":               " /w",
		"git":                                " /w",
		"git -C":                             " /w",
		"vim commit":                         " /w",
		"git log --grep commit":              " /w",
		"git --exec-path=/x pull":            "pull /w",
	} {
		command, where := gitCommand(strings.Fields(line), "/w")
		if got := command + " " + where; got != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
}

// A git commit that waits in a hook holds no lock, and is seen.
func TestCommitWaitingInAHook(t *testing.T) {
	w := newWork(t)
	w.write("a.yaml", "1\n")
	w.commit("a.yaml")
	fifo := filepath.Join(t.TempDir(), "fifo")
	if out, err := exec.Command("mkfifo", fifo).CombinedOutput(); err != nil {
		t.Fatalf("mkfifo: %v: %s", err, out)
	}
	hook := filepath.Join(w.dir, ".git", "hooks", "pre-commit")
	if err := os.WriteFile(hook, []byte("#!/bin/sh\nread line < "+fifo+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	w.write("user.txt", "1\n")
	w.git("add", "user.txt")
	done := make(chan error, 1)
	go func() {
		_, err := w.tryGit("commit", "-q", "-m", "user's")
		done <- err
	}()
	gate, err := os.OpenFile(fifo, os.O_WRONLY, 0) // waits until the hook reads
	if err != nil {
		t.Fatal(err)
	}
	s, err := w.repo.State()
	if err != nil || !strings.HasPrefix(s.Busy, "git commit (pid ") {
		t.Errorf("state: %+v, %v", s, err)
	}
	elsewhere := &work{t: t, dir: t.TempDir()}
	elsewhere.git("init", "-q")
	elsewhere.open()
	if s, err := elsewhere.repo.State(); err != nil || s.Busy != "" {
		t.Errorf("state of another repository: %+v, %v", s, err)
	}
	if _, err := gate.WriteString("go\n"); err != nil && !errors.Is(err, os.ErrClosed) {
		t.Fatal(err)
	}
	gate.Close()
	select {
	case err := <-done:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("git commit does not end")
	}
	if s, err := w.repo.State(); err != nil || s.Busy != "" {
		t.Errorf("state: %+v, %v", s, err)
	}
	w.clean()
}
