// Package diff3 merges two texts that were edited from a third, line by line, as
// `git merge-file` does.
//
// What only one side changed is taken from that side, what both changed alike is
// taken once, and everything else is a conflict: two changes of the same lines, or
// of lines next to each other with none between that both left alone. A text is
// bytes; a line ends with its line feed, which the last may lack. Nothing is
// normalised: a carriage return is a byte of its line, and a last line without a
// line feed is another line than the one with it.
//
// # As git
//
// Two texts have several edit scripts, and which one is found decides where lines
// that occur more than once were changed, and so what is a conflict. To come to
// git's outcomes this package finds git's scripts: the lines that it leaves out
// because they have no or too many counterparts, the bounds of its search, and the
// place to which it slides a change are part of the result. Merge is clean exactly
// where `git merge-file` exits with 0, and gives the same bytes there; the tests
// hold it to that on random triples, with no class of exceptions. Only how a
// conflict is cut is our own: git divides it further for the eye (its levels
// "zealous" and above), here a Hunk is the whole region that both sides changed.
//
// git merges with other scripts elsewhere: `git merge` compares by histogram, and
// may find a merge clean that is a conflict for `git merge-file`, or the other way
// round, where lines are repeated.
//
// A text with a zero byte in its first 8000 is binary for git, which refuses to
// merge it; here it is one conflict, unless one of the sides left it alone or both
// are alike.
//
// # Time
//
// The search is that of E. W. Myers, "An O(ND) Difference Algorithm and Its
// Variations" (1986), from both ends at once in linear space. A search that has
// cost more than the square root of the number of lines, and at least 256, is given
// up and goes on from the furthest point that it reached, so that the time is at
// most in the order of n√n for n lines. What was given up may count more lines as
// changed than a shortest script would: on texts of thousands of lines that have
// little in common and yet share many lines, a merge may be a conflict that it need
// not be, in git as here.
//
// All functions are pure and may be called from any goroutine.
package diff3

import (
	"bytes"
	"slices"
)

// Hunk is a conflict: what the lines of base became on either side. Line is the
// number of its first line in base, counted from 1; when Base is empty, of the
// line before which both sides put something. The texts are parts of those that
// were merged. At is the offset, in bytes, of Base in the merged text.
type Hunk struct {
	Line               int
	Base, Ours, Theirs []byte
	At                 int
}

// Merge merges ours and theirs, both edited from base. With conflicts, which are in
// the order of the text, merged has none of the sides but what base had there.
func Merge(base, ours, theirs []byte) (merged []byte, conflicts []Hunk) {
	switch {
	case bytes.Equal(ours, theirs), bytes.Equal(base, theirs):
		return slices.Clone(ours), nil
	case bytes.Equal(base, ours):
		return slices.Clone(theirs), nil
	case binary(base), binary(ours), binary(theirs):
		return slices.Clone(base), []Hunk{{Line: 1, Base: base, Ours: ours, Theirs: theirs}}
	}
	texts := number(base, ours, theirs)
	b, o, t := texts[0], texts[1], texts[2]
	out := make([]byte, 0, max(len(ours), len(theirs))+len(base)/4)
	at := 0 // of ours, up to where it is merged
	for _, r := range regions(changes(b, o), changes(b, t), b, o, t) {
		out = append(out, o.bytes(span{at, r.ours.from})...)
		at = r.ours.to
		switch {
		case r.by == fromOurs, r.alike(o, t):
			out = append(out, o.bytes(r.ours)...)
		case r.by == fromTheirs:
			out = append(out, t.bytes(r.theirs)...)
		default:
			conflicts = append(conflicts, Hunk{r.base.from + 1, b.bytes(r.base), o.bytes(r.ours), t.bytes(r.theirs), len(out)})
			out = append(out, b.bytes(r.base)...)
		}
	}
	return append(out, o.bytes(span{at, len(o.lines)})...), conflicts
}

// binary says whether git takes a text for no text.
func binary(text []byte) bool { return bytes.IndexByte(text[:min(len(text), 8000)], 0) >= 0 }
