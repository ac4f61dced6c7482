package gitstore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// git add && git commit in a loop, and our commits in a loop, in one work tree
// on one branch: nothing that either side was told is done may be lost, git may
// see no torn index or ref, and readers here see only whole commits.
func TestSharedWithGit(t *testing.T) {
	w := newWork(t)
	for i := range 40 {
		w.write(fmt.Sprintf("set-%d/prompt.yaml", i), "0\n")
	}
	w.git("add", ".")
	w.git("commit", "-q", "-m", "start")
	start := time.Now()
	const enough = 8
	var group sync.WaitGroup
	var mu sync.Mutex
	done := map[string]bool{} // subjects that were acknowledged
	refused, acknowledged := map[string]int{}, map[string]int{}
	going := func() bool { // until both sides got through, or it is clear that one starves
		mu.Lock()
		defer mu.Unlock()
		short := acknowledged["ours"] < enough || acknowledged["user"] < enough
		return time.Since(start) < 2*time.Second || short && time.Since(start) < 30*time.Second
	}
	group.Go(func() {
		for i := 0; going(); i++ {
			path := fmt.Sprintf("user/file-%d.txt", i%20)
			w.write(path, fmt.Sprint(i))
			subject := fmt.Sprintf("user %d", i)
			_, err := w.tryGit("add", path)
			if err == nil {
				_, err = w.tryGit("commit", "-q", "-m", subject)
			}
			mu.Lock()
			if err == nil {
				done[subject] = true
				acknowledged["user"]++
			} else if refusal(err) {
				refused["user"]++
			} else {
				t.Errorf("git saw something torn: %v", err)
			}
			mu.Unlock()
		}
	})
	group.Go(func() {
		for i := 1; going(); i++ {
			path := fmt.Sprintf("set-%d/prompt.yaml", i%40)
			w.write(path, fmt.Sprintf("%d\n", i))
			subject := fmt.Sprintf("ours %d", i)
			s, err := w.repo.State()
			if err != nil {
				t.Error(err)
				return
			}
			_, err = w.repo.Commit(context.Background(), NewCommit{Branch: s.Branch, Tip: s.Tip, Message: subject, Author: ada, Edits: []Edit{w.edit(path)}})
			mu.Lock()
			switch {
			case err == nil:
				done[subject] = true
				acknowledged["ours"]++
			case errors.Is(err, ErrMoved), errors.Is(err, ErrBusy):
				refused["ours"]++
			default:
				t.Errorf("our commit: %v", err)
			}
			mu.Unlock()
			time.Sleep(10 * time.Millisecond) // a save is not faster, and the user shall get a turn
		}
	})
	group.Go(func() {
		for going() {
			if _, err := w.tryGit("status", "--porcelain"); err != nil {
				t.Errorf("git status: %v", err)
			}
			if _, err := w.tryGit("pack-refs", "--all"); err != nil && !strings.Contains(err.Error(), "lock") {
				t.Errorf("git pack-refs: %v", err)
			}
			if _, err := w.tryGit("repack", "-q", "-a", "-d"); err != nil {
				t.Errorf("git repack: %v", err)
			}
		}
	})
	group.Go(func() {
		for going() {
			tip, err := w.repo.Tip("refs/heads/main")
			if err != nil {
				t.Errorf("tip: %v", err)
				return
			}
			n := 0
			for _, err := range w.repo.Walk(tip, "") {
				if err != nil {
					t.Errorf("walk: %v", err)
					return
				}
				n++
			}
			if n < 40 {
				t.Errorf("a tip with %d files", n)
			}
		}
	})
	group.Wait()
	log := w.git("log", "--format=%s")
	history := map[string]bool{}
	for line := range strings.Lines(log) {
		history[strings.TrimSpace(line)] = true
	}
	for subject := range done {
		if !history[subject] {
			t.Errorf("%q was acknowledged and is lost", subject)
		}
	}
	if acknowledged["ours"] < enough || acknowledged["user"] < enough {
		t.Errorf("acknowledged %v, refused %v: somebody starves", acknowledged, refused)
	}
	t.Logf("acknowledged %v, refused %v", acknowledged, refused)
	w.whole()
}

// refusal reports whether git said no, as it may beside somebody else: a lock
// is held, the branch has moved, what was staged has been committed; or its own
// repack took the empty folder away that it was about to write an object to.
func refusal(err error) bool {
	for _, what := range []string{"index.lock", "cannot lock ref", "nothing added", "nothing to commit", "unable to create temporary file"} {
		if strings.Contains(err.Error(), what) {
			return true
		}
	}
	return false
}

