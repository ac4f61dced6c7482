package gitstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestResolve(t *testing.T) {
	w := newWork(t)
	w.write("a.yaml", "1\n")
	first := w.commit("a.yaml")
	w.write("a.yaml", "2\n")
	second := w.commit("a.yaml")
	w.git("branch", "topic/x", first.String())
	w.git("tag", "light", first.String())
	w.git("tag", "-a", "-m", "m", "heavy", first.String())
	check := func() {
		t.Helper()
		for name, want := range map[string]Hash{
			"HEAD": second, "@": second, "main": second, "refs/heads/main": second, "heads/main": second, "topic/x": first,
			"light": first, "heavy": first, "refs/tags/heavy": first, second.String(): second, second.Short(): second,
			strings.ToUpper(first.String()[:9]): first, "HEAD~1": first, "main^": first, "main~0": second,
		} {
			got, err := w.repo.Resolve(name)
			if err != nil || got != want {
				t.Errorf("resolve %q: %s, %v, want %s", name, got, err, want)
			}
		}
		tree, err := w.repo.TreeAt(second, "")
		if err != nil || tree.String() != w.git("rev-parse", "main^{tree}") {
			t.Errorf("tree: %s, %v", tree, err)
		}
		for _, name := range []string{"", "nothing", "HEAD~9", "main^2", "abc", "../HEAD", "refs/heads", tree.String(), strings.Repeat("1", 40), "main~x"} {
			if got, err := w.repo.Resolve(name); !errors.Is(err, ErrNotFound) {
				t.Errorf("resolve %q: %s, %v", name, got, err)
			}
		}
		var names []string
		refs, err := w.repo.Refs("refs/")
		for _, r := range refs {
			names = append(names, fmt.Sprintf("%s %s", r.Hash, r.Name))
		}
		if want := w.git("for-each-ref", "--format=%(objectname) %(refname)"); err != nil || strings.Join(names, "\n") != want {
			t.Errorf("refs: %v\n%s\nwant\n%s", err, strings.Join(names, "\n"), want)
		}
	}
	check()
	w.git("pack-refs", "--all")
	w.git("gc", "-q")
	check()
	if refs, err := w.repo.Refs("refs/heads/t"); err != nil || len(refs) != 1 || refs[0].Name != "refs/heads/topic/x" {
		t.Errorf("refs with a prefix: %v, %v", refs, err)
	}
	if _, err := w.repo.Tip("refs/heads/nothing"); !errors.Is(err, ErrNotFound) {
		t.Errorf("tip: %v", err)
	}
	w.git("symbolic-ref", "refs/heads/alias", "refs/heads/main")
	if got, err := w.repo.Tip("refs/heads/alias"); err != nil || got != second {
		t.Errorf("tip of a symbolic ref: %s, %v", got, err)
	}
}

func TestSetRef(t *testing.T) {
	w := newWork(t)
	w.write("a.yaml", "1\n")
	first := w.commit("a.yaml")
	w.write("a.yaml", "2\n")
	second := w.commit("a.yaml")
	set := func(ref string, old, new Hash, want error) {
		t.Helper()
		err := w.repo.SetRef(ref, old, new)
		if (err == nil) != (want == nil) || want != nil && want != errAny && !errors.Is(err, want) {
			t.Fatalf("set %s: %v, want %v", ref, err, want)
		}
		w.whole()
	}
	set("refs/heads/a/b", Hash{}, first, nil)
	set("refs/heads/a/b", Hash{}, second, ErrMoved)
	set("refs/heads/a/b", second, first, ErrMoved)
	set("refs/heads/a/b", first, second, nil)
	set("refs/heads/a", Hash{}, first, errAny)
	set("refs/heads/a/b/c", Hash{}, first, errAny)
	set("refs/tags/v1", Hash{}, first, nil)
	set("refs/heads/x", Hash{}, Hash{1}, ErrNotFound)
	set("refs/heads/main", second, first, ErrBusy)
	set("refs/heads/../x", Hash{}, first, errAny)
	w.git("pack-refs", "--all")
	set("refs/heads/a/b", first, second, ErrMoved)
	set("refs/heads/a/b", second, first, nil)
	set("refs/heads/a/b", first, Hash{}, nil)
	if out := w.git("for-each-ref", "--format=%(refname)", "refs/heads/a", "refs/tags"); out != "refs/tags/v1" {
		t.Fatalf("refs are %s", out)
	}
	set("refs/heads/a", Hash{}, first, nil) // the empty folder a is in the way
	if got := w.git("rev-parse", "a"); got != first.String() {
		t.Fatalf("a is %s", got)
	}
	set("refs/tags/v1", first, Hash{}, nil)
	set("refs/tags/v1", first, Hash{}, ErrMoved)
	w.clean()
}

