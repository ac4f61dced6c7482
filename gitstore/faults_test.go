package gitstore

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// Commits of every kind meet every kind of fault, at sampled steps: what was
// acknowledged is there, index and branch agree, no lock of ours is left, and the next
// commit goes through.
func TestFaultsOfEveryKind(t *testing.T) {
	const branch = "refs/heads/main"
	edits := func(n, files int) (list []Edit) {
		for i := range files {
			list = append(list, Edit{Path: fmt.Sprintf("p/%d.yaml", i), Content: fmt.Appendf(nil, "%d of %d\n", i, n)})
		}
		return list
	}
	scenarios := []struct {
		name   string
		open   func(t *testing.T) *work
		files  int
		branch string
		merge  bool
	}{
		{"one file", twice, 1, branch, false},
		{"a pack", twice, packFrom, branch, false},
		{"merge", twice, 1, branch, true},
		{"other branch", twice, 1, "refs/heads/made", false},
		{"first commit, bare", func(t *testing.T) *work { return newWork(t, "--bare") }, 1, branch, false},
		{"linked worktree", func(t *testing.T) *work {
			w := twice(t)
			linked := &work{t: t, dir: filepath.Join(t.TempDir(), "linked")}
			w.git("worktree", "add", "-q", "-b", "topic", linked.dir)
			linked.open()
			return linked
		}, 1, "refs/heads/topic", false},
	}
	faults := []struct {
		name string
		dies bool
		err  error
		link error // of every hard link
	}{
		{"dead", true, errDead, nil},
		{"full", false, syscall.ENOSPC, nil},
		{"broken", false, syscall.EIO, nil},
		{"read-only from then on", true, syscall.EROFS, nil},
		{"dead, without hard links", true, errDead, syscall.EPERM},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			w := s.open(t)
			for i, f := range faults {
				for n, beyond := 1+i, false; !beyond; n += 11 {
					tip, err := w.repo.Tip(s.branch)
					if err != nil && !errors.Is(err, ErrNotFound) {
						t.Fatal(err)
					}
					c := NewCommit{Branch: s.branch, Tip: tip, Message: "m", Author: ada, Edits: edits(i*1000+n, s.files)}
					if s.merge {
						c.Parents = []Hash{w.rev("HEAD~1")}
					}
					var mu sync.Mutex
					ops := 0
					w.repo.disk.sync = true
					w.repo.disk.before = func(op, path string) error {
						mu.Lock()
						defer mu.Unlock()
						ops++
						if ops == n && f.link != nil && op == "write" && strings.HasSuffix(path, ".lock") {
							return nil // half a copy cannot be told from a lock of somebody else; doc.go says so
						}
						if ops == n || f.dies && ops > n {
							return f.err
						}
						if op == "link" {
							return f.link
						}
						return nil
					}
					made, err := w.repo.Commit(context.Background(), c)
					w.repo.disk.before = nil
					beyond = ops < n
					if beyond && err != nil {
						t.Fatalf("%s: without a fault: %v", f.name, err)
					}
					w.open()
					now, tipErr := w.repo.Tip(s.branch)
					if tipErr != nil && !errors.Is(tipErr, ErrNotFound) {
						t.Fatalf("%s, step %d: %v", f.name, n, tipErr)
					}
					if err == nil && now != made {
						t.Fatalf("%s, step %d: acknowledged and lost", f.name, n)
					}
					if now == tip {
						if _, err := w.repo.Commit(context.Background(), c); err != nil {
							t.Fatalf("%s, step %d: the next commit: %v", f.name, n, err)
						}
					}
					w.noLocks()
					if w.repo.root != "" {
						w.git("diff", "--cached", "--quiet", "HEAD")
					}
				}
				w.fsck()
			}
		})
	}
}

// twice is a work tree with two commits.
func twice(t *testing.T) *work {
	t.Helper()
	w := newWork(t)
	for _, content := range []string{"1\n", "2\n"} {
		w.write("a.yaml", content)
		w.commit("a.yaml")
	}
	return w
}
