// Package diff3 merges two texts that were edited from a third, line by line, as
// `git merge-file` does.
//
// What only one side changed is taken from that side, what both changed alike is
// taken once, and everything else is a conflict: two changes of the same lines, or
// of lines next to each other with none between that both left alone. A text is
// bytes; a line ends with its line feed, which the last may lack. Nothing is
// normalised.
//
// The differences are the shortest edit scripts of E. W. Myers, "An O(ND)
// Difference Algorithm and Its Variations" (1986). Where several are shortest, git
// may choose another one than this package, and then cut a merge of repeated lines
// elsewhere. Past a bound on the length of the script the rest counts as changed as
// a whole: a merge of texts that have little in common may be a conflict that it
// need not be, and takes no time.
//
// All functions are pure and may be called from any goroutine.
package diff3

import (
	"bytes"
	"slices"
)

// Hunk is a conflict: what the lines of base became on either side. Line is the
// number of its first line in base, counted from 1; when Base is empty, of the
// line before which both sides put something.
type Hunk struct {
	Line               int
	Base, Ours, Theirs []byte
}

// Merge merges ours and theirs, both edited from base. With conflicts, which are in
// the order of the text, merged has none of the sides but what base had there.
func Merge(base, ours, theirs []byte) (merged []byte, conflicts []Hunk) {
	b, o, t := splitLines(base), splitLines(ours), splitLines(theirs)
	mine, yours := changes(b, o), changes(b, t)
	out := make([]byte, 0, len(ours)+len(theirs))
	at := 0          // of base, up to where it is merged
	toO, toT := 0, 0 // how far lines of the sides lie behind those of base there
	for len(mine) > 0 || len(yours) > 0 {
		r, m, y := region(mine, yours)
		out = appendLines(out, b[at:r.from])
		after, afterT := toO, toT
		if m > 0 {
			after = mine[m-1].end - mine[m-1].to
		}
		if y > 0 {
			afterT = yours[y-1].end - yours[y-1].to
		}
		inOurs, inTheirs := o[r.from+toO:r.to+after], t[r.from+toT:r.to+afterT]
		switch {
		case y == 0, slices.EqualFunc(inOurs, inTheirs, bytes.Equal):
			out = appendLines(out, inOurs)
		case m == 0:
			out = appendLines(out, inTheirs)
		default:
			out = appendLines(out, b[r.from:r.to])
			conflicts = append(conflicts, Hunk{
				Line:   r.from + 1,
				Base:   bytes.Join(b[r.from:r.to], nil),
				Ours:   bytes.Join(inOurs, nil),
				Theirs: bytes.Join(inTheirs, nil),
			})
		}
		at, toO, toT = r.to, after, afterT
		mine, yours = mine[m:], yours[y:]
	}
	return appendLines(out, b[at:]), conflicts
}

// span is a range of lines of base.
type span struct{ from, to int }

// region takes the next change of either side, and all that touch it or what it
// has grown to by then: m changes of mine, y of yours.
func region(mine, yours []change) (r span, m, y int) {
	if len(yours) == 0 || len(mine) > 0 && mine[0].from <= yours[0].from {
		r, m = span{mine[0].from, mine[0].to}, 1
	} else {
		r, y = span{yours[0].from, yours[0].to}, 1
	}
	for grown := true; grown; {
		grown = false
		if m < len(mine) && mine[m].from <= r.to {
			r.to, grown = max(r.to, mine[m].to), true
			m++
		}
		if y < len(yours) && yours[y].from <= r.to {
			r.to, grown = max(r.to, yours[y].to), true
			y++
		}
	}
	return r, m, y
}

func splitLines(text []byte) [][]byte { return slices.Collect(bytes.Lines(text)) }

func appendLines(out []byte, lines [][]byte) []byte {
	for _, line := range lines {
		out = append(out, line...)
	}
	return out
}
