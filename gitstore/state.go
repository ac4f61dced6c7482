package gitstore

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// State is what a repository is about at a moment.
type State struct {
	// Branch is the branch that is checked out, as refs/heads/main; "" when
	// HEAD is detached.
	Branch string
	// Tip is the commit it points at, zero when there is none yet.
	Tip Hash
	// Busy says what keeps Anvil from committing, as "a merge", "unmerged
	// paths", "index.lock" or "git commit (pid 123)"; "" when nothing does.
	Busy string
	// Lock is git's lock that Busy stands for, "index.lock", "HEAD.lock" or that of
	// the branch, and nothing but that lock is known; else "". Also git status takes the
	// index's for a moment.
	Lock string
}

// State looks at HEAD, the signs that git leaves of an operation under way, its
// locks, the index, and (on Linux) at the git commands that this user has
// running here. A detached HEAD is not busy: see Branch.
func (r *Repo) State() (State, error) {
	branch, tip, err := r.head()
	if err != nil {
		return State{}, err
	}
	s := State{Branch: branch, Tip: tip}
	if r.root == "" {
		return s, nil
	}
	s.Busy = r.operation()
	if s.Busy == "" {
		s.Lock = r.locked(branch)
		s.Busy = s.Lock
	}
	if s.Busy == "" {
		conflicts, err := r.unmerged()
		if err != nil {
			return State{}, err
		}
		if conflicts {
			s.Busy = "unmerged paths"
		}
	}
	if s.Busy == "" {
		s.Busy = r.running()
	}
	return s, nil
}

// operation names what the user is in the middle of, by the signs that git
// itself goes by.
func (r *Repo) operation() string {
	for _, sign := range []struct{ file, name string }{
		{"MERGE_HEAD", "a merge"},
		{"rebase-merge", "a rebase"},
		{"rebase-apply/applying", "git am"},
		{"rebase-apply", "a rebase"},
		{"CHERRY_PICK_HEAD", "a cherry-pick"},
		{"REVERT_HEAD", "a revert"},
		{"sequencer", "a cherry-pick or revert"},
		{"BISECT_LOG", "a bisect"},
	} {
		if exists(filepath.Join(r.gitDir, filepath.FromSlash(sign.file))) {
			return sign.name
		}
	}
	return ""
}

func (r *Repo) locked(branch string) string {
	for _, lock := range []string{"index.lock", "HEAD.lock"} {
		if exists(filepath.Join(r.gitDir, lock)) {
			return lock
		}
	}
	if branch != "" && exists(r.refPath(branch)+".lock") {
		return branch + ".lock"
	}
	return ""
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil || !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errNotDir)
}
