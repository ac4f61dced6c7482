package prompt

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

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

// mergeLaws are what holds of every merge.
func mergeLaws(t *testing.T, base, ours, theirs []byte) *Merged {
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
	m, swapped := Merge(base, ours, theirs), Merge(base, theirs, ours)
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
		return m
	}
	n := newMeanings()
	a, errA := meaningOf(m.Content, n)
	b, errB := meaningOf(swapped.Content, n)
	if errA == nil && errB == nil && a != b {
		t.Fatalf("the sides are not alike:\n%s\nand\n%s\nbase\n%s\nours\n%s\ntheirs\n%s", m.Content, swapped.Content, base, ours, theirs)
	}
	if again := Merge(base, m.Content, theirs); len(again.Conflicts) > 0 || !bytes.Equal(again.Content, m.Content) {
		t.Fatalf("merging again: %v\n%s\nis not\n%s\nbase\n%s\nours\n%s\ntheirs\n%s", again.Conflicts, again.Content, m.Content, base, ours, theirs)
	}
	return m
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
	texts := func(l *layout) map[string]string {
		all := make(map[string]string)
		for _, e := range l.root.entries {
			all[e.key] = string(l.src[e.from:e.to])
		}
		return all
	}
	inB, inO, inT, inR := texts(b), texts(o), texts(th), texts(r)
	for key, text := range inB {
		want := ""
		switch {
		case inO[key] == text:
			want = inT[key]
		case inT[key] == text:
			want = inO[key]
		default:
			continue
		}
		if inR[key] != want {
			t.Fatalf("%s became\n%swant\n%s", key, inR[key], want)
		}
	}
}

// tally counts what merges came to.
type tally struct{ clean, conflicted, apart, apartByLine, byLineOnly int }

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
	m := mergeLaws(t, base, ours, theirs)

	b, errB := plainValue(base)
	o, errO := plainValue(ours)
	th, errT := plainValue(theirs)
	if errB != nil || errO != nil || errT != nil {
		t.Fatalf("%v %v %v\n%s", errB, errO, errT, ours)
	}
	var conflicts, other []string
	want := mergeValues("", b, o, th, &conflicts, &other)
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
	if err != nil || len(conflicts) > 0 || len(other) == 0 && !reflect.DeepEqual(got, want) {
		t.Fatalf("%v, missed conflicts %q\nbase\n%s\nours\n%s\ntheirs\n%s\nmerged\n%s\n%v\nwant\n%v", err, conflicts, base, ours, theirs, m.Content, got, want)
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
	for line := range bytes.Lines(slices.Concat(ours, []byte("\n"), theirs)) {
		at := bytes.Index(line, []byte("# "))
		if at < 0 || bytes.Contains(line, []byte("# A heading")) || bytes.Contains(line, []byte("# no")) {
			continue // text, not a comment
		}
		c := bytes.TrimSpace(line[at:])
		removed := bytes.Contains(base, c) && !(bytes.Contains(ours, c) && bytes.Contains(theirs, c))
		if !removed && !bytes.Contains(merged, c) {
			t.Fatalf("%s is lost\nbase\n%s\nours\n%s\ntheirs\n%s\nmerged\n%s", c, base, ours, theirs, merged)
		}
	}
}

func TestMergeLaws(t *testing.T) {
	var n tally
	for seed := range uint64(400) {
		n.oneMerge(t, seed)
	}
	t.Logf("%d clean, %d with conflicts, %d of them by field only; of %d with fields apart %d are conflicts by line, none by field", n.clean, n.conflicted, n.byLineOnly, n.apart, n.apartByLine)
	if n.conflicted < 10 || n.apartByLine < 50 {
		t.Error("the test tests little")
	}
}
