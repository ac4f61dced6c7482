package prompt

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/anvilpeering/anvil/diff3"
)

func fieldsOf(m *Merged) []string {
	var all []string
	for _, c := range m.Conflicts {
		all = append(all, string(c.Kind)+" "+c.Field)
	}
	slices.Sort(all)
	return all
}

// mergeLaws are what holds of every merge; asks says that merging its result again
// is a conflict.
func mergeLaws(t *testing.T, base, ours, theirs []byte) (m *Merged, asks bool) {
	t.Helper()
	bytesOf := func(m *Merged, want []byte, law string) {
		t.Helper()
		if len(m.Conflicts) > 0 || !bytes.Equal(m.Content, want) {
			t.Fatalf("%s: %v\n%s\nwant\n%s", law, m.Conflicts, m.Content, want)
		}
	}
	bytesOf(Merge(base, base, base), base, "nothing changed")
	bytesOf(Merge(base, base, theirs), theirs, "only theirs changed")
	bytesOf(Merge(base, ours, base), ours, "only ours changed")
	bytesOf(Merge(base, ours, ours), ours, "both changed alike")
	m = Merge(base, ours, theirs)
	swapped := Merge(base, theirs, ours)
	if a, b := fieldsOf(m), fieldsOf(swapped); !slices.Equal(a, b) {
		t.Fatalf("the sides are not alike: %q and %q\nbase\n%s\nours\n%s\ntheirs\n%s", a, b, base, ours, theirs)
	}
	if (m.Content == nil) != (len(m.Conflicts) > 0) && len(ours)+len(theirs) > 0 {
		t.Fatalf("%d conflicts and the result %q", len(m.Conflicts), m.Content)
	}
	if len(m.Conflicts) > 0 {
		for _, take := range []Take{TakeOurs, TakeTheirs} {
			if r := m.Resolve(func(Conflict) Take { return take }); slices.ContainsFunc(r.Conflicts, func(c Conflict) bool { return c.Kind != ConflictFile }) {
				t.Fatalf("taking side %d leaves %v", take, r.Conflicts)
			}
		}
		return m, false
	}
	n := newMeanings()
	a, errA := meaningOf(m.Content, n)
	b, errB := meaningOf(swapped.Content, n)
	if errA == nil && errB == nil && a != b {
		t.Fatalf("the sides are not alike:\n%s\nand\n%s\nbase\n%s\nours\n%s\ntheirs\n%s", m.Content, swapped.Content, base, ours, theirs)
	}
	// Once more changes nothing, or asks: which of several like items or lines
	// one was is not always to be seen from what became of it.
	again := Merge(base, m.Content, theirs)
	if len(again.Conflicts) == 0 && !bytes.Equal(again.Content, m.Content) || slices.ContainsFunc(again.Conflicts, func(c Conflict) bool {
		return !strings.Contains(c.Field, "[") && !c.Joinable
	}) {
		t.Fatalf("merging again: %v\n%s\nis not\n%s\nbase\n%s\nours\n%s\ntheirs\n%s", again.Conflicts, again.Content, m.Content, base, ours, theirs)
	}
	return m, len(again.Conflicts) > 0
}

// tiling puts a layout together again.
func (l *layout) tiling() []byte {
	var out []byte
	var extentOf func(v *extent)
	entryOf := func(e *entry) {
		out = append(out, l.src[e.from:e.value.from]...)
		extentOf(e.value)
		out = append(out, l.src[e.beside.from:e.beside.to]...)
	}
	extentOf = func(v *extent) {
		if len(v.entries) == 0 && v != l.root {
			out = append(out, l.src[v.from:v.to]...)
			return
		}
		flow := v.shape == shapeFlowMap || v.shape == shapeFlowList
		if flow {
			out = append(out, l.src[v.from])
		}
		for i, e := range v.entries {
			if flow && i > 0 {
				out = append(out, ',')
			}
			out = append(out, l.src[e.lead.from:e.lead.to]...)
			if !flow && (i > 0 || !v.inline) {
				out = append(out, strings.Repeat(" ", v.column)...)
			}
			entryOf(e)
		}
		out = append(out, l.src[v.end.from:v.end.to]...)
	}
	out = append(out, l.src[l.prologue.from:l.prologue.to]...)
	extentOf(l.root)
	return out
}

