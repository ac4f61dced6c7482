package gitstore

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"
)

func TestCommitLeavesStatusClean(t *testing.T) {
	w := newWork(t)
	w.write("a/x.yaml", "x: 1\n")
	w.write("a/b/y.yaml", "y: 1\n")
	w.write("top.yaml", "top: 1\n")
	w.commit("a/x.yaml", "a/b/y.yaml", "top.yaml")
	w.clean()
	if got := w.git("log", "-1", "--format=%an <%ae> %cn %s"); got != "Ada <ada@example.org> Ada update a/x.yaml, a/b/y.yaml, top.yaml" {
		t.Fatalf("the commit is %q", got)
	}

	w.write("a/x.yaml", "x: 22\n")
	w.commit("a/x.yaml")
	w.clean()

	w.write("a/b/c/d/new.yaml", "new: 1\n")
	w.write("a/a.yaml", "first\n")
	w.commit("a/b/c/d/new.yaml", "a/a.yaml")
	w.clean()

	w.remove("a/b/c/d/new.yaml")
	w.commit("a/b/c/d/new.yaml")
	w.clean()

	w.remove("a/x.yaml")
	w.remove("a/a.yaml")
	w.remove("a/b/y.yaml")
	w.remove("top.yaml")
	w.commit("a/x.yaml", "a/a.yaml", "a/b/y.yaml", "top.yaml")
	w.clean()
	if got := w.git("rev-list", "--count", "HEAD"); got != "5" {
		t.Fatalf("%s commits", got)
	}
	for _, ref := range []string{"HEAD", "main"} {
		if got := strings.Count(w.git("reflog", "show", ref), "\n") + 1; got != 5 {
			t.Fatalf("the reflog of %s has %d lines", ref, got)
		}
	}
}

// Who gives up waiting for another commit of the same process is let go.
func TestCommitWaitsNoLongerThanItsContext(t *testing.T) {
	w := newWork(t)
	end, err := w.repo.beginCommit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	given := errors.New("enough")
	cancel(given)
	_, err = w.repo.Commit(ctx, NewCommit{Branch: "refs/heads/main", Edits: []Edit{{Path: "x.yaml"}}, Author: ada})
	if !errors.Is(err, given) {
		t.Errorf("commit: %v", err)
	}
	end()
	w.write("x.yaml", "x: 1\n")
	w.commit("x.yaml")
}

// The user's next git status must not have to read the files again: their stat
// in the index is right.
func TestCommitPutsTheStatInTheIndex(t *testing.T) {
	w := newWork(t)
	w.write("a.yaml", "a: 1\n")
	w.commit("a.yaml")
	if out := w.git("diff-files", "--raw"); out != "" {
		t.Fatalf("git diff-files, which trusts the stat alone: %s", out)
	}
}

func TestCommitLeavesStagedWorkStaged(t *testing.T) {
	w := newWork(t)
	w.write("ours.yaml", "1\n")
	w.write("theirs.yaml", "1\n")
	w.write("gone.yaml", "1\n")
	w.write("d/e/deep.yaml", "1\n")
	w.commit("ours.yaml", "theirs.yaml", "gone.yaml", "d/e/deep.yaml")

	w.write("theirs.yaml", "2\n")
	w.write("d/staged.yaml", "new\n")
	w.git("add", "theirs.yaml", "d/staged.yaml")
	w.git("rm", "-q", "gone.yaml")
	w.write("later.yaml", "later\n")
	w.git("add", "-N", "later.yaml")
	want := w.status()

	w.write("ours.yaml", "2\n")
	w.write("d/e/deep.yaml", "2\n")
	w.write("d/f/new.yaml", "2\n")
	w.commit("ours.yaml", "d/e/deep.yaml", "d/f/new.yaml")
	if got := w.status(); got != want {
		t.Fatalf("git status was\n%s\nand is\n%s", want, got)
	}
	w.whole()
	w.git("commit", "-q", "-m", "theirs")
	w.write("later.yaml", "later\n")
	w.commit("later.yaml")
	w.clean()
}

