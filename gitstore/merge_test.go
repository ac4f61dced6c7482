package gitstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/anvilpeering/anvil/diff3"
)

// byLine merges as git does.
func byLine(_ string, base, ours, theirs []byte) ([]byte, bool, error) {
	merged, conflicts := diff3.Merge(base, ours, theirs)
	return merged, len(conflicts) == 0, nil
}

// treeLayout is a tree to be made: a path and what is there.
type treeLayout map[string]leaf

type leaf struct{ mode, content string }

func (l treeLayout) clone() treeLayout {
	out := treeLayout{}
	for path, e := range l {
		out[path] = e
	}
	return out
}

// put adds a file as git would let it be: what stands in its way goes.
func (l treeLayout) put(path string, e leaf) {
	for other := range l {
		if strings.HasPrefix(other, path+"/") || strings.HasPrefix(path, other+"/") {
			delete(l, other)
		}
	}
	l[path] = e
}

// stream imports commits.
type stream struct {
	bytes.Buffer
	marks int
}

func (s *stream) commit(ref string, l treeLayout, parents ...int) int {
	s.marks++
	fmt.Fprintf(s, "commit %s\nmark :%d\ncommitter Ada <ada@example.org> %d +0000\ndata 1\nm\n", ref, s.marks, 1_700_000_000+s.marks)
	for i, p := range parents {
		fmt.Fprintf(s, "%s :%d\n", []string{"from", "merge"}[min(i, 1)], p)
	}
	s.WriteString("deleteall\n")
	for path, e := range l {
		if e.mode == "160000" {
			fmt.Fprintf(s, "M 160000 %s %s\n", e.content, path)
			continue
		}
		fmt.Fprintf(s, "M %s inline %s\ndata %d\n%s\n", e.mode, path, len(e.content), e.content)
	}
	return s.marks
}

func (w *work) load(s *stream) {
	w.t.Helper()
	cmd := exec.Command("git", "fast-import", "--quiet", "--force")
	cmd.Dir, cmd.Stdin = w.dir, &s.Buffer
	if out, err := cmd.CombinedOutput(); err != nil {
		w.t.Fatalf("git fast-import: %v\n%s", err, out)
	}
}

func (w *work) rev(name string) Hash {
	w.t.Helper()
	h, err := ParseHash(w.git("rev-parse", name))
	if err != nil {
		w.t.Fatal(err)
	}
	return h
}

// randomLayout changes a treeLayout at random: lines, files, kinds and modes.
func randomLayout(r *rand.Rand, l treeLayout, edits int) treeLayout {
	names := []string{"a", "b", "c", "a/x", "a/y", "b/z", "c/a/x", "d/e/f", "d/e", "d/g"}
	out := l.clone()
	for range edits {
		path := names[r.IntN(len(names))]
		e, there := out[path]
		switch r.IntN(8) {
		case 0:
			delete(out, path)
		case 1:
			out.put(path, leaf{"100755", e.content + path + "\n"})
		case 2:
			out.put(path, leaf{[]string{"100644", "120000"}[r.IntN(2)], fmt.Sprintf("%s to %d", path, r.IntN(3))})
		case 3:
			if there && e.mode != "160000" && e.mode != "120000" {
				out.put(path, leaf{[]string{"100644", "100755"}[r.IntN(2)], e.content})
			}
		case 4:
			out.put(path, leaf{"160000", BlobHash(fmt.Append(nil, path, r.IntN(3))).String()})
		default: // a line of ten
			if !there || e.mode == "160000" || e.mode == "120000" {
				e = leaf{"100644", ""}
				for i := range 10 {
					e.content += fmt.Sprintf("%s %d\n", path, i)
				}
			}
			lines := strings.SplitAfter(e.content, "\n")
			lines[r.IntN(len(lines))] = fmt.Sprintf("new %d\n", r.IntN(1_000_000))
			out.put(path, leaf{e.mode, strings.Join(lines, "")})
		}
	}
	return out
}

