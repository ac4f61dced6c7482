package prompt

import (
	"bytes"
	"strings"

	"github.com/anvilpeering/anvil/diff3"
)

// Marked returns the merge for people whose tools show conflicts as git does: what
// is decided is merged, and around the lines of each conflict stand markers of a
// size (git's is 7) with the names of the sides. Without conflicts it is Content.
func (m *Merged) Marked(size int, ours, theirs string) []byte {
	if len(m.Conflicts) == 0 {
		return m.Content
	}
	mark := marker{size, ours, theirs}
	if m.Conflicts[0].Kind == ConflictFile {
		if lines, hunks := diff3.Merge(m.base, m.ours, m.theirs); len(hunks) > 0 {
			return spliceHunks(lines, hunks, func(h diff3.Hunk) []byte { return mark.conflict(nil, h.Ours, h.Theirs) })
		}
		return mark.between(m.ours, m.theirs)
	}
	side := func(take Take) []byte {
		return m.Resolve(func(Conflict) Take { return take }).Content
	}
	return mark.between(side(takeOurLines), side(takeTheirLines))
}

// marker writes conflict markers.
type marker struct {
	size         int
	ours, theirs string
}

// conflict appends one conflict.
func (m marker) conflict(out, ours, theirs []byte) []byte {
	end := "\n"
	if bytes.HasSuffix(ours, []byte("\r\n")) || bytes.HasSuffix(theirs, []byte("\r\n")) {
		end = "\r\n"
	}
	line := func(char, name string) {
		if n := len(out); n > 0 && out[n-1] != '\n' {
			out = append(out, end...)
		}
		out = append(out, strings.TrimRight(strings.Repeat(char, m.size)+" "+name, " ")+end...)
	}
	line("<", m.ours)
	out = append(out, ours...)
	line("=", "")
	out = append(out, theirs...)
	line(">", m.theirs)
	return out
}

// between marks every difference of two texts.
func (m marker) between(ours, theirs []byte) []byte {
	numbers := make(map[string]int)
	split := func(text []byte) (lines [][]byte, list []int) {
		for line := range bytes.Lines(text) {
			n, ok := numbers[string(line)]
			if !ok {
				n = len(numbers)
				numbers[string(line)] = n
			}
			lines, list = append(lines, line), append(list, n)
		}
		return lines, list
	}
	a, x := split(ours)
	b, y := split(theirs)
	found := make([]int, len(x))
	for i := range found {
		found[i] = -1
	}
	alignEqual(x, y, 0, 0, found)
	var out []byte
	i, j := 0, 0
	for k := 0; k <= len(a); k++ {
		to := len(b)
		if k < len(a) {
			if to = found[k]; to < 0 {
				continue
			}
		}
		if k > i || to > j {
			out = m.conflict(out, bytes.Join(a[i:k], nil), bytes.Join(b[j:to], nil))
		}
		if k < len(a) {
			out = append(out, a[k]...)
		}
		i, j = k+1, to+1
	}
	return out
}

// spliceHunks puts something else where a merge of lines has conflicts.
func spliceHunks(merged []byte, hunks []diff3.Hunk, with func(diff3.Hunk) []byte) []byte {
	var out []byte
	at := 0
	for _, h := range hunks {
		out = append(append(out, merged[at:h.At]...), with(h)...)
		at = h.At + len(h.Base)
	}
	return append(out, merged[at:]...)
}
