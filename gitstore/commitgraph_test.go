package gitstore

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// tangle imports a random history: merges of two to four, several roots, dates that
// go backwards.
func tangle(w *work, seed uint64, commits int) {
	r := rand.New(rand.NewPCG(seed, 11))
	s := &stream{}
	for i := range commits {
		var parents []int
		if i > 0 && r.IntN(40) > 0 {
			parents = append(parents, 1+max(0, i-1-r.IntN(6)))
			for r.IntN(3) == 0 && len(parents) < 4 {
				if p := 1 + max(0, i-1-r.IntN(30)); !slices.Contains(parents, p) {
					parents = append(parents, p)
				}
			}
		}
		s.commit(fmt.Sprintf("refs/heads/c%d", i), treeLayout{"f": {"100644", fmt.Sprint(i, "\n")}}, parents...)
	}
	text := s.String()
	s.Reset()
	for line := range strings.SplitAfterSeq(text, "\n") {
		if strings.HasPrefix(line, "committer ") { // clocks that are wrong
			line = fmt.Sprintf("committer Ada <ada@example.org> %d +0000\n", 1_700_000_000+r.IntN(commits*20))
		}
		s.WriteString(line)
	}
	w.load(s)
}

// All best merge bases, as git finds them, in histories that a person would not make;
// with a commit-graph, a stale one, a chain of them, and damaged ones.
func TestBasesAsGit(t *testing.T) {
	w := newWork(t)
	const commits = 700
	tangle(w, 5, commits)
	revs := map[string]Hash{}
	for line := range strings.Lines(w.git("for-each-ref", "--format=%(refname:short) %(objectname)")) {
		name, hash, _ := strings.Cut(strings.TrimSpace(line), " ")
		h, err := ParseHash(hash)
		if err != nil {
			t.Fatal(err)
		}
		revs[name] = h
	}
	type pair struct{ a, b string }
	r := rand.New(rand.NewPCG(6, 11))
	want := map[pair][]string{}
	several := 0
	for range 120 {
		p := pair{fmt.Sprintf("c%d", r.IntN(commits)), fmt.Sprintf("c%d", r.IntN(commits))}
		out, _ := w.tryGit("merge-base", "--all", p.a, p.b)
		want[p] = strings.Fields(out)
		slices.Sort(want[p])
		if len(want[p]) > 1 {
			several++
		}
	}
	if several < 10 {
		t.Errorf("%d pairs have several bases: the history is too tame", several)
	}
	compare := func(name string) {
		t.Helper()
		for p, want := range want {
			bases, err := w.repo.Bases(revs[p.a], revs[p.b])
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			var got []string
			for _, h := range bases {
				got = append(got, h.String())
			}
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("%s: %s and %s: %v, git says %v", name, p.a, p.b, got, want)
			}
		}
	}
	graph := filepath.Join(w.dir, ".git", "objects", "info", "commit-graph")
	uses := func(want bool) {
		t.Helper()
		if got := w.repo.commitGraph() != nil; got != want {
			t.Errorf("there is a commit-graph: %v", got)
		}
	}
	compare("without a commit-graph")
	uses(false)
	half := &strings.Builder{}
	for i := range commits / 2 {
		fmt.Fprintln(half, revs[fmt.Sprintf("c%d", i)])
	}
	w.input(half.String(), "commit-graph", "write", "--stdin-commits")
	uses(true)
	compare("with one that lacks the newer half")
	if err := os.Remove(graph); err != nil {
		t.Fatal(err)
	}
	w.input(half.String(), "commit-graph", "write", "--stdin-commits", "--split=no-merge")
	w.git("commit-graph", "write", "--reachable", "--split=no-merge")
	if layers, _ := filepath.Glob(filepath.Join(filepath.Dir(graph), "commit-graphs", "*.graph")); len(layers) != 2 {
		t.Fatalf("layers: %v", layers)
	}
	uses(true)
	compare("with a chain")
	if err := os.RemoveAll(filepath.Join(filepath.Dir(graph), "commit-graphs")); err != nil {
		t.Fatal(err)
	}
	w.git("commit-graph", "write", "--reachable")
	uses(true)
	compare("with all of it")
	good, err := os.ReadFile(graph)
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{0, 3, 8, 40, 1100, len(good) / 2, len(good) - 400} {
		if err := errors.Join(os.Remove(graph), os.WriteFile(graph, good[:size], 0o666)); err != nil {
			t.Fatal(err)
		}
		compare(fmt.Sprintf("with %d bytes of it", size))
	}
	if err := os.WriteFile(filepath.Join(w.dir, ".git", "shallow"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	uses(false)
}