// Merges of random trees are clean exactly where git's are, and come to the same
// tree. There are no moves among the changes: git finds them by likeness.
func TestMergeAsGit(t *testing.T) {
	w := newWork(t)
	r := rand.New(rand.NewPCG(9, 9))
	s := &stream{}
	const count = 250
	for i := range count {
		base := randomLayout(r, treeLayout{}, 14)
		ours, theirs := randomLayout(r, base, r.IntN(5)), randomLayout(r, base, r.IntN(5))
		if len(base) == 0 || len(ours) == 0 || len(theirs) == 0 {
			base.put("k", leaf{"100644", "k\n"})
			ours.put("k", leaf{"100644", "k\n"})
			theirs.put("k", leaf{"100644", "k\n"})
		}
		b := s.commit(fmt.Sprintf("refs/heads/base%d", i), base)
		s.commit(fmt.Sprintf("refs/heads/ours%d", i), ours, b)
		s.commit(fmt.Sprintf("refs/heads/theirs%d", i), theirs, b)
	}
	w.load(s)
	clean := 0
	for i := range count {
		ours, theirs := w.rev(fmt.Sprintf("ours%d", i)), w.rev(fmt.Sprintf("theirs%d", i))
		out, err := w.tryGit("merge-tree", "--write-tree", "--name-only", ours.String(), theirs.String())
		var exit *exec.ExitError
		if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) {
			t.Fatal(err)
		}
		lines := strings.Split(out, "\n")
		m, mergeErr := w.repo.Merge(w.rev(fmt.Sprintf("base%d", i)), ours, theirs, byLine)
		if mergeErr != nil {
			t.Fatal(mergeErr)
		}
		if (err == nil) != (len(m.Conflicts) == 0) {
			t.Errorf("%d: git: %v\nours: %+v\n%s", i, err, m.Conflicts, w.git("diff", "--raw", fmt.Sprintf("base%d", i), ours.String())+"\n\n"+w.git("diff", "--raw", fmt.Sprintf("base%d", i), theirs.String()))
			continue
		}
		if err == nil {
			clean++
			if got := w.applied(fmt.Sprintf("refs/heads/merged%d", i), ours, theirs, m); got.String() != lines[0] {
				t.Errorf("%d: the merged tree is %s, git's %s\n%s", i, got, lines[0], w.git("diff", "--raw", lines[0], got.String()))
			}
			continue
		}
		var names []string
		for _, line := range lines[1:] {
			if line == "" {
				break
			}
			names = append(names, line)
		}
		for _, c := range m.Conflicts {
			if c.Kind != ConflictFolder && !slices.ContainsFunc(names, func(n string) bool {
				return n == c.Path || strings.HasPrefix(n, c.Path+"~") || strings.HasPrefix(c.Path, strings.Split(n, "~")[0])
			}) {
				t.Errorf("%d: conflict %+v, git has %v", i, c, names)
			}
		}
	}
	if clean < 40 || clean > count-40 {
		t.Errorf("%d of %d are clean: it tests little", clean, count)
	}
	t.Logf("%d of %d are clean", clean, count)
	w.fsck()
}

// applied commits a merge and returns its tree.
func (w *work) applied(branch string, ours, theirs Hash, m *Merge) Hash {
	w.t.Helper()
	if err := w.repo.SetRef(branch, Hash{}, ours); err != nil {
		w.t.Fatal(err)
	}
	h, err := w.repo.Commit(context.Background(), NewCommit{
		Branch: branch, Tip: ours, Parents: []Hash{theirs}, Edits: m.Edits, Message: "merge", Author: ada, AllowEmpty: true,
	})
	if err != nil {
		w.t.Fatalf("commit a merge: %v", err)
	}
	c, err := w.repo.CommitAt(h)
	if err != nil {
		w.t.Fatal(err)
	}
	return c.Tree
}

