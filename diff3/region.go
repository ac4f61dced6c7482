package diff3

import "slices"

// side says who changed a region.
type side int

const (
	fromBoth side = iota
	fromOurs
	fromTheirs
)

// region is a part of the three texts that is merged as one.
type region struct {
	by                 side
	base, ours, theirs span
}

// regions lays the changes of both sides beside each other. What both changed
// alike is in no region: it is taken as ours has it.
func regions(mine, yours []change, b, o, t *text) []region {
	var list []region
	for len(mine) > 0 && len(yours) > 0 {
		m, y := mine[0], yours[0]
		switch {
		case m.base.to < y.base.from:
			list = add(list, region{fromOurs, m.base, m.side, m.base.plus(y.side.from - y.base.from)})
			mine = mine[1:]
			continue
		case y.base.to < m.base.from:
			list = add(list, region{fromTheirs, y.base, y.base.plus(m.side.from - m.base.from), y.side})
			yours = yours[1:]
			continue
		}
		if m.base != y.base || !equal(o, m.side, t, y.side) {
			all := span{min(m.base.from, y.base.from), max(m.base.to, y.base.to)}
			list = add(list, region{fromBoth, all, m.within(all), y.within(all)})
		}
		if m.base.to >= y.base.to {
			yours = yours[1:]
		}
		if y.base.to >= m.base.to {
			mine = mine[1:]
		}
	}
	for _, m := range mine {
		list = add(list, region{fromOurs, m.base, m.side, m.base.plus(len(t.lines) - len(b.lines))})
	}
	for _, y := range yours {
		list = add(list, region{fromTheirs, y.base, y.base.plus(len(o.lines) - len(b.lines)), y.side})
	}
	return list
}

// add puts a region at the end. One that touches the last on either side becomes
// one with it: there is no line between them that says which comes first.
func add(list []region, r region) []region {
	if n := len(list); n > 0 {
		last := &list[n-1]
		if r.ours.from <= last.ours.to || r.theirs.from <= last.theirs.to {
			if r.by != last.by {
				last.by = fromBoth
			}
			last.base.to, last.ours.to, last.theirs.to = r.base.to, r.ours.to, r.theirs.to
			return list
		}
	}
	return append(list, r)
}

// alike says whether both sides made the same of a region, by different changes.
// What both emptied so stays a conflict, as in git.
func (r region) alike(o, t *text) bool {
	return r.by == fromBoth && r.ours.from < r.ours.to && equal(o, r.ours, t, r.theirs)
}

func equal(a *text, in span, b *text, with span) bool {
	return slices.Equal(a.lines[in.from:in.to], b.lines[with.from:with.to])
}

func (s span) plus(n int) span { return span{s.from + n, s.to + n} }

// within returns the lines of the side that stand for a range of base around the
// change.
func (c change) within(all span) span {
	return span{c.side.from - (c.base.from - all.from), c.side.to + (all.to - c.base.to)}
}
