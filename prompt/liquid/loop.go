package liquid

import (
	"errors"
	"io"
	"strconv"
)

var (
	errBreak    = errors.New("break")
	errContinue = errors.New("continue")
)

func isInterrupt(err error) bool { return errors.Is(err, errBreak) || errors.Is(err, errContinue) }

// A loop is a for or tablerow that is running: forloop or tablerowloop.
type loop struct {
	known    string // "forloop", "tablerowloop"
	variable string
	value    any

	name           string
	length, index  int64 // index from 0
	parent         *loop
	cols, col, row int64
}

func (l *loop) member(key any) (any, bool) {
	switch key {
	case "length":
		return l.length, true
	case "index":
		return l.index + 1, true
	case "index0":
		return l.index, true
	case "rindex":
		return l.length - l.index, true
	case "rindex0":
		return l.length - l.index - 1, true
	case "first":
		return l.index == 0, true
	case "last":
		return l.index == l.length-1, true
	}
	if l.known == "forloop" {
		switch key {
		case "name":
			return l.name, true
		case "parentloop":
			if l.parent == nil {
				return nil, true
			}
			return l.parent, true
		}
		return nil, false
	}
	switch key {
	case "col":
		return l.col, true
	case "col0":
		return l.col - 1, true
	case "row":
		return l.row, true
	case "col_first":
		return l.col == 1, true
	case "col_last":
		return l.col == l.cols, true
	}
	return nil, false
}

// keys are what member knows.
func (l *loop) keys() []string {
	keys := []string{"first", "index", "index0", "last", "length", "rindex", "rindex0"}
	if l.known == "forloop" {
		return append(keys, "name", "parentloop")
	}
	return append(keys, "col", "col0", "col_first", "col_last", "row")
}

// A sequence is what a loop goes through, item by item, so that a long range costs nothing before it is walked.
type sequence struct {
	length int64
	item   func(i int64) any
}

// sequenceOf returns the items of a value: those of an array or a range, an object's pairs of key and value sorted by
// key, a text as a single item. Anything else has none.
func sequenceOf(v any) sequence {
	switch v := v.(type) {
	case []any:
		return sequence{int64(len(v)), func(i int64) any { return v[i] }}
	case span:
		return sequence{v.size(), func(i int64) any { return v.first + i }}
	case map[string]any:
		keys := sortedKeys(v)
		return sequence{int64(len(keys)), func(i int64) any { return []any{keys[i], v[keys[i]]} }}
	case string:
		if v != "" {
			return sequence{1, func(int64) any { return v }}
		}
	}
	return sequence{}
}

// slice is the part that begins at from and ends before to.
func (s sequence) slice(from, to int64) sequence {
	from = max(from, 0)
	to = max(from, min(to, s.length))
	from = min(from, to)
	return sequence{to - from, func(i int64) any { return s.item(from + i) }}
}

func (s sequence) reversed() sequence {
	return sequence{s.length, func(i int64) any { return s.item(s.length - 1 - i) }}
}

func (n *loopNode) bodies() []*body {
	if n.otherwise != nil {
		return []*body{n.body, n.otherwise}
	}
	return []*body{n.body}
}

func (n *loopNode) renderBlock(f *frame, w io.Writer, b bodies) error {
	if err := f.spend(n.at, 1); err != nil {
		return err
	}
	v, err := n.values.eval(f)
	if err != nil {
		return err
	}
	if m, ok := v.(map[string]any); ok {
		if err := f.spend(n.at, len(m)); err != nil {
			return err
		}
	}
	items, err := n.part(f, v)
	switch {
	case err != nil:
		return err
	case n.table:
		return n.renderTable(f, w, b, v, items)
	case items.length == 0 && n.otherwise != nil:
		return b.render(1, w)
	case items.length == 0:
		return nil
	}
	l := &loop{known: "forloop", variable: n.variable, name: n.name, length: items.length}
	for i := len(f.loops) - 1; i >= 0 && l.parent == nil; i-- {
		if f.loops[i].known == "forloop" && f.loops[i].variable != "" { // not that of {% render … for … %}
			l.parent = f.loops[i]
		}
	}
	f.loops = append(f.loops, l)
	defer func() { f.loops = f.loops[:len(f.loops)-1] }()
	for ; l.index < l.length; l.index++ {
		if err := f.spend(n.at, 1); err != nil {
			return err
		}
		l.value = items.item(l.index)
		if err := b.render(0, w); err != nil {
			if errors.Is(err, errBreak) {
				return nil
			}
			if !errors.Is(err, errContinue) {
				return err
			}
		}
	}
	return nil
}