func TestCommitRefusesWhatTheUserStaged(t *testing.T) {
	for name, stage := range map[string]func(w *work){
		"other content": func(w *work) {
			w.write("a.yaml", "staged\n")
			w.git("add", "a.yaml")
			w.write("a.yaml", "saved\n")
		},
		"removal": func(w *work) {
			w.git("rm", "-q", "--cached", "a.yaml")
			w.write("a.yaml", "saved\n")
		},
		"new file, gone again": func(w *work) {
			w.write("new.yaml", "staged\n")
			w.git("add", "new.yaml")
			w.remove("new.yaml")
		},
		"file where the commit has a folder": func(w *work) {
			w.write("dir", "staged\n")
			w.git("add", "dir")
			w.remove("dir")
			w.write("dir/x.yaml", "saved\n")
		},
		"folder where the commit has a file": func(w *work) {
			w.write("file/x", "staged\n")
			w.git("add", "file/x")
			w.remove("file/x")
			if err := os.Remove(filepath.Join(w.dir, "file")); err != nil {
				w.t.Fatal(err)
			}
			w.write("file", "saved\n")
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWork(t)
			w.write("a.yaml", "1\n")
			w.write("file-b", "between\n")
			w.write("dir-b", "between\n")
			w.commit("a.yaml", "file-b", "dir-b")
			stage(w)
			before, tip := w.status(), w.tip()
			paths := []string{"a.yaml"}
			for _, p := range []string{"dir/x.yaml", "file"} {
				if _, err := os.Stat(filepath.Join(w.dir, p)); err == nil {
					paths = []string{p}
				}
			}
			if strings.Contains(before, "new.yaml") {
				paths = []string{"new.yaml"}
				// something else to commit, so that the tree changes
				w.write("a.yaml", "2\n")
				before = w.status()
				paths = append(paths, "a.yaml")
			}
			_, err := w.tryCommit(paths...)
			var staged *StagedError
			if !errors.Is(err, ErrStaged) || !errors.As(err, &staged) || len(staged.Paths) != 1 {
				t.Fatalf("commit: %v", err)
			}
			if w.tip() != tip || w.status() != before {
				t.Fatal("something has changed")
			}
			w.whole()
		})
	}
}

// What the user staged is what was saved: the commit takes it up.
func TestCommitTakesWhatIsStagedAlike(t *testing.T) {
	w := newWork(t)
	w.write("a.yaml", "1\n")
	w.write("b.yaml", "1\n")
	w.commit("a.yaml", "b.yaml")
	w.write("a.yaml", "2\n")
	w.git("add", "a.yaml")
	w.git("rm", "-q", "b.yaml")
	w.commit("a.yaml", "b.yaml")
	w.clean()
}

func TestCommitKeepsModes(t *testing.T) {
	w := newWork(t)
	w.write("run.sh", "1\n")
	if err := os.Chmod(filepath.Join(w.dir, "run.sh"), 0o755); err != nil {
		t.Fatal(err)
	}
	w.commit("run.sh")
	w.clean()
	e := Edit{Path: "run.sh", Content: []byte("2\n")}
	_, err := w.repo.Commit(context.Background(), NewCommit{Branch: "refs/heads/main", Tip: w.tip(), Message: "m", Author: ada, Edits: []Edit{e}})
	if err != nil {
		t.Fatal(err)
	}
	if got := w.git("ls-tree", "HEAD", "run.sh"); !strings.HasPrefix(got, "100755 ") {
		t.Fatalf("the tree has %s", got)
	}
	w.write("run.sh", "2\n")
	w.git("update-index", "--refresh")
	w.clean()
}

