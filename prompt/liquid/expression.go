package liquid

import (
	"iter"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// An expression is a value to be: a literal, a variable, a range, or one of these sent through filters.
type expression interface {
	eval(*frame) (any, error)
}

type literal struct{ value any }

// A lookup is a variable and the way into it.
type lookup struct {
	name   string
	path   []step
	free   bool // the template defines no such name before this point
	at     int
	source string
}

// A step is one .key or [key].
type step struct {
	key     expression
	command bool // .size, .first, .last, for values that have no such key
}

type between struct {
	from, to expression
	at       int
}

type filtered struct {
	value expression
	calls []call
}

type call struct {
	*filter
	args  []expression
	named map[string]expression
	at    int
}

const (
	maxDeep         = 50     // brackets and ranges in one expression
	maxLiteralRange = 10_000 // items of a range between two literals
)

// pipeline reads an expression with its filters: what an object, echo or assign holds.
func (m *markup) pipeline() expression {
	e := m.expression()
	if w := m.peek(); w.kind == compareWord || w.kind == nameWord && (w.text == "and" || w.text == "or" || w.text == "contains") {
		m.fail(w.at, RuleUnsupported, "a condition cannot stand here", "conditions belong into {% if %}, {% elsif %} or {% unless %}")
	}
	var calls []call
	for m.sign("|") {
		calls = append(calls, m.call())
	}
	if calls == nil {
		return e
	}
	if l, ok := e.(*lookup); ok && calls[0].name == "default" {
		e = &lenient{l}
	}
	return &filtered{value: e, calls: calls}
}

func (m *markup) call() call {
	w := m.next()
	if w.kind != nameWord {
		m.fail(w.at, RuleSyntax, "the name of a filter is missing here", "")
	}
	f, ok := filters[w.text]
	if !ok {
		m.fail(w.at, RuleUnknownFilter, "unknown filter "+w.text, filterHint(w.text))
	}
	c := call{filter: f, at: w.at}
	if m.sign(":") {
		for {
			if l, ok := m.label(); ok {
				if f.named != l.text {
					m.fail(l.at, RuleSyntax, f.name+" takes no argument named "+l.text, nearestHint(l.text, []string{f.named}))
				}
				if c.named == nil {
					c.named = map[string]expression{}
				}
				c.named[l.text] = m.expression()
			} else {
				c.args = append(c.args, m.expression())
			}
			if !m.sign(",") {
				break
			}
		}
	}
	if n := len(c.args); n < f.min || n > f.max {
		m.fail(w.at, RuleSyntax, f.name+" takes "+f.arity()+", not "+strconv.Itoa(n), "")
	}
	return c
}

// expression reads a value without filters.
func (m *markup) expression() expression {
	if m.deep++; m.deep > maxDeep {
		m.fail(m.peek().at, RuleUnsupported, "this expression is nested too deeply", "assign its parts to variables")
	}
	defer func() { m.deep-- }()
	w := m.next()
	switch w.kind {
	case stringWord:
		return literal{w.text}
	case numberWord:
		return m.number(w)
	case nameWord:
		if w.text == "and" || w.text == "or" || w.text == "contains" {
			m.unexpected(w)
		}
		return m.variable(w)
	case signWord:
		switch w.text {
		case "(":
			return m.between(w)
		case "[":
			m.fail(w.at, RuleUnsupported, "the name of a variable must be literal", "write variable[key] to look a key up in a variable")
		}
	}
	m.unexpected(w)
	return nil
}

func (m *markup) number(w word) expression {
	if !strings.Contains(w.text, ".") {
		n, err := strconv.ParseInt(w.text, 10, 64)
		if err != nil {
			m.fail(w.at, RuleUnsupported, "this number is too large", "whole numbers have 64 bits; quote it if it is text")
		}
		return literal{n}
	}
	x, err := strconv.ParseFloat(w.text, 64)
	if err != nil || math.IsInf(x, 0) {
		m.fail(w.at, RuleUnsupported, "this number is too large", "quote it if it is text")
	}
	return literal{x}
}

func (m *markup) variable(w word) expression {
	var path []step
	for {
		switch {
		case m.sign("."):
			k := m.next()
			if k.kind != nameWord {
				m.fail(k.at, RuleSyntax, "the name of a key is missing here", "keys that are no names go into brackets: "+w.text+`["…"]`)
			}
			path = append(path, step{key: literal{k.text}, command: k.text == "size" || k.text == "first" || k.text == "last"})
			continue
		case m.sign("["):
			key := m.expression()
			if !m.sign("]") {
				m.fail(m.peek().at, RuleSyntax, "] is missing here", "")
			}
			path = append(path, step{key: key})
			continue
		}
		break
	}
	if path == nil {
		switch w.text {
		case "nil", "null":
			return literal{nil}
		case "true":
			return literal{true}
		case "false":
			return literal{false}
		case "empty":
			return literal{special(emptySpecial)}
		case "blank":
			return literal{special(blankSpecial)}
		}
	}
	l := &lookup{name: w.text, path: path, at: w.at, source: compact(m.p.source[w.at:m.words[m.i-1].end])}
	l.free = m.p.refer(w)
	return l
}

func (m *markup) between(open word) expression {
	from := m.expression()
	if !m.peekDots() {
		m.fail(open.at, RuleUnsupported, "parentheses only make ranges: (1..3)", "and/or group from the right, a and b or c is a and (b or c); nest {% if %} for another order")
	}
	m.i++
	to := m.expression()
	if !m.sign(")") {
		m.fail(m.peek().at, RuleSyntax, ") is missing here", "")
	}
	a, okA := from.(literal)
	b, okB := to.(literal)
	if okA && okB {
		r, err := newSpan(a.value, b.value)
		if err != nil {
			m.fail(open.at, RuleSyntax, err.Error(), "")
		}
		if r.size() > maxLiteralRange {
			m.fail(open.at, RuleUnsupported, "this range has more than "+strconv.Itoa(maxLiteralRange)+" items", "")
		}
		return literal{r}
	}
	return &between{from: from, to: to, at: open.at}
}

func (m *markup) peekDots() bool { return m.peek().kind == dotsWord }

// compact removes the whitespace outside strings.
func compact(s string) string {
	if !strings.ContainsAny(s, space) {
		return s
	}
	var b strings.Builder
	var quote byte
	for i := range len(s) {
		switch c := s[i]; {
		case quote == 0 && strings.IndexByte(space, c) >= 0:
			continue
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case c == quote:
			quote = 0
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func (l literal) eval(*frame) (any, error) {
	if _, ok := l.value.(special); ok {
		return "", nil // outside a comparison, empty and blank are the empty string
	}
	return l.value, nil
}

func (b *between) eval(f *frame) (any, error) {
	from, err := b.from.eval(f)
	if err != nil {
		return nil, err
	}
	to, err := b.to.eval(f)
	if err != nil {
		return nil, err
	}
	r, err := newSpan(from, to)
	if err != nil {
		return nil, f.fault(b.at, RuleValue, err.Error())
	}
	return r, nil
}

func (l *lookup) eval(f *frame) (any, error) { return l.find(f, false) }

// find follows the path. A key that is not there is an error, unless missing is all right: then it is nil.
func (l *lookup) find(f *frame, missing bool) (any, error) {
	v, ok := f.get(l.name)
	if !ok && l.free {
		e := f.fault(l.at, RuleUndefined, "undefined variable "+l.name)
		e.nearest = nearestName(l.name, maps.Keys(f.values), maps.Keys(f.assigned))
		return nil, e
	}
	v, err := normal(v)
	if err != nil {
		return nil, f.fault(l.at, RuleValue, l.name+": "+err.Error())
	}
	for i := range l.path {
		s := &l.path[i]
		key, err := s.key.eval(f)
		if err != nil {
			return nil, err
		}
		if price := lookupCost(v, key, s.command); price > 0 {
			if err := f.spend(l.at, price); err != nil {
				return nil, err
			}
		}
		next, ok := member(v, key, s.command)
		if !ok {
			if missing {
				return nil, nil
			}
			e := f.fault(l.at, RuleUndefined, "undefined variable "+l.source+": "+because(v, key))
			if name, is := key.(string); is {
				e.nearest = nearestName(name, keysOf(v))
			}
			return nil, e
		}
		if v, err = normal(next); err != nil {
			return nil, f.fault(l.at, RuleValue, l.source+": "+err.Error())
		}
	}
	return v, nil
}

// lookupCost is what looking a key up is worth where that takes time: texts are counted and hashed, the first key of
// an object is searched.
func lookupCost(v, key any, command bool) int {
	price := cost(key)
	switch v := v.(type) {
	case string:
		if command {
			price += cost(v)
		}
	case map[string]any:
		if command && key == "first" {
			price += len(v)
		}
	}
	return price
}

// because says why a key was not found in a value.
func because(v, key any) string {
	k, err := text(key)
	if err != nil || len(k) > 80 {
		k = "such a key"
	}
	switch v.(type) {
	case nil:
		return "what should hold " + k + " is nil"
	case map[string]any:
		return "there is no key " + k
	}
	return kindOf(v) + " has no " + k
}

// keysOf are the keys that a value could be asked for.
func keysOf(v any) iter.Seq[string] {
	switch v := v.(type) {
	case map[string]any:
		return maps.Keys(v)
	case *loop:
		return slices.Values(v.keys())
	}
	return slices.Values([]string{"size", "first", "last"})
}

// lenient is a lookup that goes straight into the filter default: there a missing key counts as nil.
type lenient struct{ *lookup }

func (l *lenient) eval(f *frame) (any, error) { return l.find(f, true) }

func (e *filtered) eval(f *frame) (any, error) {
	v, err := e.value.eval(f)
	if err != nil {
		return nil, err
	}
	for i := range e.calls {
		c := &e.calls[i]
		var buffer [3]any
		args := buffer[:0]
		for _, a := range c.args {
			x, err := a.eval(f)
			if err != nil {
				return nil, err
			}
			args = append(args, x)
		}
		a := arguments{frame: f, at: c.at, values: args}
		if x, ok := c.named[c.filter.named]; ok {
			if a.named, err = x.eval(f); err != nil {
				return nil, err
			}
		}
		if err := f.spend(c.at, 1); err != nil {
			return nil, err
		}
		if v, err = c.apply(v, a); err != nil {
			return nil, f.locate(c.at, c.name, err)
		}
	}
	return v, nil
}