// part applies offset, limit and reversed: the part is chosen first and reversed then.
func (n *loopNode) part(f *frame, v any) (sequence, error) {
	all := sequenceOf(v)
	from, err := n.modifier(f, n.offset, 0)
	if err != nil {
		return all, err
	}
	if n.goesOn {
		from = f.went[n.name]
	}
	const none = -1 << 63
	limit, err := n.modifier(f, n.limit, none)
	if err != nil {
		return all, err
	}
	part := all
	if _, whole := v.(string); !whole { // a text is one item, however it is cut
		to := all.length
		if limit != none && limit < all.length-min(from, all.length) {
			to = from + limit
		}
		part = all.slice(from, to)
	}
	if !n.table {
		if f.went == nil {
			f.went = map[string]int64{}
		}
		f.went[n.name] = from + part.length
	}
	if n.reversed {
		part = part.reversed()
	}
	return part, nil
}

func (n *loopNode) modifier(f *frame, e expression, otherwise int64) (int64, error) {
	if e == nil {
		return otherwise, nil
	}
	v, err := e.eval(f)
	if err != nil {
		return 0, err
	}
	if v == nil && !n.table {
		return otherwise, nil
	}
	i, err := integer(v)
	if err != nil || i > 1<<62 || i < -1<<62 {
		return 0, f.fault(n.at, RuleValue, "limit, offset and cols must be whole numbers")
	}
	return i, nil
}

func (n *loopNode) renderTable(f *frame, w io.Writer, b bodies, v any, items sequence) error {
	if !truthy(v) {
		return nil
	}
	cols, err := n.modifier(f, n.cols, items.length)
	if err != nil {
		return err
	}
	l := &loop{known: "tablerowloop", variable: n.variable, length: items.length, cols: cols, col: 1, row: 1}
	f.loops = append(f.loops, l)
	defer func() { f.loops = f.loops[:len(f.loops)-1] }()
	if err := f.print(n.at, w, "<tr class=\"row1\">\n"); err != nil {
		return err
	}
	for ; l.index < l.length; l.index++ {
		if err := f.spend(n.at, 1); err != nil {
			return err
		}
		l.value = items.item(l.index)
		if err := f.print(n.at, w, `<td class="col`+strconv.FormatInt(l.col, 10)+`">`); err != nil {
			return err
		}
		broken := b.render(0, w)
		if broken != nil && !isInterrupt(broken) {
			return broken
		}
		end := "</td>"
		if l.col == l.cols && l.index < l.length-1 && !errors.Is(broken, errBreak) {
			end += "</tr>\n<tr class=\"row" + strconv.FormatInt(l.row+1, 10) + `">`
		}
		if err := f.print(n.at, w, end); err != nil {
			return err
		}
		if errors.Is(broken, errBreak) {
			break
		}
		if l.col == l.cols {
			l.col, l.row = 1, l.row+1
		} else {
			l.col++
		}
	}
	return f.print(n.at, w, "</tr>\n")
}

// render ends the turn of the loop. The empty write makes the engine hand on the text that it still holds back.
func (n *interruptNode) render(f *frame, w io.Writer) error {
	if err := f.spend(n.at, 1); err != nil {
		return err
	}
	if _, err := w.Write(nil); err != nil {
		return err
	}
	return n.err
}