// A mode that the user staged is not committed, and not lost either.
func TestCommitLeavesStagedModeStaged(t *testing.T) {
	for _, fileMode := range []string{"true", "false"} {
		t.Run("fileMode="+fileMode, func(t *testing.T) {
			w := newWork(t)
			w.git("config", "core.fileMode", fileMode)
			w.open()
			w.write("a/run.yaml", "1\n")
			w.write("a/new.yaml", "1\n")
			w.commit("a/run.yaml")
			w.git("update-index", "--chmod=+x", "a/run.yaml")
			w.git("update-index", "--add", "--chmod=+x", "a/new.yaml")
			w.git("write-tree") // caches the tree with the mode
			w.write("a/run.yaml", "2\n")
			w.commit("a/run.yaml", "a/new.yaml")
			if got, want := w.git("ls-tree", "-r", "--format=%(objectmode) %(path)", "HEAD"), "100644 a/new.yaml\n100644 a/run.yaml"; got != want {
				t.Errorf("committed:\n%s", got)
			}
			want := ":100644 100755 " + w.git("rev-parse", "HEAD:a/new.yaml") + " " + w.git("rev-parse", "HEAD:a/new.yaml") + " M\ta/new.yaml\n" +
				":100644 100755 " + w.git("rev-parse", "HEAD:a/run.yaml") + " " + w.git("rev-parse", "HEAD:a/run.yaml") + " M\ta/run.yaml"
			if got := w.git("diff", "--cached", "--raw", "--no-abbrev"); got != want {
				t.Errorf("staged:\n%s\nwant\n%s", got, want)
			}
			w.cachedTrees()
			w.git("commit", "-q", "-m", "the mode")
			if got := w.git("ls-tree", "-r", "--format=%(objectmode)", "HEAD"); got != "100755\n100755" {
				t.Errorf("then committed:\n%s", got)
			}
			w.fsck()
		})
	}
}

func TestCommitRefusals(t *testing.T) {
	w := newWork(t)
	w.write("a.yaml", "1\n")
	first := w.commit("a.yaml")
	w.write("a.yaml", "2\n")
	second := w.commit("a.yaml")
	w.write("a.yaml", "3\n")
	good := NewCommit{Branch: "refs/heads/main", Tip: second, Message: "m", Author: ada, Edits: []Edit{w.edit("a.yaml")}}
	for name, c := range map[string]struct {
		change func(*NewCommit)
		want   error
	}{
		"moved":          {func(c *NewCommit) { c.Tip = first }, ErrMoved},
		"exists":         {func(c *NewCommit) { c.Tip = Hash{} }, ErrMoved},
		"unchanged":      {func(c *NewCommit) { c.Edits[0].Content = []byte("2\n") }, ErrUnchanged},
		"no branch":      {func(c *NewCommit) { c.Branch = "HEAD" }, nil},
		"orphan":         {func(c *NewCommit) { c.Orphan = true }, nil},
		"git's own":      {func(c *NewCommit) { c.Edits[0].Path = "a/.Git/config" }, nil},
		"outside":        {func(c *NewCommit) { c.Edits[0].Path = "../a" }, nil},
		"absolute":       {func(c *NewCommit) { c.Edits[0].Path = "/a" }, nil},
		"twice":          {func(c *NewCommit) { c.Edits = append(c.Edits, c.Edits[0]) }, nil},
		"below a file":   {func(c *NewCommit) { c.Edits[0].Path = "a.yaml/b" }, nil},
		"below a branch": {func(c *NewCommit) { c.Branch, c.Tip = "refs/heads/main/x", Hash{} }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			bad := good
			bad.Edits = append([]Edit(nil), good.Edits...)
			c.change(&bad)
			_, err := w.repo.Commit(context.Background(), bad)
			if err == nil || c.want != nil && !errors.Is(err, c.want) {
				t.Fatalf("commit: %v, want %v", err, c.want)
			}
			if w.tip() != second {
				t.Fatal("the branch has moved")
			}
		})
	}
	w.commit("a.yaml")
	w.clean()
}

