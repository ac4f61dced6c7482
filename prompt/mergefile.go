package prompt

import (
	"bytes"
	"slices"
)

// file merges all of it. What the result means is right only as far as nothing is
// in conflict about it.
func (m *fieldMerge) file() ([]byte, int) {
	var roots [3]*extent
	var prologues, ends [3][]byte
	for i, l := range m.files {
		roots[i] = l.root
		prologues[i] = l.src[l.prologue.from:l.prologue.to]
		ends[i] = l.src[l.root.end.from:l.root.end.to]
	}
	out := slices.Clone(m.trivia("", "at the beginning", prologues, [3]int{1, 1, 1}))
	items := m.mapping("", roots, 0, false)
	out = m.lines(out, items, 0, false)
	out = append(out, m.trivia("", "at the end", ends, [3]int{m.line(inBase, roots[0].end), m.line(inOurs, roots[1].end), m.line(inTheirs, roots[2].end)})...)

	flag := func(of func(l *layout) bool) bool {
		is := func(i int) bool { return of(m.files[i]) }
		i := winner(len(m.files[inBase].src) > 0, func(a, b int) bool { return is(a) == is(b) })
		return is(max(i, inOurs)) // of two, one is as base, or there is none
	}
	if flag(func(l *layout) bool { return l.noEnd }) && m.mayEnd(out) {
		out = bytes.TrimSuffix(out, []byte("\n"))
	}
	if flag(func(l *layout) bool { return l.crlf }) {
		out = bytes.ReplaceAll(out, []byte("\n"), []byte("\r\n"))
	}
	if flag(func(l *layout) bool { return l.bom }) {
		out = append([]byte("\ufeff"), out...)
	}
	return out, m.numberOf(items, shapeMapping)
}

// mayEnd reports whether a result may go without the end of its last line: when
// that is of a text, which then says less, a side has the same text without it.
func (m *fieldMerge) mayEnd(content []byte) bool {
	l, err := newLayout(content, m.meanings)
	if err != nil {
		return false
	}
	field, last := l.last()
	if last.shape != shapeText {
		return true
	}
	return slices.ContainsFunc(m.files[inOurs:], func(side *layout) bool {
		f, _ := side.last()
		return side.noEnd && f == field
	})
}

// last returns the last field of a file, and its value.
func (l *layout) last() (field string, v *extent) {
	for v = l.root; len(v.entries) > 0 && v.shape != shapeFlowMap && v.shape != shapeFlowList; {
		e := v.entries[len(v.entries)-1]
		if v.shape == shapeList {
			field += "[]"
		} else {
			field = fieldPath(field, e.key)
		}
		v = e.value
	}
	return field, v
}