var errAny = errors.New("any error")

// A foreign lock is waited for, then reported with advice, and left.
func TestForeignLock(t *testing.T) {
	w := newWork(t)
	w.write("a.yaml", "1\n")
	w.commit("a.yaml")
	lock := filepath.Join(w.dir, ".git", "refs", "heads", "main.lock")
	if err := os.WriteFile(lock, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	w.write("a.yaml", "2\n")
	_, err := w.tryCommit("a.yaml")
	var hint interface{ Hint() string }
	if !errors.Is(err, ErrBusy) || !errors.As(err, &hint) || !strings.Contains(hint.Hint(), lock) {
		t.Fatalf("commit: %v", err)
	}
	w.noLocks()
	if err := os.Remove(lock); err != nil {
		t.Fatal(err)
	}
	release := make(chan struct{})
	lock = filepath.Join(w.dir, ".git", "index.lock")
	if err := os.WriteFile(lock, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	waiting := false
	w.repo.disk.before = func(op, path string) error {
		if op == "link" && path == lock && !waiting {
			waiting = true
			go func() {
				_ = os.Remove(lock)
				close(release)
			}()
		}
		return nil
	}
	c := NewCommit{Branch: "refs/heads/main", Tip: w.tip(), Message: "m", Author: ada, Edits: []Edit{w.edit("a.yaml")}}
	if _, err := w.repo.Commit(context.Background(), c); err != nil {
		t.Fatal(err)
	}
	<-release
	w.repo.disk.before = nil
	w.clean()
}

// A ref may be called what git lets it be called.
func TestRefNamesAsGit(t *testing.T) {
	isolate(t)
	parts := []string{"a", "A", "b.c", ".", "..", "@", "@{", "~", "^", ":", "?", "*", "[", "\\", " ", "\t", "\x7f", ".lock", "lock", "-", "/", "//", "ü", "x"}
	random := rand.New(rand.NewPCG(4, 4))
	good := 0
	for range 300 {
		name := "refs/heads/"
		for range 1 + random.IntN(4) {
			name += parts[random.IntN(len(parts))]
		}
		err := exec.Command("git", "check-ref-format", name).Run()
		if (err == nil) != validRef(name) {
			t.Errorf("%q: git says %v", name, err)
		}
		if err == nil {
			good++
		}
	}
	if good < 30 {
		t.Errorf("%d names of 300 are good: it tests little", good)
	}
}

// A branch that another worktree rebases is that one's: git comes back to it.
func TestBranchThatIsRebased(t *testing.T) {
	w := newWork(t)
	w.write("a.yaml", "1\n")
	w.commit("a.yaml")
	other := &work{t: t, dir: filepath.Join(t.TempDir(), "other")}
	w.git("worktree", "add", "-q", "-b", "topic", other.dir)
	other.open()
	other.write("a.yaml", "topic\n")
	tip := other.commit("a.yaml")
	w.write("a.yaml", "main\n")
	w.commit("a.yaml")
	if _, err := other.tryGit("rebase", "-q", "main"); err == nil {
		t.Fatal("the rebase was to conflict")
	}
	if err := w.repo.SetRef("refs/heads/topic", tip, w.tip()); !errors.Is(err, ErrBusy) {
		t.Errorf("set: %v", err)
	}
	_, err := w.repo.Commit(context.Background(), NewCommit{
		Branch: "refs/heads/topic", Tip: tip, Message: "m", Author: ada, Edits: []Edit{{Path: "b.yaml", Content: []byte("b\n")}},
	})
	if !errors.Is(err, ErrBusy) {
		t.Errorf("commit: %v", err)
	}
	// A lock of the branch, as of a command that moves it, is named.
	lock := filepath.Join(w.dir, ".git", "refs", "heads", "main.lock")
	if err := os.WriteFile(lock, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if s, err := w.repo.State(); err != nil || s.Lock != "refs/heads/main.lock" {
		t.Errorf("state: %+v, %v", s, err)
	}
}
