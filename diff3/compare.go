package diff3

import "math/bits"

// comparison looks for the lines that two texts have in common.
type comparison struct {
	x, y              *compared
	forward, backward front
	patience          int // what a search may cost before it is cut short
}

// compared is one of the texts: the lines that are looked at, and what is found.
type compared struct {
	lines   []int32 // what is compared: numbers of lines
	where   []int   // their positions in the text
	changed []bool  // lines of the text that the other has not
}

func (c *compared) all() span { return span{0, len(c.lines)} }

// drop says that the other text has none of these.
func (c *compared) drop(s span) {
	for _, at := range c.where[s.from:s.to] {
		c.changed[at] = true
	}
}

// kept lists the lines that the other text has too; see run.
func (c *compared) kept() []int {
	list := append(make([]int, 0, len(c.changed)+2), -1)
	for at, changed := range c.changed {
		if !changed {
			list = append(list, at)
		}
	}
	return append(list, len(c.changed))
}

// newComparison leaves out what needs no search: the lines at both ends that are
// equal, and those that are changed for certain or too common to tell.
func newComparison(a, b *text) *comparison {
	n, m := len(a.lines), len(b.lines)
	head := 0
	for head < n && head < m && a.lines[head] == b.lines[head] {
		head++
	}
	tail := 0
	for tail < n-head && tail < m-head && a.lines[n-1-tail] == b.lines[m-1-tail] {
		tail++
	}
	c := &comparison{x: choose(a, span{head, n - tail}, b), y: choose(b, span{head, m - tail}, a)}
	diagonals := len(c.x.lines) + len(c.y.lines) + 3
	c.patience = max(256, roughRoot(diagonals))
	c.forward, c.backward = newFront(diagonals, len(c.y.lines)+1), newFront(diagonals, len(c.y.lines)+1)
	return c
}

// How often a line occurs in the other text.
const (
	never = iota
	some
	often
)

// choose picks the lines of a range that are compared. A line that the other text
// has not is changed. One that it has very often, among lines that it has not, says
// little, and would lead the search astray.
func choose(t *text, in span, other *text) *compared {
	limit := int32(min(roughRoot(len(t.lines)), 1024))
	rank := make([]byte, in.to-in.from)
	for i, line := range t.lines[in.from:in.to] {
		switch count := other.counts[line]; {
		case count >= limit:
			rank[i] = often
		case count > 0:
			rank[i] = some
		}
	}
	c := &compared{
		lines:   make([]int32, 0, len(rank)),
		where:   make([]int, 0, len(rank)),
		changed: make([]bool, len(t.lines)),
	}
	for i, r := range rank {
		at := in.from + i
		if r == never || r == often && lost(rank, i) {
			c.changed[at] = true
			continue
		}
		c.lines, c.where = append(c.lines, t.lines[at]), append(c.where, at)
	}
	return c
}

// lost says whether a common line stands among lines that the other text has not:
// on both sides there are such before the next line that occurs there some times,
// at most a hundred lines away, and they are more than three in four.
func lost(rank []byte, at int) bool {
	const window, share = 100, 4
	unknown, common := 0, 0
	look := func(step int) bool {
		found := 0
		for n := 0; n <= window; n++ { // the line itself counts from either side
			i := at + n*step
			if i < 0 || i == len(rank) || rank[i] == some {
				break
			}
			if rank[i] == never {
				found++
			} else {
				common++
			}
		}
		unknown += found
		return found > 0
	}
	return look(-1) && look(1) && common*share < unknown+common
}

// roughRoot is a power of two near the square root, from above.
func roughRoot(n int) int { return 1 << ((bits.Len(uint(n)) + 1) / 2) }
