package prompt

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// The bounds of an alignment: how many pairs of items are compared with each other
// where no item is unique, and how many items in a row for their likeness.
const (
	maxPairs = 1 << 18
	maxAlike = 64
)

// align returns where a side has base's items, in their order; -1 where it has not.
func (m *fieldMerge) align(base, entries []*entry) []int {
	x, y := make([]int, len(base)), make([]int, len(entries))
	for i, e := range base {
		x[i] = e.value.meaning
	}
	for i, e := range entries {
		y[i] = e.value.meaning
	}
	found := make([]int, len(base))
	for i := range found {
		found[i] = -1
	}
	alignEqual(x, y, 0, 0, found)
	// What changed between two that did not.
	from, at := 0, 0
	for n := 0; n <= len(base); n++ {
		to := len(entries)
		if n < len(base) {
			if to = found[n]; to < 0 {
				continue
			}
		}
		m.alignAlike(base[from:n], entries[at:to], at, found[from:n])
		from, at = n+1, to+1
	}
	return found
}

// alignEqual finds equal items: those at both ends, then those that are there once,
// then a longest common subsequence. i and j are where x and y begin.
func alignEqual(x, y []int, i, j int, found []int) {
	for len(x) > 0 && len(y) > 0 && x[0] == y[0] {
		found[i] = j
		x, y, i, j = x[1:], y[1:], i+1, j+1
	}
	for len(x) > 0 && len(y) > 0 && x[len(x)-1] == y[len(y)-1] {
		found[i+len(x)-1] = j + len(y) - 1
		x, y = x[:len(x)-1], y[:len(y)-1]
	}
	if len(x) == 0 || len(y) == 0 {
		return
	}
	if len(x)*len(y) <= maxPairs {
		for _, p := range commonSubsequence(x, y) {
			found[i+p[0]] = j + p[1]
		}
		return
	}
	anchors := uniqueInOrder(x, y)
	fromX, fromY := 0, 0
	for _, p := range anchors {
		found[i+p[0]] = j + p[1]
		alignEqual(x[fromX:p[0]], y[fromY:p[1]], i+fromX, j+fromY, found)
		fromX, fromY = p[0]+1, p[1]+1
	}
	if len(anchors) > 0 {
		alignEqual(x[fromX:], y[fromY:], i+fromX, j+fromY, found)
	}
}

// commonSubsequence returns the pairs of a longest common subsequence: of those that
// are as long, one that leaves the most other items in their places, so that the
// right one of several equal items is found.
func commonSubsequence(x, y []int) (pairs [][2]int) {
	width := len(y) + 1
	best := make([]int, (len(x)+1)*width) // of what is left from i and j on
	equal := len(x) + len(y)              // counts more than all that stay in place
	score := func(i, j int) int {
		if x[i] == y[j] {
			return equal
		}
		return 1
	}
	for i := len(x) - 1; i >= 0; i-- {
		for j := len(y) - 1; j >= 0; j-- {
			best[i*width+j] = max(best[(i+1)*width+j], best[i*width+j+1], score(i, j)+best[(i+1)*width+j+1])
		}
	}
	for i, j := 0, 0; i < len(x) && j < len(y); {
		switch best[i*width+j] {
		case score(i, j) + best[(i+1)*width+j+1]:
			if x[i] == y[j] {
				pairs = append(pairs, [2]int{i, j})
			}
			i, j = i+1, j+1
		case best[(i+1)*width+j]:
			i++
		default:
			j++
		}
	}
	return pairs
}

// uniqueInOrder returns the pairs of items that x and y have once, as many as are
// in the same order in both: the anchors of a patience diff.
func uniqueInOrder(x, y []int) (pairs [][2]int) {
	type place struct{ inX, inY, timesX, timesY int }
	places := make(map[int]*place)
	get := func(n int) *place {
		if places[n] == nil {
			places[n] = &place{}
		}
		return places[n]
	}
	for i, n := range x {
		p := get(n)
		p.inX, p.timesX = i, p.timesX+1
	}
	for j, n := range y {
		p := get(n)
		p.inY, p.timesY = j, p.timesY+1
	}
	// The longest increasing subsequence of the places in y.
	var ends []int // in all, of the best subsequence of each length
	var all [][2]int
	var before []int
	for i, n := range x {
		p := places[n]
		if p.timesX != 1 || p.timesY != 1 {
			continue
		}
		k, _ := slices.BinarySearchFunc(ends, p.inY, func(e, inY int) int { return all[e][1] - inY })
		all = append(all, [2]int{i, p.inY})
		before = append(before, -1)
		if k > 0 {
			before[len(before)-1] = ends[k-1]
		}
		if k == len(ends) {
			ends = append(ends, 0)
		}
		ends[k] = len(all) - 1
	}
	if len(ends) == 0 {
		return nil
	}
	for e := ends[len(ends)-1]; e >= 0; e = before[e] {
		pairs = append(pairs, all[e])
	}
	slices.Reverse(pairs)
	return pairs
}