func TestMergeMoves(t *testing.T) {
	file := func(content string) leaf { return leaf{"100644", content} }
	ten := "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n"
	changed := strings.Replace(ten, "5", "five", 1)
	other := strings.Replace(ten, "5", "cinq", 1)
	with := func(pairs ...string) treeLayout {
		l := treeLayout{"other": file("other\n")}
		for i := 0; i < len(pairs); i += 2 {
			l[pairs[i]] = file(pairs[i+1])
		}
		return l
	}
	tests := []struct {
		name               string
		base, ours, theirs treeLayout
		want               treeLayout // nil: conflicts
		conflict           ConflictKind
		at                 [3]string // paths of the versions in conflict
		conflicts          int       // one, unless it says more: then at is of the first
	}{
		{name: "moved by theirs, changed by ours", base: with("p", ten), ours: with("p", changed), theirs: with("q/p", ten), want: with("q/p", changed)},
		{name: "moved by ours, changed by theirs", base: with("p", ten), ours: with("q/p", ten), theirs: with("p", changed), want: with("q/p", changed)},
		{name: "moved by both to one path", base: with("p", ten), ours: with("q", ten), theirs: with("q", ten), want: with("q", ten)},
		{name: "moved by theirs alone", base: with("p", ten), ours: with("p", ten, "n", "new\n"), theirs: with("q", ten), want: with("q", ten, "n", "new\n")},
		{name: "moved by both apart", base: with("p", ten), ours: with("q", ten), theirs: with("r", ten), conflict: ConflictRenamed, at: [3]string{"p", "q", "r"}},
		{name: "moved by ours, deleted by theirs", base: with("p", ten), ours: with("q", ten), theirs: with(), conflict: ConflictDeleted, at: [3]string{"p", "q", ""}},
		{name: "deleted by ours, moved by theirs", base: with("p", ten), ours: with(), theirs: with("q", ten), conflict: ConflictDeleted, at: [3]string{"p", "", "q"}},
		{name: "changed by ours, deleted by theirs", base: with("p", ten), ours: with("p", changed), theirs: with(), conflict: ConflictDeleted, at: [3]string{"p", "p", ""}},
		{name: "moved to where the other has something", base: with("p", ten), ours: with("p", changed, "q", "mine\n"), theirs: with("q", ten), conflict: ConflictRenamed, at: [3]string{"p", "p", "q"}},
		{name: "moved to where the other has it, too", base: with("p", ten), ours: with("q", ten), theirs: with("p", changed, "q", "theirs\n"), conflict: ConflictRenamed, at: [3]string{"p", "q", "p"}},
		{name: "moved and changed at once", base: with("p", ten), ours: with("p", changed), theirs: with("q", other), conflict: ConflictDeleted, at: [3]string{"p", "p", ""}},
		// Two of one content: which was moved where is a guess.
		{name: "two alike", base: with("p", ten, "p2", ten), ours: with("p", changed, "p2", ten), theirs: with("q", ten, "q2", ten), conflict: ConflictDeleted, at: [3]string{"p", "p", ""}},
		{name: "both changed it", base: with("p", ten), ours: with("p", changed), theirs: with("p", other), conflict: ConflictContent, at: [3]string{"p", "p", "p"}},
		{name: "both added another", base: with(), ours: with("p", "1\n"), theirs: with("p", "2\n"), conflict: ConflictAdded, at: [3]string{"", "p", "p"}},
		{name: "a file and a folder", base: with(), ours: with("p", "1\n"), theirs: with("p/q", "2\n"), conflict: ConflictFolder, at: [3]string{"", "p", "p/q"}},
		{name: "a folder and a file", base: with(), ours: with("p/q", "1\n"), theirs: with("p", "2\n"), conflict: ConflictFolder, at: [3]string{"", "", "p"}},
		{name: "moved to a folder of ours, which changed it", base: with("p", ten), ours: with("p", changed, "d/x", "1\n"), theirs: with("d", ten), conflict: ConflictFolder, at: [3]string{"p", "p", "d"}},
		{name: "moved to a folder of ours", base: with("p", ten), ours: with("p", ten, "d/x", "1\n"), theirs: with("d", ten), conflict: ConflictFolder, at: [3]string{"", "", "d"}},
		{name: "moved by ours to a folder of theirs, who changed it", base: with("p", ten), ours: with("q", ten), theirs: with("p", changed, "q/z", "1\n"), conflict: ConflictFolder, at: [3]string{"p", "q", "p"}, conflicts: 2},
		{name: "a file that became a folder", base: with("p", ten), ours: with("p", ten, "n", "n\n"), theirs: with("p/q", "2\n"), want: with("p/q", "2\n", "n", "n\n")},
		{name: "executable by one, another by the other", base: treeLayout{"p": {"100644", ten}}, ours: treeLayout{"p": {"100755", ten}}, theirs: treeLayout{"p": {"100644", changed}}, want: treeLayout{"p": {"100755", changed}}},
		{name: "a link by one, another by the other", base: treeLayout{"p": {"100644", ten}}, ours: treeLayout{"p": {"120000", "x"}}, theirs: treeLayout{"p": {"100644", changed}}, conflict: ConflictType, at: [3]string{"p", "p", "p"}},
		{name: "added executable by one and not by the other", base: with(), ours: treeLayout{"other": file("other\n"), "p": {"100755", "1\n"}}, theirs: with("p", "1\n"), conflict: ConflictMode, at: [3]string{"", "p", "p"}},
	}
	w := newWork(t)
	s := &stream{}
	for i, test := range tests {
		b := s.commit(fmt.Sprintf("refs/heads/base%d", i), test.base)
		s.commit(fmt.Sprintf("refs/heads/ours%d", i), test.ours, b)
		s.commit(fmt.Sprintf("refs/heads/theirs%d", i), test.theirs, b)
		if test.want != nil {
			s.commit(fmt.Sprintf("refs/heads/want%d", i), test.want)
		}
	}
	w.load(s)
	for i, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ours, theirs := w.rev(fmt.Sprintf("ours%d", i)), w.rev(fmt.Sprintf("theirs%d", i))
			m, err := w.repo.Merge(w.rev(fmt.Sprintf("base%d", i)), ours, theirs, byLine)
			if err != nil {
				t.Fatal(err)
			}
			if test.want != nil {
				if len(m.Conflicts) > 0 {
					t.Fatalf("conflicts: %+v", m.Conflicts)
				}
				want := w.git("rev-parse", fmt.Sprintf("want%d^{tree}", i))
				if got := w.applied(fmt.Sprintf("refs/heads/merged%d", i), ours, theirs, m); got.String() != want {
					t.Errorf("%s", w.git("diff", "--raw", want, got.String()))
				}
				return
			}
			if len(m.Conflicts) != max(1, test.conflicts) || m.Conflicts[0].Kind != test.conflict {
				t.Fatalf("conflicts: %+v", m.Conflicts)
			}
			c := m.Conflicts[0]
			if got := [3]string{c.Base.Path, c.Ours.Path, c.Theirs.Path}; got != test.at {
				t.Errorf("conflict at %q, want %q", got, test.at)
			}
			// What is in conflict stays as ours has it.
			before, err := w.repo.TreeAt(ours, "")
			if err != nil {
				t.Fatal(err)
			}
			after := w.applied(fmt.Sprintf("refs/heads/merged%d", i), ours, theirs, m)
			a, errA := w.repo.nodeAt(before, c.Path)
			b, errB := w.repo.nodeAt(after, c.Path)
			if a != b || errA != nil || errB != nil {
				t.Errorf("%s was %v and is %v", c.Path, a, b)
			}
		})
	}
}

