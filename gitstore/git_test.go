package gitstore

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// isolate keeps the machine's git settings out of a test.
func isolate(t testing.TB) {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("SKIPPED: needs git in the path")
	}
	home := t.TempDir()
	for key, value := range map[string]string{
		"HOME": home, "XDG_CONFIG_HOME": filepath.Join(home, ".config"),
		"GIT_CONFIG_GLOBAL": os.DevNull, "GIT_CONFIG_NOSYSTEM": "1",
		"GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.org",
		"GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "ada@example.org",
		"GIT_EDITOR": "true", "LC_ALL": "C",
	} {
		t.Setenv(key, value)
	}
}

// work is a repository with a work tree, open here and worked in by git.
type work struct {
	t    testing.TB
	dir  string
	repo *Repo
}

var ada = Signature{Name: "Ada", Email: "ada@example.org"}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// newWork makes a work tree with git itself and opens it.
func newWork(t testing.TB, options ...string) *work {
	t.Helper()
	isolate(t)
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w := &work{t: t, dir: dir}
	w.git(append([]string{"init", "-q", "-b", "main"}, options...)...)
	w.git("config", "gc.auto", "0")
	w.open()
	return w
}

func (w *work) open() {
	w.t.Helper()
	repo, err := Open(w.dir, Options{Durability: NoFsync, Logger: quiet()})
	if err != nil {
		w.t.Fatal(err)
	}
	w.repo = repo
	w.t.Cleanup(func() { _ = repo.Close() })
}

// tryGit runs git in the work tree.
func (w *work) tryGit(args ...string) (string, error) {
	cmd := exec.Command("git", args...)
	cmd.Dir = w.dir
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("git %s: %w: %s%s", strings.Join(args, " "), err, errs.String(), out.String())
	}
	return strings.TrimRight(out.String(), "\n"), nil
}

func (w *work) git(args ...string) string {
	w.t.Helper()
	out, err := w.tryGit(args...)
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// writes counts saves, so that no two have the same time: git looks at whole
// seconds.
var writes atomic.Int64

// write saves a file as an editor would, some time ago, so that its stat can be
// trusted.
func (w *work) write(path, content string) {
	w.t.Helper()
	file := filepath.Join(w.dir, filepath.FromSlash(path))
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o666); err != nil {
		w.t.Fatal(err)
	}
	then := time.Now().Add(-time.Hour).Add(time.Duration(writes.Add(1)%3000) * time.Second)
	if err := os.Chtimes(file, then, then); err != nil {
		w.t.Fatal(err)
	}
}

func (w *work) remove(path string) {
	w.t.Helper()
	if err := os.Remove(filepath.Join(w.dir, filepath.FromSlash(path))); err != nil {
		w.t.Fatal(err)
	}
}

func (w *work) info(path string) fs.FileInfo {
	w.t.Helper()
	info, err := os.Lstat(filepath.Join(w.dir, filepath.FromSlash(path)))
	if err != nil {
		w.t.Fatal(err)
	}
	return info
}

// edit captures a path of the work tree as it is.
func (w *work) edit(path string) Edit {
	w.t.Helper()
	file := filepath.Join(w.dir, filepath.FromSlash(path))
	content, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		return Edit{Path: path, Removed: true}
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return Edit{Path: path, Content: content, Info: w.info(path)}
}

func (w *work) tip() Hash {
	w.t.Helper()
	s, err := w.repo.State()
	if err != nil {
		w.t.Fatal(err)
	}
	return s.Tip
}

// tryCommit commits paths of the work tree to the branch that is checked out.
func (w *work) tryCommit(paths ...string) (Hash, error) {
	w.t.Helper()
	s, err := w.repo.State()
	if err != nil {
		return Hash{}, err
	}
	c := NewCommit{Branch: s.Branch, Tip: s.Tip, Message: "update " + strings.Join(paths, ", "), Author: ada}
	for _, p := range paths {
		c.Edits = append(c.Edits, w.edit(p))
	}
	return w.repo.Commit(context.Background(), c)
}

func (w *work) commit(paths ...string) Hash {
	w.t.Helper()
	h, err := w.tryCommit(paths...)
	if err != nil {
		w.t.Fatal(err)
	}
	return h
}

// fsck asks git whether the repository is whole.
func (w *work) fsck() {
	w.t.Helper()
	out, err := w.tryGit("fsck", "--strict", "--full")
	if err != nil {
		w.t.Fatal(err)
	}
	for line := range strings.Lines(out) {
		if !strings.HasPrefix(line, "dangling ") && !strings.HasPrefix(line, "notice: ") {
			w.t.Fatalf("git fsck: %s", out)
		}
	}
}

// status asks git what differs; "" when nothing does. It must not write: it
// shows what the index itself knows.
func (w *work) status() string {
	w.t.Helper()
	return w.git("--no-optional-locks", "status", "--porcelain=v2")
}

