package gitstore

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
)

// Random saves, removals and staging by the user, committed in random batches:
// after every commit git must see the same staging as before, and a whole
// repository.
func TestRandomCommits(t *testing.T) {
	for version := 2; version <= 4; version++ {
		t.Run(fmt.Sprintf("index version %d", version), func(t *testing.T) {
			w := newWork(t)
			w.git("config", "index.version", fmt.Sprint(version))
			random := rand.New(rand.NewPCG(uint64(version), 7))
			m := &model{work: w, random: random, files: map[string]bool{}, staged: map[string]bool{}}
			for range 25 {
				m.step()
			}
			w.fsck()
		})
	}
}

type model struct {
	*work
	random *rand.Rand
	files  map[string]bool // of Anvil
	staged map[string]bool // of the user
	count  int
}

func (m *model) path() string {
	names := []string{"a", "b", "b-", "b.c", "long-name-of-a-folder"}
	parts := make([]string, m.random.IntN(4))
	for i := range parts {
		parts[i] = names[m.random.IntN(len(names))]
	}
	parts = append(parts, fmt.Sprintf("f%d.yaml", m.random.IntN(12)))
	return strings.Join(parts, "/")
}

func (m *model) step() {
	m.t.Helper()
	m.count++
	batch := map[string]bool{}
	for range 1 + m.random.IntN(6) {
		path := m.path()
		if m.staged[path] {
			continue
		}
		batch[path] = true
		if m.files[path] && m.random.IntN(3) == 0 {
			m.remove(path)
			delete(m.files, path)
			continue
		}
		m.write(path, fmt.Sprintf("%d %s\n", m.count, strings.Repeat("x", m.random.IntN(50))))
		m.files[path] = true
		if m.random.IntN(8) == 0 {
			if err := os.Chmod(filepath.Join(m.dir, path), 0o755); err != nil {
				m.t.Fatal(err)
			}
		}
	}
	paths := make([]string, 0, len(batch))
	for path := range batch {
		paths = append(paths, path)
	}
	sort.Strings(paths)
	if m.random.IntN(2) == 0 { // the user stages something elsewhere
		path := "user/" + m.path()
		if m.random.IntN(3) == 0 {
			path = "a/user-" + strings.ReplaceAll(m.path(), "/", "_")
		}
		m.write(path, fmt.Sprintf("user %d\n", m.count))
		m.git("add", path)
		m.staged[path] = true
	}
	staged := m.git("diff", "--cached", "--raw", "--abbrev=40", "--no-renames")
	if _, err := m.tryCommit(paths...); err != nil && !errors.Is(err, ErrUnchanged) {
		m.t.Fatalf("step %d: %v", m.count, err)
	}
	if got := m.git("diff", "--cached", "--raw", "--abbrev=40", "--no-renames"); got != staged {
		m.t.Fatalf("step %d: staged was\n%s\nand is\n%s", m.count, staged, got)
	}
	if got := m.git("diff-files", "--raw"); got != "" {
		m.t.Fatalf("step %d: git diff-files: %s", m.count, got)
	}
	m.cachedTrees()
	if m.random.IntN(5) == 0 && len(m.staged) > 0 { // the user commits
		m.git("commit", "-q", "-m", "user's")
		m.staged = map[string]bool{}
		m.clean()
	}
}

// The order of an index with names that sort one way as files and another as
// folders, against git's own.
func TestIndexIsWhatGitWouldWrite(t *testing.T) {
	w := newWork(t)
	for _, p := range []string{"a", "a-b", "a.b/c", "a0", "ab/c", "ab.c", "b/a", "b/a-/x", "b/a/x.yaml"} {
		if p == "b/a/x.yaml" {
			p = "b/aa/x.yaml"
		}
		w.write(p, p)
		w.commit(p)
		w.clean()
	}
	before := w.git("ls-files", "-s")
	if err := os.Remove(filepath.Join(w.dir, ".git", "index")); err != nil {
		t.Fatal(err)
	}
	w.git("read-tree", "HEAD")
	if after := w.git("ls-files", "-s"); before != after {
		t.Fatalf("the index was\n%s\nand git writes\n%s", before, after)
	}
}
