package diff3

import "slices"

// change is lines from to to of one text that became lines begin to end of
// another. Between two changes there is a line that both have.
type change struct{ from, to, begin, end int }

// maxScript bounds the lines that may differ before the rest counts as one change.
const maxScript = 1000

// changes returns what turns a into b, in order.
func changes(a, b [][]byte) []change {
	x, y := number(a, b)
	head := 0
	for head < len(x) && head < len(y) && x[head] == y[head] {
		head++
	}
	tail := 0
	for tail < len(x)-head && tail < len(y)-head && x[len(x)-1-tail] == y[len(y)-1-tail] {
		tail++
	}
	list := script(x[head:len(x)-tail], y[head:len(y)-tail])
	for i := range list {
		list[i].from += head
		list[i].to += head
		list[i].begin += head
		list[i].end += head
	}
	return settle(list, x, y)
}

// number gives equal lines equal numbers.
func number(a, b [][]byte) (x, y []int) {
	seen := make(map[string]int)
	one := func(lines [][]byte) []int {
		list := make([]int, len(lines))
		for i, line := range lines {
			n, ok := seen[string(line)]
			if !ok {
				n = len(seen)
				seen[string(line)] = n
			}
			list[i] = n
		}
		return list
	}
	return one(a), one(b)
}

// script finds a shortest edit script. It goes along the diagonals of the edit
// graph, x to the right and y down: after d steps the furthest point reached on
// diagonal k (x-y) is reach[k]; the points of each d are kept to find the way back.
func script(x, y []int) []change {
	if len(x) == 0 && len(y) == 0 {
		return nil
	}
	limit := min(len(x)+len(y), maxScript)
	reach := make([]int, 2*limit+3) // diagonal k at k+limit+1
	zero := limit + 1
	var kept [][]int
	for d := 0; d <= limit; d++ {
		for k := -d; k <= d; k += 2 {
			at := 0
			switch {
			case d == 0:
			case k == -d, k != d && reach[zero+k-1] < reach[zero+k+1]:
				at = reach[zero+k+1] // down: a line of y is inserted
			default:
				at = reach[zero+k-1] + 1 // right: a line of x is deleted
			}
			for at < len(x) && at-k < len(y) && x[at] == y[at-k] {
				at++
			}
			reach[zero+k] = at
			if at >= len(x) && at-k >= len(y) {
				return wayBack(kept, len(x), len(y))
			}
		}
		kept = append(kept, slices.Clone(reach[zero-d:zero+d+1])) // diagonal k at k+d
	}
	return []change{{0, len(x), 0, len(y)}}
}

// wayBack follows the points from the end to the beginning.
func wayBack(kept [][]int, x, y int) []change {
	var list []change // from the last to the first
	for d := len(kept); d > 0; d-- {
		before := kept[d-1] // its diagonals go from -(d-1) to d-1
		point := func(k int) int {
			if k < -(d-1) || k > d-1 {
				return -1
			}
			return before[k+d-1]
		}
		k := x - y
		right := k != -d && (k == d || point(k-1) >= point(k+1))
		step := change{}
		if right {
			at := point(k - 1)
			step = change{at, at + 1, at - k + 1, at - k + 1}
		} else {
			at := point(k + 1)
			step = change{at, at, at - k - 1, at - k}
		}
		if n := len(list); n > 0 && step.to == list[n-1].from && step.end == list[n-1].begin {
			list[n-1].from, list[n-1].begin = step.from, step.begin
		} else {
			list = append(list, step)
		}
		x, y = step.from, step.begin
	}
	slices.Reverse(list)
	return list
}

// settle moves what was only inserted or only deleted down as far as it goes, which
// is where people and git see it, and joins what then touches.
func settle(list []change, x, y []int) []change {
	for i := len(list) - 1; i >= 0; i-- {
		c := &list[i]
		end := len(x) // of the lines that both have after it
		if i+1 < len(list) {
			end = list[i+1].from
		}
		for c.to < end && (c.from == c.to && y[c.begin] == y[c.end] || c.begin == c.end && x[c.from] == x[c.to]) {
			c.from, c.to, c.begin, c.end = c.from+1, c.to+1, c.begin+1, c.end+1
		}
		if i+1 < len(list) && c.to == list[i+1].from && c.end == list[i+1].begin {
			c.to, c.end = list[i+1].to, list[i+1].end
			list = slices.Delete(list, i+1, i+2)
		}
	}
	return list
}