// alignAlike pairs items that changed, so that the sum of their likeness is the
// largest. As many in a row on both sides, like nothing else, were edited in place.
func (m *fieldMerge) alignAlike(base, entries []*entry, at int, found []int) {
	if len(base) == 0 || len(entries) == 0 || len(base) > maxAlike || len(entries) > maxAlike {
		return
	}
	from, next := 0, 0
	inPlace := func(to, end int) {
		if to-from != end-next {
			return
		}
		for k := range to - from {
			found[from+k] = at + next + k
		}
	}
	for _, p := range m.likeliest(base, entries) {
		found[p[0]] = at + p[1]
		inPlace(p[0], p[1])
		from, next = p[0]+1, p[1]+1
	}
	inPlace(len(base), len(entries))
}

// anyAlike reports whether items would be taken for others that were edited.
func (m *fieldMerge) anyAlike(base, entries []*entry) bool {
	found := make([]int, len(base))
	for i := range found {
		found[i] = -1
	}
	m.alignAlike(base, entries, 0, found)
	return slices.ContainsFunc(found, func(at int) bool { return at >= 0 })
}

// likeliest returns the pairs, in order, whose likeness adds up to the most.
func (m *fieldMerge) likeliest(base, entries []*entry) (pairs [][2]int) {
	if len(base) == 1 && len(entries) == 1 {
		return nil
	}
	width := len(entries) + 1
	alike := make([]float64, len(base)*width)
	best := make([]float64, (len(base)+1)*width)
	for i := len(base) - 1; i >= 0; i-- {
		for j := len(entries) - 1; j >= 0; j-- {
			s := overlap(m.atoms(base[i]), m.atoms(entries[j]))
			if s < 0.3 {
				s = 0
			}
			alike[i*width+j] = s
			best[i*width+j] = max(best[(i+1)*width+j], best[i*width+j+1], s+best[(i+1)*width+j+1])
		}
	}
	for i, j := 0, 0; i < len(base) && j < len(entries); {
		switch s := alike[i*width+j]; {
		case s > 0 && best[i*width+j] == s+best[(i+1)*width+j+1]:
			pairs = append(pairs, [2]int{i, j})
			i, j = i+1, j+1
		case best[i*width+j] == best[(i+1)*width+j]:
			i++
		default:
			j++
		}
	}
	return pairs
}

// overlap is how much of two sorted lists is common, from 0 to 1.
func overlap(a, b []int) float64 {
	common := 0
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case a[i] == b[j]:
			common++
			i, j = i+1, j+1
		case a[i] < b[j]:
			i++
		default:
			j++
		}
	}
	return 2 * float64(common) / float64(max(len(a)+len(b), 1))
}

// atoms are the numbers of what an item says: its keys, its scalars, and the lines
// of its texts, each with its key.
func (m *fieldMerge) atoms(e *entry) []int {
	if e.atoms == nil {
		e.atoms = make([]int, 0, 8)
		m.gather(&e.atoms, "", e.value.node)
		slices.Sort(e.atoms)
	}
	return e.atoms
}

func (m *fieldMerge) gather(atoms *[]int, key string, n *yaml.Node) {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			*atoms = append(*atoms, m.text(n.Content[i].Value+":"))
			m.gather(atoms, n.Content[i].Value, n.Content[i+1])
		}
	case yaml.SequenceNode:
		for _, c := range n.Content {
			m.gather(atoms, key, c)
		}
	default:
		for line := range strings.Lines(n.Value) {
			*atoms = append(*atoms, m.text(key+"\n"+strings.TrimSpace(line)))
		}
	}
}
