package prompt

import (
	"bytes"
	"strings"

	"go.yaml.in/yaml/v3"
)

// colon returns the end of the colon after a block mapping's key, or of a dash.
func (l *layout) colon(e *entry, n *yaml.Node, i int) (int, error) {
	if n.Kind == yaml.SequenceNode {
		if l.src[e.from] != '-' {
			return 0, errLayout
		}
		return e.from + 1, nil
	}
	key := n.Content[i]
	at, err := l.at(key)
	if err != nil || at != e.from || key.Kind != yaml.ScalarNode || key.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		return 0, errLayout
	}
	end := l.lines[e.line+1]
	if key.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 {
		at = l.quoted(at)
		for at < end && (l.src[at] == ' ' || l.src[at] == '\t') {
			at++
		}
	} else {
		for at < end && (l.src[at] != ':' || !isSpace(l.src[at+1])) {
			at++
		}
	}
	if at >= end || l.src[at] != ':' {
		return 0, errLayout
	}
	return at + 1, nil
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' }

// quoted returns the end of a quoted scalar.
func (l *layout) quoted(at int) int {
	quote := l.src[at]
	for at++; at < len(l.src); at++ {
		switch c := l.src[at]; {
		case c == '\\' && quote == '"':
			at++
		case c == quote && quote == '\'' && at+1 < len(l.src) && l.src[at+1] == quote:
			at++
		case c == quote:
			return at + 1
		}
	}
	return len(l.src)
}

// value cuts the value of an entry of a block whose entries stand at a column. It
// returns the line after it.
func (l *layout) value(e *entry, n *yaml.Node, limit, column int) (int, error) {
	if n.Kind == yaml.ScalarNode && n.Value == "" && n.Style == 0 { // nothing is written
		e.value = &extent{node: n, span: span{e.colon, e.colon}, meaning: l.meanings.of(n)}
		return l.rest(e)
	}
	start, err := l.at(n)
	if err != nil {
		return 0, err
	}
	switch {
	case start < e.colon || n.Line > limit:
		return 0, errLayout
	case n.Kind != yaml.ScalarNode && n.Style&yaml.FlowStyle == 0:
		beside := n.Line-1 == e.line
		if beside && l.src[e.colon-1] == ':' || !beside && !l.blank(e.colon, l.lines[e.line+1]) {
			return 0, errLayout
		}
		var next int
		if e.value, next, err = l.block(n, e.line+1, limit, column); err != nil {
			return 0, err
		}
		e.to = e.value.to
		e.beside = span{e.to, e.to}
		return next, nil
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		if n.Line-1 != e.line {
			return 0, errLayout
		}
		var next int
		if e.value, next, err = l.blockText(n, start, limit); err != nil {
			return 0, err
		}
		e.to = e.value.to
		e.beside = span{e.to, e.to}
		return next, nil
	case n.Kind != yaml.ScalarNode:
		l.within = column
		v, comments, err := l.flow(n)
		if err != nil {
			return 0, err
		}
		if e.value = v; comments {
			e.commentFlow = true
			v.shape, v.entries = shapeScalar, nil
		}
	case n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0:
		e.value = &extent{node: n, span: span{start, l.quoted(start)}, meaning: l.meanings.of(n)}
	default:
		end, err := l.plain(start, limit)
		if err != nil {
			return 0, err
		}
		e.value = &extent{node: n, span: span{start, end}, meaning: l.meanings.of(n)}
	}
	return l.rest(e)
}

// blank reports whether a part of a line is white space and a comment.
func (l *layout) blank(from, to int) bool {
	text := blanks(l.src[from:to])
	return len(text) == 0 || text[0] == '#'
}

// rest cuts what stands beside a value that ends within a line.
func (l *layout) rest(e *entry) (int, error) {
	line := l.lineOf(max(e.value.to-1, e.from))
	e.to = l.lines[line+1]
	e.beside = span{e.value.to, e.to}
	if !l.blank(e.value.to, e.to) {
		return 0, errLayout
	}
	return line + 1, nil
}

// plain returns the end of a scalar without quotes, which may go on in the next
// lines.
func (l *layout) plain(start, limit int) (int, error) {
	end := start
	for n := l.lineOf(start); n < limit; n++ {
		from := max(start, l.lines[n])
		text := l.src[from:l.lines[n+1]]
		if from == l.lines[n] && (bytes.HasPrefix(text, []byte("...")) || bytes.HasPrefix(text, []byte("---"))) {
			return 0, errLayout
		}
		trimmed := blanks(text)
		if len(trimmed) == 0 {
			continue
		}
		if trimmed[0] == '#' && from > start {
			break
		}
		if m := comment.FindIndex(text); m != nil {
			return from + len(bytes.TrimRight(text[:m[0]], " \t")), nil
		}
		end = from + len(bytes.TrimRight(text, " \t\n"))
	}
	return end, nil
}

// blockText cuts a literal or folded scalar.
func (l *layout) blockText(n *yaml.Node, start, limit int) (*extent, int, error) {
	line := l.lineOf(start)
	v := &extent{node: n, shape: shapeText, column: -1, header: span{start, l.lines[line+1]}, meaning: l.meanings.of(n)}
	header := string(l.src[start:v.header.to])
	indicators, _, _ := strings.Cut(header, "#")
	keep := strings.Contains(indicators, "+")
	place := l.place(n)
	empty := strings.Trim(n.Value, " \t\n") == ""
	end := line + 1
	for at := line + 1; at < limit; at++ {
		text := l.text(at)
		indent := indentOf(text)
		switch {
		case empty && strings.Trim(text, " \t") != "":
		case empty:
			if n.Value != "" {
				end = at + 1
			}
			continue
		case indent == len(text) && indent <= place:
			if keep {
				end = at + 1
			}
			continue
		case indent < place:
		default:
			v.column = place
			end = at + 1
			continue
		}
		break
	}
	v.span = span{start, l.lines[end]}
	return v, end, nil
}

// place returns the column of a block scalar's lines.
func (l *layout) place(n *yaml.Node) int {
	s := &source{content: l.src}
	s.number, s.offset = n.Line, l.lines[n.Line-1]
	return s.placeOf(&yaml.Node{Style: yaml.LiteralStyle, Line: n.Line, Column: n.Column, Value: n.Value}).col - 1
}