// A merge says so when it cannot read something, and never takes it for nothing.
func TestMergeOfDamage(t *testing.T) {
	w := newWork(t)
	w.git("config", "fastimport.unpackLimit", "1000")
	s := &stream{}
	l := func(content string) treeLayout {
		return treeLayout{"a/p": {"100644", content}, "b/q": {"100644", "q\n"}}
	}
	b := s.commit("refs/heads/base", l("1\n2\n3\n"))
	s.commit("refs/heads/ours", l("one\n2\n3\n"), b)
	s.commit("refs/heads/theirs", l("1\n2\nthree\n"), b)
	w.load(s)
	base, ours, theirs := w.rev("base"), w.rev("ours"), w.rev("theirs")
	for _, name := range []string{"theirs:a/p", "base:a/p", "theirs:a", "base:", "ours^{commit}"} {
		gone := w.git("rev-parse", name)
		path := filepath.Join(w.dir, ".git", "objects", gone[:2], gone[2:])
		kept, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		w.open()
		if m, err := w.repo.Merge(base, ours, theirs, byLine); !errors.Is(err, ErrNotFound) {
			t.Errorf("without %s: %+v, %v", name, m, err)
		}
		if err := os.WriteFile(path, kept, 0o444); err != nil {
			t.Fatal(err)
		}
	}
	broken := errors.New("broken")
	fails := func(string, []byte, []byte, []byte) ([]byte, bool, error) { return nil, false, broken }
	if _, err := w.repo.Merge(base, ours, theirs, fails); !errors.Is(err, broken) {
		t.Errorf("what MergeFile says: %v", err)
	}
	if m, err := w.repo.Merge(base, ours, theirs, byLine); err != nil || len(m.Edits) != 1 || string(m.Edits[0].Content) != "one\n2\nthree\n" {
		t.Errorf("%+v, %v", m, err)
	}
}

// MergeBase is one, none, or refused.
func TestMergeBase(t *testing.T) {
	w := newWork(t)
	s := &stream{}
	l := func(content string) treeLayout { return treeLayout{"f": {"100644", content}} }
	root := s.commit("refs/heads/root", l("0"))
	a := s.commit("refs/heads/a", l("a"), root)
	b := s.commit("refs/heads/b", l("b"), root)
	s.commit("refs/heads/ab", l("ab"), a, b)
	s.commit("refs/heads/ba", l("ba"), b, a)
	s.commit("refs/heads/alone", l("x"))
	w.load(s)
	if base, err := w.repo.MergeBase(w.rev("a"), w.rev("b")); err != nil || base != w.rev("root") {
		t.Errorf("%s, %v", base, err)
	}
	if base, err := w.repo.MergeBase(w.rev("a"), w.rev("alone")); err != nil || !base.IsZero() {
		t.Errorf("unrelated: %s, %v", base, err)
	}
	_, err := w.repo.MergeBase(w.rev("ab"), w.rev("ba"))
	var hint interface{ Hint() string }
	if !errors.Is(err, ErrSeveralBases) || !errors.As(err, &hint) || !strings.Contains(hint.Hint(), "git merge") {
		t.Errorf("criss-cross: %v", err)
	}
}
