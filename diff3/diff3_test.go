package diff3

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestMerge(t *testing.T) {
	for name, c := range map[string]struct {
		base, ours, theirs, merged string
		conflicts                  []Hunk
	}{
		"nothing":             {"", "", "", "", nil},
		"ours":                {"a\nb\nc\n", "a\nB\nc\n", "a\nb\nc\n", "a\nB\nc\n", nil},
		"theirs":              {"a\nb\nc\n", "a\nb\nc\n", "a\nb\n", "a\nb\n", nil},
		"both":                {"a\nb\nc\nd\n", "A\nb\nc\nd\n", "a\nb\nc\nD\n", "A\nb\nc\nD\n", nil},
		"alike":               {"a\nb\nc\n", "a\nx\nc\n", "a\nx\nc\n", "a\nx\nc\n", nil},
		"alike and more":      {"a\nb\nc\nd\n", "a\nx\nc\nd\n", "a\nx\nc\nD\n", "a\nx\nc\nD\n", nil},
		"gone, and gone":      {"a\nb\nc\n", "a\nc\n", "a\nc\n", "a\nc\n", nil},
		"same line":           {"a\nb\nc\n", "a\nx\nc\n", "a\ny\nc\n", "a\nb\nc\n", []Hunk{{Line: 2, Base: []byte("b\n"), Ours: []byte("x\n"), Theirs: []byte("y\n")}}},
		"next lines":          {"a\nb\nc\n", "A\nb\nc\n", "a\nB\nc\n", "a\nb\nc\n", []Hunk{{Line: 1, Base: []byte("a\nb\n"), Ours: []byte("A\nb\n"), Theirs: []byte("a\nB\n")}}},
		"a line between":      {"a\nb\nc\n", "A\nb\nc\n", "a\nb\nC\n", "A\nb\nC\n", nil},
		"put in at one place": {"a\nb\n", "a\nx\nb\n", "a\ny\nb\n", "a\nb\n", []Hunk{{Line: 2, Base: nil, Ours: []byte("x\n"), Theirs: []byte("y\n")}}},
		"from nothing":        {"", "a\n", "b\n", "", []Hunk{{Line: 1, Base: nil, Ours: []byte("a\n"), Theirs: []byte("b\n")}}},
		"changed and gone":    {"a\nb\nc\n", "a\nB\nc\n", "a\nc\n", "a\nb\nc\n", []Hunk{{Line: 2, Base: []byte("b\n"), Ours: []byte("B\n"), Theirs: nil}}},
		"no last line end":    {"a\nb\nc", "A\nb\nc", "a\nb\nc\n", "A\nb\nc\n", nil},
		"other line ends":     {"a\nb\nc\n", "a\r\nb\nc\n", "a\nb\nC\n", "a\r\nb\nC\n", nil},
	} {
		t.Run(name, func(t *testing.T) {
			merged, conflicts := Merge([]byte(c.base), []byte(c.ours), []byte(c.theirs))
			if string(merged) != c.merged {
				t.Errorf("merged %q, want %q", merged, c.merged)
			}
			if !slices.EqualFunc(conflicts, c.conflicts, func(a, b Hunk) bool {
				return a.Line == b.Line && bytes.Equal(a.Base, b.Base) && bytes.Equal(a.Ours, b.Ours) && bytes.Equal(a.Theirs, b.Theirs)
			}) {
				t.Errorf("conflicts %+v, want %+v", conflicts, c.conflicts)
			}
			for _, h := range conflicts {
				if !bytes.HasPrefix(merged[h.At:], h.Base) {
					t.Errorf("%q is not at %d of %q", h.Base, h.At, merged)
				}
			}
		})
	}
}

// laws are what holds of every merge.
func laws(t *testing.T, base, ours, theirs []byte) {
	t.Helper()
	for _, c := range []struct{ base, ours, theirs, want []byte }{
		{base, base, theirs, theirs},
		{base, ours, base, ours},
		{base, ours, ours, ours},
	} {
		if merged, conflicts := Merge(c.base, c.ours, c.theirs); len(conflicts) > 0 || !bytes.Equal(merged, c.want) {
			t.Fatalf("%q, %q, %q: %q, %d conflicts", c.base, c.ours, c.theirs, merged, len(conflicts))
		}
	}
	merged, conflicts := Merge(base, ours, theirs)
	swapped, others := Merge(base, theirs, ours)
	if !bytes.Equal(merged, swapped) || len(conflicts) != len(others) {
		t.Fatalf("%q, %q, %q: the sides are not alike: %q, %q", base, ours, theirs, merged, swapped)
	}
	for _, side := range [][]byte{ours, theirs} {
		texts := number(base, side)
		a, b := texts[0], texts[1]
		at, list := 0, changes(a, b)
		var out []byte
		for i, c := range list {
			if i > 0 && c.base.from <= list[i-1].base.to || c.base.from == c.base.to && c.side.from == c.side.to {
				t.Fatalf("%q to %q: %v", base, side, list)
			}
			out = append(append(out, a.bytes(span{at, c.base.from})...), b.bytes(c.side)...)
			at = c.base.to
		}
		if out = append(out, a.bytes(span{at, len(a.lines)})...); !bytes.Equal(out, side) {
			t.Fatalf("%q to %q: %v makes %q", base, side, list, out)
		}
	}
}

func TestLaws(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		_, c := makeTriple(r)
		laws(t, c.base, c.ours, c.theirs)
	}
}

func FuzzMerge(f *testing.F) {
	f.Add([]byte("a\nb\nc\n"), []byte("a\nx\nc\n"), []byte("a\nb\nc\nd"))
	f.Add([]byte("\n\n\n"), []byte("\n\n\n\n"), []byte("\n"))
	f.Fuzz(laws)
}

// TestNothingInCommon takes no time, though every line differs.
func TestNothingInCommon(t *testing.T) {
	var a, b, c bytes.Buffer
	for i := range 100_000 {
		fmt.Fprintf(&a, "a%d\n", i)
		fmt.Fprintf(&b, "b%d\n", i)
		fmt.Fprintf(&c, "%d\n", i%7)
	}
	start := time.Now()
	if _, conflicts := Merge(a.Bytes(), b.Bytes(), c.Bytes()); len(conflicts) != 1 {
		t.Errorf("%d conflicts", len(conflicts))
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
}