func TestCommitToOtherBranches(t *testing.T) {
	w := newWork(t)
	w.write("a.yaml", "1\n")
	main := w.commit("a.yaml")
	ctx := context.Background()
	side := NewCommit{Branch: "refs/heads/imports/acme", Message: "vendor", Author: ada, Edits: []Edit{{Path: "v.yaml", Content: []byte("v\n")}}}
	first, err := w.repo.Commit(ctx, side)
	if err != nil {
		t.Fatal(err)
	}
	w.clean()
	side.Tip, side.Orphan, side.Edits[0].Content = first, true, []byte("w\n")
	second, err := w.repo.Commit(ctx, side)
	if err != nil {
		t.Fatal(err)
	}
	if got := w.git("rev-list", "--count", "imports/acme"); got != "1" {
		t.Fatalf("%s commits on the orphan branch", got)
	}
	merge := NewCommit{Branch: "refs/heads/main", Tip: main, Parents: []Hash{second}, Message: "merge", Author: ada, AllowEmpty: true}
	h, err := w.repo.Commit(ctx, merge)
	if err != nil {
		t.Fatal(err)
	}
	if got := w.git("log", "-1", "--format=%P"); got != main.String()+" "+second.String() {
		t.Fatalf("the parents are %s", got)
	}
	w.clean()
	other := filepath.Join(t.TempDir(), "other")
	w.git("worktree", "add", "-q", "-b", "topic", other)
	_, err = w.repo.Commit(ctx, NewCommit{Branch: "refs/heads/topic", Tip: h, Message: "m", Author: ada, AllowEmpty: true})
	if !errors.Is(err, ErrBusy) {
		t.Fatalf("commit to a branch that is checked out elsewhere: %v", err)
	}
	linked := &work{t: t, dir: other}
	linked.open()
	linked.write("b/b.yaml", "b\n")
	linked.commit("b/b.yaml")
	linked.clean()
	w.clean()
	if linked.repo.CommonDir() != w.repo.CommonDir() {
		t.Fatal("the worktrees have no common folder")
	}
}

