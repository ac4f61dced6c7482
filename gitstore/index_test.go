package gitstore

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The cached trees stay valid, so that git need not read every tree at the
// user's next command.
func TestCachedTreesStayValid(t *testing.T) {
	w := newWork(t)
	valid := func(want bool) {
		t.Helper()
		root, _, err := parseCachedTree(w.extensions()["TREE"])
		if err != nil || (root.entries >= 0) != want {
			t.Fatalf("the root is %+v, %v, want valid %v", root, err, want)
		}
		if want && root.hash.String() != w.git("rev-parse", "HEAD^{tree}") {
			t.Fatalf("the root is %s", root.hash)
		}
		w.cachedTrees()
	}
	w.write("a/b/x.yaml", "1\n")
	w.write("a/c/y.yaml", "1\n")
	w.write("z.yaml", "1\n")
	w.commit("a/b/x.yaml", "a/c/y.yaml", "z.yaml")
	valid(true)
	w.write("a/b/x.yaml", "2\n")
	w.commit("a/b/x.yaml")
	valid(true)
	w.write("a/bb/n/x.yaml", "2\n")
	w.write("aa/x.yaml", "2\n")
	w.remove("a/c/y.yaml")
	w.commit("a/bb/n/x.yaml", "aa/x.yaml", "a/c/y.yaml")
	valid(true)
	w.write("a/b/user.txt", "u\n")
	w.git("add", "a/b/user.txt")
	w.write("aa/x.yaml", "3\n")
	w.write("a/b/new.yaml", "3\n")
	w.commit("aa/x.yaml", "a/b/new.yaml")
	valid(false)
	w.git("write-tree") // caches trees that are no commit's
	w.git("status")
	w.write("a/b/new.yaml", "4\n")
	w.commit("a/b/new.yaml")
	valid(false)
	w.git("commit", "-q", "-m", "user's")
	w.write("a/b/new.yaml", "5\n")
	w.commit("a/b/new.yaml")
	valid(true)
	w.clean()
}

// What else git keeps in the index survives a change, and is dropped where it
// would be wrong.
func TestIndexExtensions(t *testing.T) {
	for version := 2; version <= 4; version++ {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			w := newWork(t)
			w.git("config", "index.version", fmt.Sprint(version))
			w.git("config", "index.recordEndOfIndexEntries", "true")
			w.git("config", "core.untrackedCache", "true")
			for i := range 30 {
				w.write(fmt.Sprintf("p/s%d/x.yaml", i), fmt.Sprint(i))
			}
			w.git("add", ".")
			w.git("commit", "-q", "-m", "m")
			w.write("untracked", "u")
			w.git("update-index", "--force-untracked-cache")
			w.git("status")
			has := func(untracked bool) {
				t.Helper()
				found := w.extensions()
				_, untrackedCache := found["UNTR"]
				if _, ok := found["EOIE"]; !ok || untrackedCache != untracked {
					t.Fatalf("the extensions are %v", found)
				}
				if got := w.git("-c", "index.threads=4", "status", "--porcelain"); got != "?? untracked" {
					t.Fatalf("git status: %s", got)
				}
				w.fsck()
			}
			has(true)
			w.write("p/s7/x.yaml", "changed")
			w.commit("p/s7/x.yaml")
			w.cachedTrees()
			has(true)
			w.git("config", "core.untrackedCache", "keep")
			w.write("p/s7/y.yaml", "new")
			w.commit("p/s7/y.yaml")
			if _, ok := w.extensions()["UNTR"]; ok {
				t.Fatal("the untracked cache is kept, and knows a file that is tracked")
			}
			has(false)
		})
	}
}

// Flags of entries stay: assume-unchanged, skip-worktree; and an index written
// without a checksum keeps having none.
func TestIndexFlags(t *testing.T) {
	w := newWork(t)
	for _, p := range []string{"a.yaml", "b.yaml", "c.yaml"} {
		w.write(p, p)
	}
	w.commit("a.yaml", "b.yaml", "c.yaml")
	w.git("update-index", "--assume-unchanged", "a.yaml")
	w.git("update-index", "--skip-worktree", "b.yaml")
	want := w.git("ls-files", "-v")
	for _, p := range []string{"a.yaml", "b.yaml", "c.yaml"} {
		w.write(p, p+p)
	}
	w.commit("a.yaml", "b.yaml", "c.yaml")
	if got := w.git("ls-files", "-v"); got != want {
		t.Fatalf("the flags were\n%s\nand are\n%s", want, got)
	}
	w.clean()

	path := filepath.Join(w.dir, ".git", "index")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	copy(raw[len(raw)-20:], make([]byte, 20))
	if err := os.WriteFile(path, raw, 0o666); err != nil {
		t.Fatal(err)
	}
	w.write("a.yaml", "again")
	w.commit("a.yaml")
	x, _, err := w.repo.readIndex()
	if err != nil || !x.unsummed() {
		t.Fatalf("the checksum is back: %v", err)
	}
}

// The user has staged work before there is any commit.
func TestFirstCommitBesideStagedWork(t *testing.T) {
	w := newWork(t)
	w.write("user/u.txt", "u\n")
	w.git("add", "user/u.txt")
	w.write("a/x.yaml", "x\n")
	w.commit("a/x.yaml")
	if got := w.git("status", "--porcelain"); got != "A  user/u.txt" {
		t.Fatalf("git status: %s", got)
	}
	w.whole()
	if blobs, local, err := w.repo.IndexBlobs("a"); err != nil || len(local) != 0 || len(blobs) != 1 || blobs["a/x.yaml"] != BlobHash([]byte("x\n")) {
		t.Fatalf("the index holds %v, %v", blobs, err)
	}
}

func TestDamagedIndex(t *testing.T) {
	w := newWork(t)
	w.write("a.yaml", "1\n")
	w.commit("a.yaml")
	path := filepath.Join(w.dir, ".git", "index")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range [][]byte{raw[:40], append([]byte("XXXX"), raw[4:]...), append(raw[:60:60], append([]byte{raw[60] ^ 1}, raw[61:]...)...)} {
		if err := os.WriteFile(path, bad, 0o666); err != nil {
			t.Fatal(err)
		}
		w.write("a.yaml", fmt.Sprint(len(bad), bad[0]))
		if _, err := w.repo.State(); err == nil {
			t.Error("a damaged index goes unseen")
		}
	}
}

// An empty index is one that a power cut left: git refuses it, and so do we, with the
// way out.
func TestEmptyIndexIsDamage(t *testing.T) {
	w := newWork(t)
	w.write("a.yaml", "1\n")
	w.commit("a.yaml")
	if err := os.Truncate(filepath.Join(w.dir, ".git", "index"), 0); err != nil {
		t.Fatal(err)
	}
	_, err := w.repo.State()
	var hint interface{ Hint() string }
	if !errors.Is(err, errIndex) || !errors.As(err, &hint) || !strings.Contains(hint.Hint(), "git reset") {
		t.Errorf("state: %v", err)
	}
	w.write("a.yaml", "2\n")
	if _, err := w.tryCommit("a.yaml"); err == nil {
		t.Error("committed beside a damaged index")
	}
}