// untouchedBytes checks that what neither side touched stands in the result byte
// for byte, and that each of its lines is one of the three files'.
func untouchedBytes(t *testing.T, base, ours, theirs, merged []byte) {
	t.Helper()
	known := make(map[string]bool)
	for _, file := range [][]byte{base, ours, theirs} {
		for line := range bytes.Lines(file) {
			known[strings.TrimSpace(string(line))] = true
		}
	}
	n := newMeanings()
	b, errB := newLayout(base, n)
	o, errO := newLayout(ours, n)
	th, errT := newLayout(theirs, n)
	r, errR := newLayout(merged, n)
	if errB != nil || errO != nil || errT != nil || errR != nil {
		t.Fatal(errB, errO, errT, errR)
	}
	inB, inO, inT, inR := b.fields(), o.fields(), th.fields(), r.fields()
	for path, text := range inB {
		want, in := "", false
		switch {
		case inO[path] == text:
			want, in = inT[path], inT[path] != ""
		case inT[path] == text:
			want, in = inO[path], inO[path] != ""
		default:
			continue
		}
		if got, there := inR[path]; got != want || there != in {
			t.Fatalf("%s became\n%q\nwant\n%q\nbase\n%s\nours\n%s\ntheirs\n%s", path, got, want, base, ours, theirs)
		}
	}
	for line := range bytes.Lines(merged) {
		text := strings.TrimSpace(string(line))
		if !known[text] && !strings.ContainsAny(text, "{[#:") {
			t.Fatalf("%q is in none of the files\nbase\n%s\nours\n%s\ntheirs\n%s", text, base, ours, theirs)
		}
	}
}

// fields returns the bytes of the fields of a file, by their paths, down to where
// lists begin.
func (l *layout) fields() map[string]string {
	all := make(map[string]string)
	var walk func(path string, v *extent)
	walk = func(path string, v *extent) {
		if v.shape != shapeMapping && v.shape != shapeFlowMap {
			return
		}
		for _, e := range v.entries {
			p := fieldPath(path, e.key)
			all[p] = string(l.src[e.from:e.to])
			walk(p, e.value)
		}
	}
	walk("", l.root)
	return all
}

// tally counts what merges came to.
type tally struct{ clean, conflicted, apart, apartByLine, byLineOnly, asks int }

// oneMerge invents a file and two sides of it, and merges them. Every second one
// changes different fields, which must be no conflict.
func (n *tally) oneMerge(t *testing.T, seed uint64) {
	t.Helper()
	defer func() {
		if t.Failed() {
			t.Logf("seed %d", seed)
		}
	}()
	base, ours, theirs, apart := invent(seed)
	l, err := newLayout(base, newMeanings())
	if err != nil {
		t.Fatalf("%v\n%s", err, base)
	}
	if got := l.tiling(); !bytes.Equal(got, l.src) {
		t.Fatalf("put together\n%s\nis not\n%s", got, base)
	}
	m, asks := mergeLaws(t, base, ours, theirs)
	if asks {
		n.asks++
	}

	b, errB := plainValue(base)
	o, errO := plainValue(ours)
	th, errT := plainValue(theirs)
	if errB != nil || errO != nil || errT != nil {
		t.Fatalf("%v %v %v\n%s", errB, errO, errT, ours)
	}
	var values oracle
	want := values.merge("", b, o, th)
	_, hunks := diff3.Merge(base, ours, theirs)
	if apart {
		n.apart++
		if len(hunks) > 0 {
			n.apartByLine++
		}
		if len(m.Conflicts) > 0 {
			t.Fatalf("fields that are apart: %v\nbase\n%s\nours\n%s\ntheirs\n%s", m.Conflicts, base, ours, theirs)
		}
	}
	if len(m.Conflicts) > 0 {
		n.conflicted++
		if len(hunks) == 0 {
			n.byLineOnly++
		}
		return
	}
	n.clean++
	got, err := plainValue(m.Content)
	lists := make(map[string][]string)
	wordLists("", got, lists)
	for path, words := range values.words {
		if !slices.Equal(lists[path], words) {
			t.Fatalf("%s has %q, want %q\nbase\n%s\nours\n%s\ntheirs\n%s", path, lists[path], words, base, ours, theirs)
		}
	}
	if err != nil || len(values.conflicts) > 0 || len(values.finer) == 0 && !reflect.DeepEqual(got, want) {
		t.Fatalf("%v, missed conflicts %q\nbase\n%s\nours\n%s\ntheirs\n%s\nmerged\n%s\n%v\nwant\n%v", err, values.conflicts, base, ours, theirs, m.Content, got, want)
	}
	untouchedBytes(t, base, ours, theirs, m.Content)
	commentsStay(t, base, ours, theirs, m.Content)
}

