package gitstore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
)

// crashing makes the test binary a process that commits once and dies at the
// n-th operation on the file system.
const crashing = "GITSTORE_CRASH_AT"

func TestMain(m *testing.M) {
	if n, err := strconv.Atoi(os.Getenv(crashing)); err == nil {
		crash(n)
	}
	os.Exit(m.Run())
}

const survived = 3 // exit status of the child when n was beyond the last operation

func crash(n int) {
	repo, err := Open(".", Options{Logger: quiet()})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	repo.disk.before = dieAt(n)
	state, err := repo.State()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	c := NewCommit{Branch: state.Branch, Tip: state.Tip, Message: "crash", Author: ada}
	for _, path := range []string{"a/x.yaml", "a/new/y.yaml", "gone.yaml"} {
		content, err := os.ReadFile(path)
		if err != nil {
			c.Edits = append(c.Edits, Edit{Path: path, Removed: true})
			continue
		}
		info, err := os.Lstat(path)
		if err != nil {
			panic(err)
		}
		c.Edits = append(c.Edits, Edit{Path: path, Content: content, Info: info})
	}
	if _, err := repo.Commit(context.Background(), c); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(survived)
}

// dieAt kills the process at the n-th operation, and at a write after half of
// it.
func dieAt(n int) func(op, path string) error {
	turns := make(chan int, 1)
	turns <- 0
	return func(op, _ string) error {
		turn := <-turns + 1
		turns <- turn
		if turn < n {
			return nil
		}
		if turn == n && op == "write" {
			return syscall.EIO
		}
		// No deferred call, no flush: as a SIGKILL would.
		if p, err := os.FindProcess(os.Getpid()); err == nil {
			_ = p.Kill()
		}
		select {}
	}
}

// changed is a work tree with one commit, and saves that touch old and new
// folders and take a file away.
func changed(t *testing.T) *work {
	t.Helper()
	w := newWork(t)
	for _, p := range []string{"a/x.yaml", "a/z.yaml", "gone.yaml", "b/c/d.yaml"} {
		w.write(p, "1\n")
	}
	w.commit("a/x.yaml", "a/z.yaml", "gone.yaml", "b/c/d.yaml")
	w.write("user.txt", "staged by the user\n")
	w.git("add", "user.txt")
	w.write("a/x.yaml", "2\n")
	w.write("a/new/y.yaml", "2\n")
	w.remove("gone.yaml")
	return w
}

// The process dies at each operation of a commit in turn: after it nothing more
// reaches the disk. At some steps it is another process that is really killed.
// After the next start the repository is whole, the commit is there or is not,
// no lock of ours is left, what the user staged is staged, and the next commit
// goes through.
func TestCrashAtEveryStep(t *testing.T) {
	w := changed(t)
	const killEvery = 12
	outcomes := map[bool]int{}
	want := "1 A. N... 000000 100644 100644 0000000000000000000000000000000000000000 " +
		BlobHash([]byte("staged by the user\n")).String() + " user.txt"
	for n, beyond := 1, false; !beyond; n++ {
		w.write("a/x.yaml", fmt.Sprintf("%d\n", n))
		w.write("a/new/y.yaml", fmt.Sprintf("%d\n", n))
		if n%2 == 0 {
			w.write("gone.yaml", "back\n")
		} else if n > 1 {
			w.remove("gone.yaml")
		}
		before := w.tip()
		if n%killEvery == 0 {
			child := exec.Command(os.Args[0])
			child.Dir = w.dir
			child.Env = append(os.Environ(), crashing+"="+strconv.Itoa(n))
			out, err := child.CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() == 1 {
				t.Fatalf("step %d: the child was to die: %v: %s", n, err, out)
			}
			beyond = exit.ExitCode() == survived
		} else {
			dead := diesAt(n)
			w.repo.disk.sync = true
			w.repo.disk.before = dead.before
			_, err := w.tryCommit("a/x.yaml", "a/new/y.yaml", "gone.yaml")
			beyond = dead.ops < n
			if beyond && err != nil {
				t.Fatalf("without a crash: %v", err)
			}
		}
		w.open()
		w.noLocks()
		after := w.tip()
		outcomes[after != before]++
		if after == before {
			if _, err := w.tryCommit("a/x.yaml", "a/new/y.yaml", "gone.yaml"); err != nil {
				t.Fatalf("step %d: the next commit: %v", n, err)
			}
		}
		if got := w.status(); got != want {
			t.Fatalf("step %d: git status:\n%s", n, got)
		}
		w.noLocks()
		w.cachedTrees()
		if n%8 == 0 {
			w.fsck()
		}
	}
	w.whole()
	if outcomes[true] < 3 || outcomes[false] < 10 {
		t.Fatalf("crashes before and after the swap: %v", outcomes)
	}
	t.Logf("died %d times before the branch moved, %d times after", outcomes[false], outcomes[true])
}

// deadDisk is a disk on which nothing more happens from the n-th operation on;
// a write there is half done.
type deadDisk struct {
	mu     sync.Mutex
	n, ops int
}

func diesAt(n int) *deadDisk { return &deadDisk{n: n} }

func (d *deadDisk) before(string, string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ops++
	if d.ops < d.n {
		return nil
	}
	return errDead
}

