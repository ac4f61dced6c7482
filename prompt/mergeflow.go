package prompt

import (
	"bytes"

	"go.yaml.in/yaml/v3"
)

// flow cuts a flow mapping or list and reports whether there are comments in it.
func (l *layout) flow(n *yaml.Node) (v *extent, comments bool, err error) {
	start, err := l.at(n)
	if err != nil {
		return nil, false, err
	}
	v = &extent{node: n, shape: shapeFlowMap}
	closing, step := byte('}'), 2
	if n.Kind == yaml.SequenceNode {
		v.shape, closing, step = shapeFlowList, ']', 1
	}
	if c := l.src[start]; c != '{' && c != '[' {
		return nil, false, errLayout // a: b in a list is a mapping without braces
	}
	at := start + 1
	whole := false // it is not written as usual, and not split
	space := func() {
		for at < len(l.src) && (isSpace(l.src[at]) || l.src[at] == '#' && isSpace(l.src[at-1])) {
			if l.src[at] == '#' {
				comments = true
				at += bytes.IndexByte(l.src[at:], '\n')
			}
			at++
		}
	}
	for i := 0; i+step <= len(n.Content); i += step {
		e := &entry{lead: span{at, at}, column: l.within}
		space()
		e.lead.to, e.from, e.colon = at, at, at
		if v.shape == shapeFlowMap {
			key := n.Content[i]
			e.key = key.Value
			if from, err := l.at(key); err != nil || from != at || key.Kind != yaml.ScalarNode {
				return nil, false, errLayout
			}
			if at = l.flowScalar(key, at); at == e.from {
				return nil, false, errLayout
			}
			before := at
			space()
			if at < len(l.src) && l.src[at] == ':' {
				at++
			} else {
				at, whole = before, true // {a, b} are keys without values
			}
			e.colon = at
		}
		value := n.Content[i+step-1]
		if value.Kind == yaml.ScalarNode && value.Value == "" && value.Style == 0 {
			e.value = &extent{node: value, span: span{at, at}, meaning: l.meanings.of(value)}
			whole = whole || v.shape == shapeFlowList
		} else {
			space()
			from, err := l.at(value)
			if err != nil || from != at {
				return nil, false, errLayout
			}
			if value.Kind == yaml.ScalarNode {
				at = l.flowScalar(value, at)
				e.value = &extent{node: value, span: span{from, at}, meaning: l.meanings.of(value)}
			} else {
				inner, more, err := l.flow(value)
				if err != nil {
					return nil, false, err
				}
				e.value, comments, at = inner, comments || more, inner.to
			}
		}
		e.to = at
		e.line = l.lineOf(e.from)
		e.beside = span{at, at}
		v.entries = append(v.entries, e)
		last := i+2*step > len(n.Content)
		if space(); at < len(l.src) && l.src[at] == ',' && !last {
			whole = whole || at > e.to
			at++
		} else if !last {
			return nil, false, errLayout
		}
	}
	v.end.from = start + 1
	if k := len(v.entries); k > 0 {
		v.end.from = v.entries[k-1].to
	}
	at = v.end.from
	if space(); at < len(l.src) && l.src[at] == ',' {
		at++
		space()
	}
	if at >= len(l.src) || l.src[at] != closing {
		return nil, false, errLayout
	}
	v.end.to = at + 1
	v.span = span{start, at + 1}
	l.number(v)
	if whole {
		v.shape, v.entries = shapeScalar, nil
	}
	return v, comments, nil
}

// flowScalar returns the end of a scalar in a flow.
func (l *layout) flowScalar(n *yaml.Node, at int) int {
	if n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 {
		return l.quoted(at)
	}
	end := at
	for ; at < len(l.src); at++ {
		switch c := l.src[at]; {
		case c == ',' || c == '[' || c == ']' || c == '{' || c == '}',
			c == '#' && isSpace(l.src[at-1]),
			c == ':' && at+1 < len(l.src) && (isSpace(l.src[at+1]) || bytes.IndexByte([]byte(",[]{}"), l.src[at+1]) >= 0):
			return end
		case !isSpace(c):
			end = at + 1
		}
	}
	return end
}