func TestSignedCommit(t *testing.T) {
	if _, err := exec.LookPath("ssh-keygen"); err != nil {
		t.Skip("SKIPPED: needs ssh-keygen in the path")
	}
	w := newWork(t)
	signer, err := ssh.NewSignerFromKey(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize)))
	if err != nil {
		t.Fatal(err)
	}
	allowed := filepath.Join(t.TempDir(), "allowed")
	line := "ada@example.org namespaces=\"git\" " + string(ssh.MarshalAuthorizedKey(signer.PublicKey()))
	if err := os.WriteFile(allowed, []byte(line), 0o666); err != nil {
		t.Fatal(err)
	}
	w.git("config", "gpg.ssh.allowedSignersFile", allowed)
	w.write("a.yaml", "1\n")
	_, err = w.repo.Commit(context.Background(), NewCommit{
		Branch: "refs/heads/main", Message: "signed\n\nbody", Author: ada, Edits: []Edit{w.edit("a.yaml")},
		Sign: func(commit []byte) (string, error) {
			signature, err := sshsig.Sign(bytes.NewReader(commit), signer, sshsig.HashSHA512, "git")
			if err != nil {
				return "", err
			}
			return string(sshsig.Armor(signature)), nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	w.git("verify-commit", "HEAD")
	w.clean()
	c, err := w.repo.CommitAt(w.tip())
	if err != nil || c.Message != "signed\n\nbody\n" {
		t.Fatalf("commit: %+v, %v", c, err)
	}
}

// What a commit consists of is on disk before the branch names it, and the
// branch before Commit returns.
func TestDurability(t *testing.T) {
	w := changed(t)
	w.repo.disk.sync = true
	var mu sync.Mutex
	var steps []string
	w.repo.disk.before = func(op, path string) error {
		mu.Lock()
		defer mu.Unlock()
		rel, err := filepath.Rel(filepath.Join(w.dir, ".git"), path)
		if err != nil {
			t.Error(err)
		}
		steps = append(steps, op+" "+filepath.ToSlash(rel))
		return nil
	}
	h := w.commit("a/x.yaml", "a/new/y.yaml", "gone.yaml")
	w.repo.disk.before = nil
	at := map[string]int{}
	for i, s := range steps {
		at[s] = i
	}
	swapped, ok := at["rename refs/heads/main"]
	if !ok {
		t.Fatalf("the branch was not renamed: %q", steps)
	}
	objects := 0
	for _, s := range steps {
		path, ok := strings.CutPrefix(s, "rename objects/")
		if !ok {
			continue
		}
		objects++
		renamed, synced := at[s], at["sync objects/"+path[:2]]
		if renamed > synced || synced > swapped {
			t.Errorf("%s at %d, its folder synced at %d, the branch renamed at %d", s, renamed, synced, swapped)
		}
	}
	if objects != 5 { // one blob for two files alike, three trees, the commit
		t.Errorf("%d objects", objects)
	}
	files := 0
	for s, i := range at {
		if strings.HasPrefix(s, "sync objects/") && strings.Contains(s, "tmp_obj_") && i < swapped {
			files++
		}
	}
	if files != objects {
		t.Errorf("%d of %d objects synced", files, objects)
	}
	for _, s := range []string{"sync anvil/journal", "sync anvil/ref.pending", "link index.lock", "link HEAD.lock", "link refs/heads/main.lock"} {
		if i, ok := at[s]; !ok || i > swapped {
			t.Errorf("%s: at %d", s, i)
		}
	}
	if at["sync refs/heads"] < swapped || at["rename index"] < swapped {
		t.Errorf("the branch was renamed at %d, its folder synced at %d, the index renamed at %d", swapped, at["sync refs/heads"], at["rename index"])
	}
	if got := w.tip(); got != h {
		t.Errorf("the tip is %s", got)
	}
}

// The user switches branches in the middle of a commit: what was read on one branch
// goes to no other, and a branch that has just been checked out does not move under
// its index.
func TestSwitchInTheMiddle(t *testing.T) {
	w := newWork(t)
	w.write("a.yaml", "1\n")
	w.commit("a.yaml")
	w.git("branch", "topic")
	for name, c := range map[string]struct {
		from, to string // what is checked out, and then
		worktree bool
		want     error
	}{
		"away before":                {"topic", "", true, ErrMoved},
		"away, while it is made":     {"main", "topic", true, ErrMoved},
		"to it, while it is made":    {"topic", "main", false, ErrBusy},
		"another, while it is made":  {"topic", "other", false, nil},
		"none, and it is elsewhere":  {"topic", "", false, nil},
		"none, and it is where here": {"main", "", true, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w.git("checkout", "-q", "main")
			w.git("branch", "-f", "other", "main")
			w.git("checkout", "-q", c.from)
			w.open()
			tip, err := w.repo.Tip("refs/heads/main")
			if err != nil {
				t.Fatal(err)
			}
			var once sync.Once
			w.repo.disk.before = func(op, path string) error {
				if op == "create" && c.to != "" {
					once.Do(func() { w.git("checkout", "-q", c.to) })
				}
				return nil
			}
			_, err = w.repo.Commit(context.Background(), NewCommit{
				Branch: "refs/heads/main", WorkTree: c.worktree, Tip: tip, Message: name, Author: ada,
				Edits: []Edit{{Path: "b.yaml", Content: []byte(name)}},
			})
			w.repo.disk.before = nil
			if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
				t.Fatalf("commit: %v, want %v", err, c.want)
			}
			now, tipErr := w.repo.Tip("refs/heads/main")
			if tipErr != nil || (now != tip) != (c.want == nil) {
				t.Errorf("main was at %s and is at %s, %v", tip, now, tipErr)
			}
			if got := w.git("diff", "--cached", "--name-only"); got != "" {
				t.Errorf("staged by nobody: %s", got)
			}
			w.noLocks()
			w.git("reset", "-q", "--hard")
		})
	}
}
