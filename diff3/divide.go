package diff3

import "math"

// The edit graph of two lists of lines has x to the right and y downwards; a
// diagonal step is a line that both have, and the diagonal of a point is x-y. An
// edit script is a path through a box of the graph from corner to corner; its cost
// is the steps that are not diagonal.

type box struct{ x, y span }

// divide marks what changed in a box. With exact set a search is not cut short.
func (c *comparison) divide(b box, exact bool) {
	x, y := c.x.lines, c.y.lines
	for b.x.from < b.x.to && b.y.from < b.y.to && x[b.x.from] == y[b.y.from] {
		b.x.from, b.y.from = b.x.from+1, b.y.from+1
	}
	for b.x.from < b.x.to && b.y.from < b.y.to && x[b.x.to-1] == y[b.y.to-1] {
		b.x.to, b.y.to = b.x.to-1, b.y.to-1
	}
	if b.x.from == b.x.to || b.y.from == b.y.to {
		c.x.drop(b.x)
		c.y.drop(b.y)
		return
	}
	s := c.split(b, exact)
	c.divide(box{span{b.x.from, s.x}, span{b.y.from, s.y}}, s.exactBefore)
	c.divide(box{span{s.x, b.x.to}, span{s.y, b.y.to}}, s.exactAfter)
}

// split is a point of a path through a box, and whether the halves of the box are
// known to be cheap, so that they are searched to the end.
type split struct {
	x, y                    int
	exactBefore, exactAfter bool
}

// front is how far a search has come: the x that it has reached on each of every
// other diagonal from low to high.
type front struct {
	reach          []int
	zero           int // where the diagonal 0 is in reach
	low, high, mid int
}

func newFront(diagonals, zero int) front { return front{reach: make([]int, diagonals), zero: zero} }

func (f *front) start(x, y int) {
	f.mid = x - y
	f.low, f.high = f.mid, f.mid
	f.set(f.mid, x)
}

func (f *front) at(diagonal int) int     { return f.reach[f.zero+diagonal] }
func (f *front) set(diagonal, x int)     { f.reach[f.zero+diagonal] = x }
func (f *front) has(diagonal int) bool   { return f.low <= diagonal && diagonal <= f.high }
func (f *front) offset(diagonal int) int { return max(diagonal-f.mid, f.mid-diagonal) }

// widen takes in a diagonal on both sides, or gives one up where the box ends.
// unreached is what is put on the ones beyond.
func (f *front) widen(lowest, highest, unreached int) {
	if f.low > lowest {
		f.low--
		f.set(f.low-1, unreached)
	} else {
		f.low++
	}
	if f.high < highest {
		f.high++
		f.set(f.high+1, unreached)
	} else {
		f.high--
	}
}

const (
	longRun   = 20  // equal lines in a row that are worth looking at
	costly    = 256 // what a search costs before it settles for something good
	goodRatio = 4   // how far it must then have come for its cost
)

// split searches from both corners of a box at once, a step of cost at a time, until
// the two meet. It goes through the diagonals from the highest to the lowest, and
// with equal reach to the right: among shortest paths that decides which is found.
func (c *comparison) split(b box, exact bool) split {
	x, y := c.x.lines, c.y.lines
	f, r := &c.forward, &c.backward
	lowest, highest := b.x.from-b.y.to, b.x.to-b.y.from
	f.start(b.x.from, b.y.from)
	r.start(b.x.to, b.y.to)
	odd := (f.mid-r.mid)&1 != 0
	for cost := 1; ; cost++ {
		long := false
		f.widen(lowest, highest, -1)
		for d := f.high; d >= f.low; d -= 2 {
			at := f.at(d + 1)
			if before := f.at(d - 1); before >= at {
				at = before + 1
			}
			begin := at
			for at < b.x.to && at-d < b.y.to && x[at] == y[at-d] {
				at++
			}
			long = long || at-begin > longRun
			f.set(d, at)
			if odd && r.has(d) && r.at(d) <= at {
				return split{at, at - d, true, true}
			}
		}
		r.widen(lowest, highest, math.MaxInt)
		for d := r.high; d >= r.low; d -= 2 {
			at := r.at(d - 1)
			if after := r.at(d + 1); after <= at {
				at = after - 1
			}
			begin := at
			for at > b.x.from && at-d > b.y.from && x[at-1] == y[at-d-1] {
				at--
			}
			long = long || begin-at > longRun
			r.set(d, at)
			if !odd && f.has(d) && at <= f.at(d) {
				return split{at, at - d, true, true}
			}
		}
		if exact {
			continue
		}
		if long && cost > costly {
			if s, ok := c.goodForward(b, cost); ok {
				return s
			}
			if s, ok := c.goodBackward(b, cost); ok {
				return s
			}
		}
		if cost >= c.patience {
			return c.furthest(b)
		}
	}
}

// goodForward looks for a point that is far from the first corner for its cost and
// ends a long run of equal lines. What lies before it is then known to be cheap.
func (c *comparison) goodForward(b box, cost int) (best split, ok bool) {
	f, most := &c.forward, goodRatio*cost
	for d := f.high; d >= f.low; d -= 2 {
		x, y := f.at(d), f.at(d)-d
		far := x - b.x.from + y - b.y.from - f.offset(d)
		if far > most && b.x.from+longRun <= x && x < b.x.to && b.y.from+longRun <= y && y < b.y.to &&
			c.equalRun(x-longRun, y-longRun) {
			most, best, ok = far, split{x, y, true, false}, true
		}
	}
	return best, ok
}

// goodBackward is goodForward from the last corner.
func (c *comparison) goodBackward(b box, cost int) (best split, ok bool) {
	r, most := &c.backward, goodRatio*cost
	for d := r.high; d >= r.low; d -= 2 {
		x, y := r.at(d), r.at(d)-d
		far := b.x.to - x + b.y.to - y - r.offset(d)
		if far > most && b.x.from < x && x <= b.x.to-longRun && b.y.from < y && y <= b.y.to-longRun &&
			c.equalRun(x, y) {
			most, best, ok = far, split{x, y, false, true}, true
		}
	}
	return best, ok
}

func (c *comparison) equalRun(x, y int) bool {
	for n := range longRun {
		if c.x.lines[x+n] != c.y.lines[y+n] {
			return false
		}
	}
	return true
}

// furthest gives a search up at the point, of either direction, that is the
// furthest from its corner.
func (c *comparison) furthest(b box) split {
	f, r := &c.forward, &c.backward
	fx, fy := -1, 0
	for d := f.high; d >= f.low; d -= 2 {
		x := min(f.at(d), b.x.to, b.y.to+d)
		if y := x - d; fx+fy < x+y {
			fx, fy = x, y
		}
	}
	rx, ry := math.MaxInt, 0
	for d := r.high; d >= r.low; d -= 2 {
		x := max(r.at(d), b.x.from, b.y.from+d)
		if y := x - d; x+y < rx+ry {
			rx, ry = x, y
		}
	}
	if b.x.to+b.y.to-(rx+ry) < fx+fy-(b.x.from+b.y.from) {
		return split{fx, fy, true, false}
	}
	return split{rx, ry, false, true}
}