// invent makes three files. apart says that the sides changed different fields.
func invent(seed uint64) (base, ours, theirs []byte, apart bool) {
	g := &inventor{Rand: rand.New(rand.NewPCG(seed, 5))}
	file := g.file()
	apart = seed%2 == 0
	mine, yours := file.clone(), file.clone()
	var taken []string
	for range 1 + g.IntN(3) {
		if p, ok := g.edit(mine, taken); ok && apart {
			taken = append(taken, strings.SplitN(p, "+", 2)[0])
		}
	}
	for range 1 + g.IntN(3) {
		g.edit(yours, taken)
	}
	base, ours, theirs = file.file(), mine.file(), yours.file()
	if seed%5 == 0 {
		ours = bytes.TrimRight(ours, "\n")
	}
	if seed%7 == 0 {
		for _, f := range []*[]byte{&base, &ours, &theirs} {
			*f = bytes.ReplaceAll(*f, []byte("\n"), []byte("\r\n"))
		}
	}
	return base, ours, theirs, apart
}

// commentsStay checks that a comment is gone only when a side has removed it.
func commentsStay(t *testing.T, base, ours, theirs, merged []byte) {
	t.Helper()
	has := func(file, comment []byte) bool {
		return bytes.Contains(append(slices.Clip(file), '\n'), append(slices.Clip(comment), '\n')) || bytes.Contains(file, append(slices.Clip(comment), '\r'))
	}
	for line := range bytes.Lines(slices.Concat(ours, []byte("\n"), theirs)) {
		at := bytes.Index(line, []byte("# "))
		if at < 0 || bytes.Contains(line, []byte("# A heading")) || bytes.Contains(line, []byte("# no")) {
			continue // text, not a comment
		}
		c := bytes.TrimSpace(line[at:])
		removed := has(base, c) && !(has(ours, c) && has(theirs, c))
		if !removed && !has(merged, c) {
			t.Fatalf("%s is lost\nbase\n%s\nours\n%s\ntheirs\n%s\nmerged\n%s", c, base, ours, theirs, merged)
		}
	}
}

// Ten thousand edits, several on either side of a merge and no two of one field:
// what they leave alone keeps its bytes.
func TestMergeRoundTrip(t *testing.T) {
	edits, merges := 0, 0
	for seed := uint64(1); edits < 10_000; seed++ {
		g := &inventor{Rand: rand.New(rand.NewPCG(seed, 11))}
		file := &sheet{shape: shapeMapping}
		for range 12 {
			file.fields = append(file.fields, g.row(1, true))
		}
		sides := [2]*sheet{file.clone(), file.clone()}
		var taken []string
		for range 24 {
			if p, ok := g.edit(sides[g.IntN(2)], taken); ok {
				taken = append(taken, strings.SplitN(p, "+", 2)[0])
				edits++
			}
		}
		base, ours, theirs := file.file(), sides[0].file(), sides[1].file()
		m := Merge(base, ours, theirs)
		if len(m.Conflicts) > 0 {
			t.Fatalf("%v\nbase\n%s\nours\n%s\ntheirs\n%s", m.Conflicts, base, ours, theirs)
		}
		untouchedBytes(t, base, ours, theirs, m.Content)
		commentsStay(t, base, ours, theirs, m.Content)
		merges++
	}
	t.Logf("%d edits in %d merges", edits, merges)
}