var errDead = errors.New("the process is dead")

// A lock that somebody else made is left alone, also where a crash of ours had
// left one that a person removed since.
func TestRecoveryLeavesForeignLocksAlone(t *testing.T) {
	for _, name := range []string{"index.lock", "HEAD.lock", "refs/heads/main.lock"} {
		t.Run(name, func(t *testing.T) {
			w := changed(t)
			lock := filepath.Join(w.dir, ".git", filepath.FromSlash(name))
			for n := 10; ; n++ { // find a step at which our lock is left
				w.write("a/x.yaml", fmt.Sprintf("%d\n", n))
				w.repo.disk.before = diesAt(n).before
				_, _ = w.tryCommit("a/x.yaml")
				if _, err := os.Lstat(lock); err == nil {
					break
				}
				if n > 100 {
					t.Fatal("no step leaves the lock")
				}
				w.open() // recover
			}
			if err := os.Remove(lock); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(lock, []byte("foreign"), 0o666); err != nil {
				t.Fatal(err)
			}
			w.open()
			if got, err := os.ReadFile(lock); err != nil || string(got) != "foreign" {
				t.Fatalf("the foreign lock: %q, %v", got, err)
			}
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			_, err := w.repo.Commit(ctx, NewCommit{
				Branch: "refs/heads/main", Tip: w.tip(), Message: "m", Author: ada,
				Edits: []Edit{{Path: "q.yaml", Content: []byte("q")}},
			})
			if err == nil {
				t.Fatal("the commit went through a foreign lock")
			}
			if err := os.Remove(lock); err != nil {
				t.Fatal(err)
			}
			w.whole()
		})
	}
}

// Each operation of a commit fails in turn, with a full disk, a broken one, a
// read-only one, and writes that stop in the middle. Nothing is half done, and
// when the disk is well again the next commit goes through.
func TestFaultAtEveryStep(t *testing.T) {
	w := changed(t)
	staged := w.git("status", "--porcelain=v2", "user.txt")
	faults := []error{syscall.ENOSPC, syscall.EIO, syscall.EROFS}
	for n := 1; ; n++ {
		before := w.tip()
		turns, failed := make(chan int, 1), ""
		turns <- 0
		w.repo.disk.before = func(op, path string) error {
			turn := <-turns + 1
			defer func() { turns <- turn }()
			if turn != n {
				return nil
			}
			failed = op + " " + filepath.Base(path)
			return faults[n%len(faults)]
		}
		w.repo.disk.sync = true
		w.write("a/x.yaml", fmt.Sprintf("%d\n", n))
		if n%2 == 0 {
			w.write("a/new/y.yaml", "here\n")
		} else if _, err := os.Stat(filepath.Join(w.dir, "a/new/y.yaml")); err == nil {
			w.remove("a/new/y.yaml")
		}
		_, err := w.tryCommit("a/x.yaml", "a/new/y.yaml", "gone.yaml")
		w.repo.disk.before = nil
		after := w.tip()
		if err == nil && after == before {
			t.Fatalf("fault %d at %s: acknowledged and lost", n, failed)
		}
		if failed == "" {
			if err != nil {
				t.Fatalf("without a fault: %v", err)
			}
			break
		}
		if after == before {
			w.commit("a/x.yaml", "a/new/y.yaml", "gone.yaml")
		} else {
			w.open() // what the ref has and the index has not, is completed at the latest now
		}
		if got := w.status(); got != staged {
			t.Fatalf("fault %d at %s: git status:\n%s", n, failed, got)
		}
		w.noLocks()
		w.cachedTrees()
		if n%8 == 0 {
			w.fsck()
		}
	}
	w.whole()
}

// A repository that was moved after a crash is recovered where it is now.
func TestRecoveryAfterAMove(t *testing.T) {
	w := changed(t)
	for n := 10; ; n++ {
		w.write("a/x.yaml", fmt.Sprintf("%d\n", n))
		w.repo.disk.before = diesAt(n).before
		_, _ = w.tryCommit("a/x.yaml")
		if exists(filepath.Join(w.dir, ".git", "index.lock")) && exists(filepath.Join(w.dir, ".git", "HEAD.lock")) {
			break
		}
		if n > 100 {
			t.Fatal("no step leaves the locks")
		}
		w.open()
	}
	moved := w.dir + "-moved"
	if err := os.Rename(w.dir, moved); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(moved) })
	w.dir = moved
	w.open()
	w.noLocks()
	w.write("a/x.yaml", "after\n")
	w.commit("a/x.yaml")
	w.fsck()
}

// A loose object that somebody else left empty, as a power cut does, is written again
// by the commit that needs it.
func TestDamagedObjectIsWrittenAgain(t *testing.T) {
	w := newWork(t)
	w.write("a.yaml", "1\n")
	w.commit("a.yaml")
	w.write("a.yaml", "2\n")
	hash := w.git("hash-object", "-w", "a.yaml")
	path := filepath.Join(w.dir, ".git", "objects", hash[:2], hash[2:])
	if err := errors.Join(os.Chmod(path, 0o644), os.Truncate(path, 0)); err != nil {
		t.Fatal(err)
	}
	w.commit("a.yaml")
	w.clean()
	w.fsck()
}
