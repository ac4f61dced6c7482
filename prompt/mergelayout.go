package prompt

import (
	"bytes"
	"errors"
	"sort"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// layout is a YAML file cut into spans of its bytes, without a gap and without
// an overlap: what stands above a key, the key, its value, what stands beside it.
// Putting the spans together again gives the file.
type layout struct {
	// src is the file with LF at the end of every line and without a byte order
	// mark; the three say what the file has instead.
	src              []byte
	bom, crlf, noEnd bool

	lines    []int // where each line begins, and the end
	line     int   // the line that was asked for last, and how far it was read
	column   int
	offset   int
	within   int // the column of the entries of the block that is being cut
	meanings *meanings

	// The comments in front of a file's first key are about the file, not about
	// that key: the schema line stays where it is when keys are reordered.
	prologue span
	root     *extent
}

// span is a range of a layout's bytes.
type span struct{ from, to int }

func (s span) empty() bool { return s.from == s.to }

// shape says how a value is merged.
type shape int

const (
	shapeScalar   shape = iota // as a whole; also what is too unusual to split
	shapeText                  // a block scalar, by line
	shapeMapping               // by key
	shapeList                  // by item
	shapeFlowMap               // {a: 1, b: 2}
	shapeFlowList              // [a, b]
)

// extent is where a value stands.
type extent struct {
	span
	shape   shape
	meaning int
	node    *yaml.Node

	entries []*entry
	end     span // after the last entry: comments, or the closing bracket
	column  int  // of the entries, or of a text's lines; -1 for a text without any
	inline  bool // the first entry stands beside the dash of the item that this is
	header  span // of a text: from | or > to the end of that line
}

// entry is a key with its value, or an item of a list.
type entry struct {
	span               // from the key or dash to the end of the value's last line
	key         string // "" for an item
	line        int    // from 0
	column      int    // of the block that it is in
	lead        span   // whole lines of comments and blanks above; in a flow, white space
	colon       int    // the end of the colon or dash; in a flow list, where the item begins
	value       *extent
	beside      span  // from the end of a value to the end of its line
	commentFlow bool  // a flow value has comments in it, and is not split
	atoms       []int // what it says, see overlap
}

// errLayout: a file has something that is not taken apart, and is merged by line.
var errLayout = errors.New("the file has YAML that is only merged by line")

// newLayout cuts a file. It is an error when the file is not one of ours, or is
// written too unusually.
func newLayout(content []byte, m *meanings) (*layout, error) {
	l := &layout{meanings: m}
	l.src, l.bom = bytes.CutPrefix(content, []byte("\ufeff"))
	if returns := bytes.Count(l.src, []byte("\r")); returns > 0 {
		if ends := bytes.Count(l.src, []byte("\n")); ends != returns || bytes.Count(l.src, []byte("\r\n")) != ends {
			return nil, errors.New("its lines end in different ways")
		}
		l.crlf = true
		l.src = bytes.ReplaceAll(l.src, []byte("\r\n"), []byte("\n"))
	}
	for _, separator := range []string{"\u0085", "\u2028", "\u2029"} { // the parser counts these as lines
		if bytes.Contains(l.src, []byte(separator)) {
			return nil, errors.New("it has a line separator of Unicode")
		}
	}
	if n := len(l.src); n > 0 && l.src[n-1] != '\n' {
		l.noEnd = true
		l.src = append(l.src[:n:n], '\n')
	}
	for at := 0; at < len(l.src); {
		l.lines = append(l.lines, at)
		at += bytes.IndexByte(l.src[at:], '\n') + 1
	}
	l.lines = append(l.lines, len(l.src))
	last := len(l.lines) - 1

	if l.trivia(0, last) {
		l.prologue = span{0, len(l.src)}
		l.root = &extent{shape: shapeMapping, meaning: m.mapping(nil), end: span{len(l.src), len(l.src)}}
		return l, nil
	}
	r := &reader{source: source{content: l.src}}
	root := r.load(l.src)
	switch {
	case root == nil:
		return nil, errors.New(r.problems[0].Message)
	case root.Kind != yaml.MappingNode || root.Style&yaml.FlowStyle != 0 || root.Column != 1:
		return nil, errLayout
	}
	first := root.Line - 1
	for n := range first {
		if text := l.text(n); !l.trivia(n, n+1) && text != "---" && !strings.HasPrefix(text, "--- #") {
			return nil, errLayout
		}
	}
	l.prologue = span{0, l.lines[first]}
	var err error
	if l.root, _, err = l.block(root, first, last, -1); err != nil {
		return nil, err
	}
	return l, nil
}

// text returns a line without its end.
func (l *layout) text(n int) string { return string(l.src[l.lines[n] : l.lines[n+1]-1]) }

// blanks cuts what YAML takes for white space off both ends.
func blanks(text []byte) []byte { return bytes.Trim(text, " \t\n") }

// trivia reports whether lines are comments and blanks only.
func (l *layout) trivia(from, to int) bool {
	for n := from; n < to; n++ {
		if text := blanks(l.src[l.lines[n]:l.lines[n+1]]); len(text) > 0 && text[0] != '#' {
			return false
		}
	}
	return true
}

// lineOf returns the line, from 0, that an offset is in.
func (l *layout) lineOf(offset int) int {
	return sort.Search(len(l.lines)-1, func(n int) bool { return l.lines[n+1] > offset })
}

// at returns the offset of a node. It is asked in the order of the file, so that
// a long line is read once.
func (l *layout) at(n *yaml.Node) (int, error) {
	line, column := n.Line-1, n.Column-1
	if line < 0 || line >= len(l.lines)-1 {
		return 0, errLayout
	}
	if line != l.line || column < l.column || l.offset < l.lines[line] {
		l.line, l.column, l.offset = line, 0, l.lines[line]
	}
	for ; l.column < column; l.column++ {
		if l.offset >= l.lines[line+1] {
			return 0, errLayout
		}
		_, size := utf8.DecodeRune(l.src[l.offset:])
		l.offset += size
	}
	return l.offset, nil
}

// block cuts a block mapping or list, whose lines, with what is above its first
// entry, go from from to no further than limit. above is the column of what it
// is the value of. It returns the first line that is not part of it.
func (l *layout) block(n *yaml.Node, from, limit, above int) (*extent, int, error) {
	start, err := l.at(n)
	if err != nil {
		return nil, 0, err
	}
	v := &extent{node: n, shape: shapeMapping, column: n.Column - 1}
	step := 2
	if n.Kind == yaml.SequenceNode {
		v.shape, step = shapeList, 1
	}
	v.from = l.lines[from]
	if prefix := l.src[l.lines[n.Line-1]:start]; len(bytes.TrimLeft(prefix, " ")) > 0 {
		v.inline, v.from = true, start // the caller has seen that it stands beside a dash
	}
	line := from
	if v.inline {
		line = n.Line - 1
	}
	for i := 0; i+step <= len(n.Content); i += step {
		e := &entry{column: v.column}
		if v.shape == shapeMapping {
			e.line = n.Content[i].Line - 1
			e.key = n.Content[i].Value
		} else {
			for e.line = line; e.line < limit && l.trivia(e.line, e.line+1); {
				e.line++
			}
		}
		if e.line < line || e.line >= limit {
			return nil, 0, errLayout
		}
		e.lead = span{l.lines[line], l.lines[e.line]}
		if v.inline && i == 0 {
			e.lead = span{start, start}
			e.from = start
		} else {
			e.from = l.lines[e.line] + v.column
			if !l.trivia(line, e.line) || e.from >= l.lines[e.line+1] || len(bytes.TrimLeft(l.src[l.lines[e.line]:e.from], " ")) > 0 {
				return nil, 0, errLayout
			}
		}
		if e.colon, err = l.colon(e, n, i); err != nil {
			return nil, 0, err
		}
		next := limit
		if i+step < len(n.Content) {
			next = n.Content[i+step].Line - 1
			if v.shape == shapeList { // the dash may stand above what it belongs to
				if next, err = l.dash(e.line+1, limit, v.column); err != nil {
					return nil, 0, err
				}
			}
		}
		if line, err = l.value(e, n.Content[i+step-1], next, v.column); err != nil {
			return nil, 0, err
		}
		v.entries = append(v.entries, e)
	}
	end := line
	if above < 0 {
		end = limit
	} else {
		for n := line; n < limit; n++ {
			text := l.text(n)
			if trimmed := strings.Trim(text, " \t"); trimmed == "" {
				continue
			} else if trimmed[0] != '#' || indentOf(text) <= above {
				break
			}
			end = n + 1
		}
	}
	if !l.trivia(line, end) {
		return nil, 0, errLayout
	}
	v.end = span{l.lines[line], l.lines[end]}
	v.to = v.end.to
	l.number(v)
	return v, end, nil
}

// dash finds the next line whose dash is at a column.
func (l *layout) dash(from, limit, column int) (int, error) {
	for n := from; n < limit; n++ {
		text := l.src[l.lines[n]:l.lines[n+1]]
		if len(text) > column+1 && text[column] == '-' && (text[column+1] == ' ' || text[column+1] == '\n') && len(bytes.TrimLeft(text[:column], " ")) == 0 {
			return n, nil
		}
	}
	return 0, errLayout
}

// number finds out what a value means from what its entries mean.
func (l *layout) number(v *extent) {
	switch v.shape {
	case shapeMapping, shapeFlowMap:
		members := make([]member, len(v.entries))
		for i, e := range v.entries {
			members[i] = member{e.key, e.value.meaning}
		}
		v.meaning = l.meanings.mapping(members)
	case shapeList, shapeFlowList:
		items := make([]int, len(v.entries))
		for i, e := range v.entries {
			items[i] = e.value.meaning
		}
		v.meaning = l.meanings.list(items)
	default:
		v.meaning = l.meanings.of(v.node)
	}
}