// Many commits here at once: each is told to try again or is there.
func TestConcurrentCommits(t *testing.T) {
	w := newWork(t)
	second := &work{t: t, dir: w.dir}
	second.open()
	var group sync.WaitGroup
	for i := range 6 {
		repo := []*Repo{w.repo, second.repo}[i%2]
		group.Go(func() {
			for n := range 4 {
				for {
					s, err := repo.State()
					if err != nil {
						t.Error(err)
						return
					}
					_, err = repo.Commit(context.Background(), NewCommit{
						Branch: s.Branch, Tip: s.Tip, Message: "m", Author: ada,
						Edits: []Edit{{Path: fmt.Sprintf("%d/%d.yaml", i, n), Content: []byte("x\n")}},
					})
					if err == nil {
						break
					}
					if !errors.Is(err, ErrMoved) && !errors.Is(err, ErrBusy) {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	group.Wait()
	w.git("checkout", "-q", ".")
	w.clean()
	if got := w.git("rev-list", "--count", "HEAD"); got != "24" {
		t.Fatalf("%s commits", got)
	}
}

// A repository stays readable and committable while others repack it, pack its
// refs and prune it.
func TestSurvivesMaintenance(t *testing.T) {
	w := newWork(t)
	w.write("a/x.yaml", "0\n")
	first := w.commit("a/x.yaml")
	for i, maintain := range [][]string{
		{"gc", "-q", "--prune=now"},
		{"repack", "-q", "-a", "-d", "-f"},
		{"maintenance", "run", "--task=loose-objects"},
		{"maintenance", "run", "--task=loose-objects"},
		{"maintenance", "run", "--task=incremental-repack"},
		{"pack-refs", "--all", "--prune"},
		{"gc", "-q", "--aggressive", "--prune=now"},
	} {
		w.git(maintain...)
		for content, err := range w.contents(first) {
			if err != nil || content != "0\n" {
				t.Fatalf("after git %v: %q, %v", maintain, content, err)
			}
		}
		w.write("a/x.yaml", fmt.Sprintf("%d\n", i+1))
		w.write(fmt.Sprintf("b/%d.yaml", i), fmt.Sprintf("%d\n", i+1))
		w.commit("a/x.yaml", fmt.Sprintf("b/%d.yaml", i))
		w.clean()
	}
}

// contents reads the files of a commit.
func (w *work) contents(rev Hash) func(func(string, error) bool) {
	return func(yield func(string, error) bool) {
		for e, err := range w.repo.Walk(rev, "") {
			var content []byte
			if err == nil {
				content, err = w.repo.Blob(e.Hash)
			}
			if !yield(string(content), err) {
				return
			}
		}
	}
}

// What a gc takes away between the writing of objects and the swap of the ref
// is written again.
func TestPruneInTheMiddleOfACommit(t *testing.T) {
	w := newWork(t)
	w.write("a/x.yaml", "0\n")
	w.commit("a/x.yaml")
	w.git("gc", "-q")
	w.write("a/x.yaml", "1\n")
	pruned := 0
	w.repo.disk.before = func(op, path string) error {
		if op == "link" {
			pruned++
			if _, err := w.tryGit("prune", "--expire=now"); err != nil {
				t.Error(err)
			}
		}
		return nil
	}
	w.commit("a/x.yaml")
	w.repo.disk.before = nil
	if pruned < 3 {
		t.Fatalf("pruned %d times", pruned)
	}
	w.clean()
}

// An object that is there already but unreachable is kept fresh, and an open
// pack that is gone is not taken for one that is there.
func TestObjectsThatAreGoneAreWrittenAgain(t *testing.T) {
	w := newWork(t)
	w.write("a.yaml", "kept\n")
	first := w.commit("a.yaml")
	w.write("a.yaml", "dropped\n")
	w.commit("a.yaml")
	w.git("gc", "-q")
	if _, err := w.repo.Blob(BlobHash([]byte("dropped\n"))); err != nil {
		t.Fatal(err)
	}
	w.git("reset", "-q", "--hard", first.String())
	w.git("reflog", "expire", "--expire=now", "--all")
	w.git("gc", "-q", "--prune=now")
	w.write("a.yaml", "dropped\n")
	w.commit("a.yaml")
	w.clean()
}

func TestBusy(t *testing.T) {
	w := newWork(t)
	w.write("a.yaml", "1\n")
	w.commit("a.yaml")
	w.git("checkout", "-q", "-b", "other")
	w.write("a.yaml", "other\n")
	w.commit("a.yaml")
	w.git("checkout", "-q", "main")
	w.write("a.yaml", "main\n")
	w.commit("a.yaml")
	tip := w.tip()
	state := func(want string) {
		t.Helper()
		s, err := w.repo.State()
		if err != nil || s.Busy != want {
			t.Fatalf("state: %+v, %v, want %q", s, err, want)
		}
		_, err = w.repo.Commit(context.Background(), NewCommit{
			Branch: "refs/heads/main", Tip: tip, Message: "m", Author: ada, Edits: []Edit{{Path: "b.yaml", Content: []byte("b\n")}},
		})
		if want != "" && !errors.Is(err, ErrBusy) {
			t.Fatalf("commit in the middle of %s: %v", want, err)
		}
	}
	if _, err := w.tryGit("merge", "other"); err == nil {
		t.Fatal("the merge was to conflict")
	}
	state("a merge")
	if err := os.Remove(filepath.Join(w.dir, ".git", "MERGE_HEAD")); err != nil {
		t.Fatal(err)
	}
	state("unmerged paths")
	w.git("reset", "-q", "--hard")
	for command, want := range map[string]string{"rebase": "a rebase", "cherry-pick": "a cherry-pick"} {
		if _, err := w.tryGit(command, "other"); err == nil {
			t.Fatalf("the %s was to conflict", command)
		}
		s, err := w.repo.State()
		if err != nil || s.Busy != want {
			t.Fatalf("state: %+v, %v", s, err)
		}
		if want == "a cherry-pick" {
			state(want)
		}
		w.git(command, "--abort")
	}
	w.git("bisect", "start")
	state("a bisect")
	w.git("bisect", "reset")
	w.git("checkout", "-q", "--detach")
	s, err := w.repo.State()
	if err != nil || s.Branch != "" || s.Tip != tip || s.Busy != "" {
		t.Fatalf("detached: %+v, %v", s, err)
	}
	w.git("checkout", "-q", "main")
	state("")
}
