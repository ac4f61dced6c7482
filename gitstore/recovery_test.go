package gitstore

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// The deletion of a packed ref dies at each operation in turn, or fails there: no
// lock of ours is left, and the ref is whole or gone.
func TestCrashWhilePackedRefIsDeleted(t *testing.T) {
	for _, dies := range []bool{true, false} {
		w := changed(t)
		tip := w.tip()
		const ref = "refs/heads/topic"
		for n, beyond := 1, false; !beyond; n++ {
			w.git("branch", "-f", "topic")
			w.git("pack-refs", "--all")
			ops := 0
			w.repo.disk.sync = true
			w.repo.disk.before = func(string, string) error {
				if ops++; ops == n || dies && ops > n {
					return syscall.EIO
				}
				return nil
			}
			err := w.repo.SetRef(ref, tip, Hash{})
			beyond = ops < n
			if beyond && err != nil {
				t.Fatalf("without a fault: %v", err)
			}
			w.open()
			w.noLocks()
			now, tipErr := w.repo.Tip(ref)
			if err == nil && tipErr == nil {
				t.Fatalf("step %d: the deletion was acknowledged, and the ref is there", n)
			}
			if tipErr == nil && now != tip {
				t.Fatalf("step %d: the ref is at %s", n, now)
			}
			w.git("pack-refs", "--all") // takes the lock
			if tipErr != nil {
				w.git("update-ref", ref+"/below", tip.String()) // nothing of it is in the way
				w.git("update-ref", "-d", ref+"/below")
			}
		}
		w.whole()
	}
}

// interrupted is a commit of a/x.yaml that died while files of ours were locks, after
// the branch had moved or before.
func interrupted(t *testing.T, moved bool) (w *work, before Hash) {
	t.Helper()
	w = changed(t)
	before = w.tip()
	dead := false
	w.repo.disk.before = func(op, path string) error {
		if op == "rename" && filepath.Base(path) == "main" && !moved ||
			op == "rename" && filepath.Base(path) == "index" && moved {
			dead = true
		}
		if dead {
			return errDead
		}
		return nil
	}
	_, _ = w.tryCommit("a/x.yaml", "a/new/y.yaml", "gone.yaml")
	w.repo.disk.before = nil
	if moved != (w.tip() != before) || !exists(filepath.Join(w.dir, ".git", "index.lock")) {
		t.Fatal("the commit did not die where it should")
	}
	return w, before
}

// A power failure may take what was not synced: the pending index is torn though the
// branch has moved. It is made again, and a plain git commit does not undo the save.
func TestTornIndexIsMadeAgain(t *testing.T) {
	w, _ := interrupted(t, true)
	saved := w.git("rev-parse", "HEAD^{tree}")
	if err := os.Truncate(w.repo.own(ownIndex), 100); err != nil {
		t.Fatal(err)
	}
	w.open()
	w.whole()
	w.git("reset", "-q", "user.txt")
	if got := w.git("write-tree"); got != saved {
		t.Fatalf("the index is not that of the save: %s", w.git("status", "--porcelain"))
	}
}

// A line of the reflog that was written before the branch moved goes with the commit
// that did not come to be.
func TestReflogOfCommitThatDied(t *testing.T) {
	for _, cut := range []int{0, 1, 60, 100} { // bytes that never reached the disk
		w, before := interrupted(t, false)
		for _, ref := range []string{"HEAD", "refs/heads/main"} {
			path := w.repo.reflogPath(ref)
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Truncate(path, info.Size()-int64(cut)); err != nil {
				t.Fatal(err)
			}
		}
		w.open()
		for _, ref := range []string{"HEAD", "refs/heads/main"} {
			raw, err := os.ReadFile(w.repo.reflogPath(ref))
			if err != nil {
				t.Fatal(err)
			}
			lines := strings.SplitAfter(string(raw), "\n")
			if len(lines) != 2 || lines[1] != "" || !strings.Contains(lines[0], " "+before.String()+" ") {
				t.Fatalf("cut %d: reflog of %s: %q", cut, ref, lines)
			}
		}
		w.whole()
	}
}

// A repository that was copied without its links recovers its own locks, and
// leaves those of the original alone. So does a journal that is torn.
func TestRecoveryElsewhere(t *testing.T) {
	for _, moved := range []bool{true, false} {
		t.Run("copied", func(t *testing.T) {
			w, _ := interrupted(t, moved)
			original := w.dir
			w.dir = filepath.Join(t.TempDir(), "copy")
			if err := os.CopyFS(w.dir, os.DirFS(original)); err != nil {
				t.Fatal(err)
			}
			w.open()
			w.whole()
			if !exists(filepath.Join(original, ".git", "HEAD.lock")) {
				t.Fatal("the lock of the original was taken away")
			}
		})
		t.Run("torn journal", func(t *testing.T) {
			w, _ := interrupted(t, moved)
			if err := os.Truncate(w.repo.own(journalFile), 7); err != nil {
				t.Fatal(err)
			}
			w.open()
			w.noLocks()
			if exists(filepath.Join(w.dir, ".git", "refs", "heads", "main.lock")) {
				t.Fatal("the lock of the branch is left")
			}
			w.fsck()
		})
		t.Run("journal that points outside", func(t *testing.T) {
			w, _ := interrupted(t, moved)
			victim := t.TempDir()
			j := journal{Ref: "refs/heads/main", GitDir: victim}
			if err := w.repo.disk.rewrite(w.repo.own(journalFile), j.encode(), false); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(victim, "HEAD.lock"), j.encode(), 0o666); err != nil {
				t.Fatal(err)
			}
			w.open()
			w.noLocks()
			if !exists(filepath.Join(victim, "HEAD.lock")) {
				t.Fatal("a lock outside the repository was taken away")
			}
		})
	}
}

// git's own deletions hold an empty lock: it is never taken for ours.
func TestEmptyLockIsNotOurs(t *testing.T) {
	w, _ := interrupted(t, false)
	lock := filepath.Join(w.dir, ".git", "refs", "heads", "main.lock")
	for _, path := range []string{lock, w.repo.own(ownRef)} {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	w.open()
	if !exists(lock) {
		t.Fatal("the lock was taken away")
	}
}

// What cannot be recovered on a disk that takes no writes does not keep anybody from
// reading; commits fail until it does.
func TestReadingWhereRecoveryFails(t *testing.T) {
	w, before := interrupted(t, false)
	w.repo.disk.before = func(op, _ string) error {
		if op != "read" {
			return syscall.EROFS
		}
		return nil
	}
	w.repo.recoverAtOpen()
	if got, err := w.repo.Tip("refs/heads/main"); err != nil || got != before {
		t.Fatalf("tip: %s, %v", got, err)
	}
	c := NewCommit{Branch: "refs/heads/main", Tip: before, Message: "m", Author: ada, Edits: []Edit{{Path: "q", Content: []byte("q")}}}
	if _, err := w.repo.Commit(context.Background(), c); err == nil {
		t.Fatal("the commit went through")
	}
	w.repo.disk.before = nil
	if _, err := w.repo.Commit(context.Background(), c); err != nil {
		t.Fatal(err)
	}
	w.whole()
}