// clean checks that git sees a whole repository, and an index and files that
// are the tip's.
func (w *work) clean() {
	w.t.Helper()
	if s := w.status(); s != "" {
		w.t.Fatalf("git status:\n%s", s)
	}
	w.whole()
	staged := w.git("ls-files", "-s")
	tree := w.git("ls-tree", "-r", "HEAD")
	var lines []string
	for line := range strings.Lines(tree) {
		fields := strings.Fields(line)
		_, path, _ := strings.Cut(strings.TrimRight(line, "\n"), "\t")
		lines = append(lines, fmt.Sprintf("%s %s 0\t%s", fields[0], fields[2], path))
	}
	if want := strings.Join(lines, "\n"); staged != want {
		w.t.Fatalf("the index has\n%s\nand the tip\n%s", staged, want)
	}
	if got, want := w.git("write-tree"), w.git("rev-parse", "HEAD^{tree}"); got != want {
		w.t.Fatalf("git write-tree: %s, the tip's tree is %s", got, want)
	}
}

// whole checks everything that holds also while the user has work in progress:
// the objects, the index as git verifies it with its cached trees, and that no
// file of ours is left.
func (w *work) whole() {
	w.t.Helper()
	w.fsck()
	w.cachedTrees()
	w.noLocks()
}

// noLocks checks that no lock and no file of ours is left.
func (w *work) noLocks() {
	w.t.Helper()
	for _, name := range []string{"index.lock", "HEAD.lock"} {
		if _, err := os.Lstat(filepath.Join(w.repo.gitDir, name)); err == nil {
			w.t.Fatalf("%s is left", name)
		}
	}
	if _, err := os.Lstat(filepath.Join(w.repo.commonDir, "packed-refs.lock")); err == nil {
		w.t.Fatal("packed-refs.lock is left")
	}
	entries, err := os.ReadDir(w.repo.ownDir())
	if err != nil && !os.IsNotExist(err) {
		w.t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != "commit.lock" {
			w.t.Fatalf("%s is left", e.Name())
		}
	}
}

// cachedTrees has git check the cached trees of the index against its entries,
// and write the same index.
func (w *work) cachedTrees() {
	w.t.Helper()
	raw, again := w.rewrittenIndex()
	// Git would write the very same bytes; but for the untracked cache, which
	// names the place of the index, and the version, which it chooses anew.
	if !bytes.Equal(raw, again) && !bytes.Contains(raw, []byte("UNTR")) && raw[7] == again[7] {
		w.t.Fatalf("the index is\n%.3000q\nand git would write\n%.3000q", raw, again)
	}
}

// rewrittenIndex returns the index, and what git writes when it is to write it
// again. Git then checks the cached trees, when it is told to.
func (w *work) rewrittenIndex() (raw, again []byte) {
	w.t.Helper()
	raw, err := os.ReadFile(filepath.Join(w.repo.gitDir, "index"))
	if os.IsNotExist(err) {
		return nil, nil
	}
	copied := filepath.Join(w.t.TempDir(), "index")
	if err == nil {
		err = os.WriteFile(copied, raw, 0o666)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	cmd := exec.Command("git", "update-index", "--force-write-index")
	cmd.Dir = w.dir
	cmd.Env = append(os.Environ(), "GIT_INDEX_FILE="+copied, "GIT_TEST_CHECK_CACHE_TREE=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		w.t.Fatalf("git update-index: %v: %s", err, out)
	}
	if again, err = os.ReadFile(copied); err != nil {
		w.t.Fatal(err)
	}
	return raw, again
}

// extensions returns the extensions of the index by name.
func (w *work) extensions() map[string][]byte {
	w.t.Helper()
	x, _, err := w.repo.readIndex()
	if err != nil {
		w.t.Fatal(err)
	}
	c := x.cursor()
	for ok := true; ok && err == nil; {
		_, ok, err = c.next()
	}
	list, listErr := x.extensions(c.pos)
	if err != nil || listErr != nil {
		w.t.Fatal(err, listErr)
	}
	found := map[string][]byte{}
	for _, e := range list {
		found[e.name] = e.data
	}
	return found
}

// input runs git with something to read.
func (w *work) input(text string, args ...string) string {
	w.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = w.dir
	cmd.Stdin = strings.NewReader(text)
	out, err := cmd.CombinedOutput()
	if err != nil {
		w.t.Fatalf("git %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// pack returns the name of the one pack index.
func (w *work) pack() string {
	w.t.Helper()
	found, err := filepath.Glob(filepath.Join(w.dir, ".git", "objects", "pack", "*.idx"))
	if err != nil || len(found) != 1 {
		w.t.Fatalf("packs: %v, %v", found, err)
	}
	return filepath.Base(found[0])
}
