package prompt

import (
	"bytes"
	"fmt"
	"strings"
)

// items merges lists. Each side's list is aligned with base's, by whole items and,
// where these changed, by likeness. Between two items that all three have, what one
// side left as it was becomes what the other has.
func (m *fieldMerge) items(path string, v [3]*extent, column int, flow bool) []item {
	base := v[inBase].entries
	var found [3][]int // the indexes of base's items in each side; -1 where it was removed
	for _, i := range []int{inOurs, inTheirs} {
		found[i] = m.align(base, v[i].entries)
	}
	var items []item
	var from [3]int
	for n := 0; n <= len(base); n++ {
		to := [3]int{n, len(v[inOurs].entries), len(v[inTheirs].entries)}
		if n < len(base) {
			to[inOurs], to[inTheirs] = found[inOurs][n], found[inTheirs][n]
			if to[inOurs] < 0 || to[inTheirs] < 0 {
				continue
			}
		}
		items = append(items, m.region(path, v, found, from, to, column, flow)...)
		if n < len(base) {
			e := [3]*entry{base[n], v[inOurs].entries[to[inOurs]], v[inTheirs].entries[to[inTheirs]]}
			it, _ := m.entry(fmt.Sprintf("%s[%d]", path, n), e, column, flow)
			items = append(items, it)
		}
		from = [3]int{n + 1, to[inOurs] + 1, to[inTheirs] + 1}
	}
	return items
}

// region merges the items between two that all have. Each of base's was removed by
// one side at least.
func (m *fieldMerge) region(path string, v [3]*extent, found [3][]int, from, to [3]int, column int, flow bool) []item {
	var fresh [3][]*entry // what a side put there
	for _, side := range []int{inOurs, inTheirs} {
		kept := make(map[int]bool)
		for n := from[inBase]; n < to[inBase]; n++ {
			kept[found[side][n]] = true
		}
		for k := from[side]; k < to[side]; k++ {
			if !kept[k] {
				fresh[side] = append(fresh[side], v[side].entries[k])
			}
		}
	}
	// An item that one side removed and the other changed.
	reason := ""
	var changed [3]bool
	for n := from[inBase]; n < to[inBase]; n++ {
		for _, side := range []int{inOurs, inTheirs} {
			if k := found[side][n]; k >= 0 && !m.untouched(v[inBase].entries[n], inBase, side, v[side].entries[k]) {
				reason, changed[side] = "one side removed what the other changed", true
			}
		}
	}
	copied := func(side int, entries []*entry) (items []item) {
		for _, e := range entries {
			items = append(items, m.copy(side, e, column))
		}
		return items
	}
	joinable := reason == ""
	gone := v[inBase].entries[from[inBase]:to[inBase]]
	alone := inOurs // the side that put something there
	if len(fresh[inOurs]) == 0 {
		alone = inTheirs
	}
	other := inOurs + inTheirs - alone
	switch {
	case reason != "":
		for _, side := range []int{inOurs, inTheirs} {
			other := inOurs + inTheirs - side
			if !changed[side] && m.has(gone, side, v[side].entries[from[side]:to[side]], other, v[other].entries[from[other]:to[other]]) {
				return copied(side, v[side].entries[from[side]:to[side]])
			}
		}
	case len(fresh[other]) == 0:
		if to[other]-from[other] == len(gone) || !m.anyAlike(gone, fresh[alone]) {
			return copied(alone, fresh[alone])
		}
		reason = "one side put items where the other removed some"
	case contains(fresh[inOurs], fresh[inTheirs]):
		return m.both(path, fresh, inOurs, from[inBase], to[inBase], column, flow)
	case contains(fresh[inTheirs], fresh[inOurs]):
		return m.both(path, fresh, inTheirs, from[inBase], to[inBase], column, flow)
	default:
		reason = "both sides put items in the same place"
	}
	c := Conflict{Field: fmt.Sprintf("%s[%d:%d]", path, from[inBase], to[inBase]), Kind: ConflictValue, Reason: reason, Joinable: joinable}
	if to[inBase] == from[inBase]+1 {
		c.Field = fmt.Sprintf("%s[%d]", path, from[inBase])
	}
	for i, s := range []*Side{&c.Base, &c.Ours, &c.Theirs} {
		*s = m.sideOf(i, v[i].entries[from[i]:to[i]])
	}
	switch m.decide(c) {
	case TakeTheirs:
		return copied(inTheirs, v[inTheirs].entries[from[inTheirs]:to[inTheirs]])
	case TakeBoth:
		return append(copied(inOurs, fresh[inOurs]), copied(inTheirs, fresh[inTheirs])...)
	}
	return copied(inOurs, v[inOurs].entries[from[inOurs]:to[inOurs]])
}