func TestMergeLaws(t *testing.T) {
	var n tally
	for seed := range uint64(200) {
		n.oneMerge(t, seed)
	}
	t.Logf("%d clean, %d with conflicts, %d of them by field only; of %d with fields apart %d are conflicts by line, none by field", n.clean, n.conflicted, n.byLineOnly, n.apart, n.apartByLine)
	if n.asks > n.clean/50 {
		t.Errorf("%d of %d are conflicts when merged again", n.asks, n.clean)
	}
	if n.conflicted < 5 || n.apartByLine < 20 {
		t.Error("the test tests little")
	}
}

// FuzzMerge: whatever the files are, merging them ends, and keeps the laws that hold
// of all files.
func FuzzMerge(f *testing.F) {
	for seed := range uint64(20) {
		base, ours, theirs, _ := invent(seed)
		f.Add(base, ours, theirs)
	}
	for _, s := range []string{"", "a: 1", "a: [b, {c: d}, ]\n", "- - a\n  -\n    b: |2\n       c\n", "? a\n: b\n", "a: &b c\nd: *b\n", "a: b\n---\nc: d\n", "\ufeffa: 'b''\n\n  c' # d\n", "a:\n- b\n# c\n-\n- d: e # f\n", "a: |+\n  b\n\n\n# c\nd: >-\n"} {
		f.Add([]byte(s), []byte(s+"x: y\n"), []byte(strings.ReplaceAll(s, "b", "z")))
	}
	f.Fuzz(func(t *testing.T, base, ours, theirs []byte) {
		hung := time.AfterFunc(20*time.Second, func() { panic(fmt.Sprintf("merging %q, %q, %q does not end", base, ours, theirs)) })
		defer hung.Stop()
		m := Merge(base, ours, theirs)
		swapped := Merge(base, theirs, ours)
		// A blank line in front of a key is text when a block that keeps them comes
		// to stand above: then the file is one conflict, in the order where it does.
		file := func(m *Merged) bool { return len(m.Conflicts) == 1 && m.Conflicts[0].Kind == ConflictFile }
		if a, b := len(m.Conflicts) == 0, len(swapped.Conflicts) == 0; a != b && !file(m) && !file(swapped) {
			t.Fatalf("the sides are not alike: %v and %v of %q, %q, %q", m.Conflicts, swapped.Conflicts, base, ours, theirs)
		}
		for _, take := range []Take{TakeOurs, TakeTheirs, TakeBoth} {
			m.Resolve(func(Conflict) Take { return take })
		}
		if marked := m.Marked(7, "a", "b"); len(m.Conflicts) > 0 && !bytes.Contains(marked, []byte("<<<<<<< a")) {
			t.Fatalf("%v are not marked in %q", m.Conflicts, marked)
		}
		n := newMeanings()
		for _, file := range [][]byte{base, ours, theirs} {
			l, err := newLayout(file, n)
			if err != nil {
				continue
			}
			if got := l.tiling(); !bytes.Equal(got, l.src) {
				t.Fatalf("put together %q is not %q", got, l.src)
			}
			if meaning, err := meaningOf(l.src, n); err != nil || meaning != l.root.meaning {
				t.Fatalf("%q means %d and not %d: %v", file, l.root.meaning, meaning, err)
			}
		}
	})
}

func BenchmarkMerge(b *testing.B) {
	archive, err := txtar.ParseFile("testdata/merge/fields.txtar")
	if err != nil {
		b.Fatal(err)
	}
	base, ours, theirs := archive.Files[0].Data, archive.Files[1].Data, archive.Files[2].Data
	b.SetBytes(int64(len(base)))
	for b.Loop() {
		if m := Merge(base, ours, theirs); len(m.Conflicts) > 0 {
			b.Fatal(m.Conflicts)
		}
	}
}