// has reports whether a side has what the other made of base's items: what is new
// there is here, too, and what is gone there is not here.
func (m *fieldMerge) has(base []*entry, side int, here []*entry, other int, there []*entry) bool {
	meanings := func(entries []*entry) map[int]*entry {
		all := make(map[int]*entry, len(entries))
		for _, e := range entries {
			all[e.value.meaning] = e
		}
		return all
	}
	was, is, became := meanings(base), meanings(here), meanings(there)
	for n := range was {
		if is[n] != nil && became[n] == nil {
			return false
		}
	}
	for _, e := range there {
		if b := was[e.value.meaning]; b != nil {
			if !m.untouched(b, inBase, other, e) {
				return false
			}
			continue
		}
		for len(here) > 0 && here[0].value.meaning != e.value.meaning {
			here = here[1:]
		}
		if len(here) == 0 || !m.untouched(e, other, side, here[0]) {
			return false
		}
		here = here[1:]
	}
	return true
}

// contains reports whether the items of b are among those of a, in their order.
func contains(a, b []*entry) bool {
	for _, e := range a {
		if len(b) > 0 && b[0].value.meaning == e.value.meaning {
			b = b[1:]
		}
	}
	return len(b) == 0
}

// both takes the items that a side put at a place, which has those of the other.
func (m *fieldMerge) both(path string, fresh [3][]*entry, side, from, to, column int, flow bool) (items []item) {
	field := fmt.Sprintf("%s[%d:%d]", path, from, to)
	rest := fresh[inOurs+inTheirs-side]
	for _, e := range fresh[side] {
		if len(rest) == 0 || rest[0].value.meaning != e.value.meaning {
			items = append(items, m.copy(side, e, column))
			continue
		}
		pair := [3]*entry{}
		pair[side], pair[inOurs+inTheirs-side] = e, rest[0]
		it, _ := m.entry(field, pair, column, flow)
		items, rest = append(items, it), rest[1:]
	}
	return items
}

// sideOf is what a side has as items that follow each other.
func (m *fieldMerge) sideOf(side int, entries []*entry) Side {
	if len(entries) == 0 {
		return Side{Absent: true}
	}
	var texts []string
	for _, e := range entries {
		texts = append(texts, strings.TrimSuffix(string(m.written(side, e, e.span, 0)), "\n"))
	}
	return Side{Text: strings.Join(texts, "\n"), Line: entries[0].line + 1}
}

// flow merges flow mappings or lists, and writes the result.
func (m *fieldMerge) flow(path string, v [3]*extent, column int) ([]byte, int) {
	var items []item
	if v[inOurs].shape == shapeFlowMap {
		items = m.mapping(path, v, column, true)
	} else {
		items = m.items(path, v, column, true)
	}
	l := m.files[inOurs]
	out := []byte{l.src[v[inOurs].from]}
	for k, it := range items {
		from := v[it.side]
		space := it.from.lead
		switch first := it.from == from.entries[0]; {
		case k == 0 && !first:
			space = from.entries[0].lead
		case k > 0 && first && len(from.entries) > 1:
			space = from.entries[1].lead
		}
		text := m.files[it.side].src[space.from:space.to]
		if k > 0 {
			out = append(out, ',')
			if space.empty() && it.from == from.entries[0] {
				text = []byte(" ")
			}
		}
		out = append(append(out, text...), it.core...)
	}
	end := func(i int) []byte {
		if v[i] == nil || len(v[i].entries) == 0 {
			return nil
		}
		return m.files[i].src[v[i].end.from:v[i].end.to]
	}
	i := winner(end(inBase) != nil, func(a, b int) bool { return bytes.Equal(end(a), end(b)) })
	closing := end(max(i, inOurs))
	if closing == nil || len(items) == 0 {
		closing = l.src[v[inOurs].to-1 : v[inOurs].to]
	}
	return append(out, closing...), m.numberOf(items, v[inOurs].shape)
}
