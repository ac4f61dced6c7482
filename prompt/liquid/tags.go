package liquid

import (
	"slices"
	"strings"
	"unicode"
)

// tagNames are the tags that open a block or stand alone.
var tagNames = []string{
	"assign", "break", "capture", "case", "comment", "continue", "cycle", "decrement", "doc", "echo", "for", "if", "ifchanged",
	"increment", "liquid", "raw", "render", "tablerow", "unless",
}

// tag returns what reads a tag, and for a block all up to its end. It returns the node and whether that is blank:
// whatever happens, it prints nothing. comment, doc, liquid and raw are the scanner's.
func (p *parser) tag(name string) func(token) (n any, blank, ok bool) {
	switch name {
	case "assign":
		return p.assign
	case "break", "continue":
		return p.interrupt
	case "capture":
		return p.capture
	case "case":
		return p.cases
	case "cycle":
		return p.cycle
	case "decrement", "increment":
		return p.count
	case "echo":
		return p.output
	case "for", "tablerow":
		return p.loop
	case "if", "unless":
		return p.choose
	case "ifchanged":
		return p.changed
	case "render":
		return p.partial
	}
	return nil
}

func (p *parser) output(t token) (any, bool, bool) {
	n := &outputNode{at: t.at}
	ok := p.within(t.markup, t.mark, func(m *markup) {
		if m.peek().kind == endWord {
			m.fail(t.at, RuleSyntax, "there is nothing to print", "")
		}
		n.value = m.pipeline()
	})
	return n, false, ok
}

func (p *parser) assign(t token) (any, bool, bool) {
	n := &assignNode{at: t.at}
	ok := p.within(t.markup, t.mark, func(m *markup) {
		n.name = m.name("a variable").text
		if w := m.peek(); w.kind == signWord && (w.text == "." || w.text == "[") {
			m.fail(w.at, RuleUnsupported, "assign sets variables, not their keys", "")
		}
		if !m.sign("=") {
			m.fail(m.peek().at, RuleSyntax, "= is missing here", "write {% assign name = value %}")
		}
		n.value = m.pipeline()
	})
	if n.name != "" {
		p.assigned[n.name] = true
	}
	return n, true, ok
}

func (p *parser) capture(t token) (any, bool, bool) {
	n := &captureNode{at: t.at}
	ok := p.within(t.markup, t.mark, func(m *markup) {
		if w := m.peek(); w.kind == stringWord && isName(w.text) && !isReserved(w.text) { // in quotes too, as in Liquid
			n.name = m.next().text
			return
		}
		n.name = m.name("a variable").text
	})
	var closed bool
	n.body, closed = p.simple(t)
	p.assigned[n.name] = true
	return n, true, ok && closed
}

func (p *parser) choose(t token) (any, bool, bool) {
	n := &chooseNode{at: t.at}
	ok, blank, elseAt := true, true, -1
	for end := &t; ; {
		b := branch{not: end.name == "unless"}
		switch {
		case end.name == "else":
			p.noArguments(*end)
			elseAt = end.at
		case strings.HasPrefix(end.name, "end"):
			p.noArguments(*end)
			for _, b := range n.branches {
				strip(blank, b.body)
			}
			return n, blank, ok
		default:
			ok = p.within(end.markup, end.mark, func(m *markup) { b.when = m.condition() }) && ok
		}
		if b.body, end = p.section(t); end == nil {
			return n, blank, false
		}
		if elseAt >= 0 && (end.name == "else" || end.name == "elsif") {
			p.problem(end.nameAt, RuleSyntax, end.name+" comes after else", "else is the last branch")
			ok = false
		}
		blank = blank && b.body.blank
		n.branches = append(n.branches, b)
	}
}

func (p *parser) cases(t token) (any, bool, bool) {
	n := &caseNode{at: t.at}
	ok := p.within(t.markup, t.mark, func(m *markup) {
		if n.value = m.expression(); isSpecial(n.value) {
			m.fail(m.words[0].at, RuleUnsupported, "empty and blank can only stand in a when", "")
		}
		m.noFilter()
	})
	b, end := p.section(t)
	if end != nil {
		for _, x := range b.nodes {
			if s, is := x.(textNode); !is || strings.Trim(string(s), space) != "" {
				p.problem(t.at, RuleUnsupported, "what stands between case and its first when is never printed", "put it before the case")
				ok = false
				break
			}
		}
	}
	blank, last := true, false
	seen := map[any]bool{}
	for end != nil {
		o := option{}
		if last && end.name != "endcase" {
			p.problem(end.nameAt, RuleUnsupported, end.name+" comes after else", "else is the last branch")
			ok = false
		}
		switch end.name {
		case "endcase":
			p.noArguments(*end)
			for _, o := range n.options {
				strip(blank, o.body)
			}
			return n, blank, ok
		case "else":
			p.noArguments(*end)
			last = true
		default:
			ok = p.within(end.markup, end.mark, func(m *markup) { o.values = m.options(seen) }) && ok
		}
		if o.body, end = p.section(t); end != nil {
			blank = blank && o.body.blank
			n.options = append(n.options, o)
		}
	}
	return n, blank, false
}

// options reads the values of a when. A literal that was there before is refused: Liquid would print both branches.
func (m *markup) options(seen map[any]bool) (values []expression) {
	for {
		w := m.peek()
		e := m.expression()
		if l, ok := e.(literal); ok {
			if seen[l.value] {
				m.fail(w.at, RuleUnsupported, "this value stands in a when already", "")
			}
			seen[l.value] = true
		}
		values = append(values, e)
		m.noFilter()
		if !m.sign(",") && !m.keyword("or") {
			return values
		}
	}
}

func (m *markup) noFilter() {
	if w := m.peek(); w.kind == signWord && w.text == "|" {
		m.fail(w.at, RuleUnsupported, "a filter cannot stand in a tag other than assign and echo", "{% assign x = … | … %} first, then use x")
	}
}

func (p *parser) loop(t token) (any, bool, bool) {
	n := &loopNode{at: t.at, table: t.name == "tablerow"}
	ok := p.within(t.markup, t.mark, func(m *markup) {
		n.variable = m.name("the loop's variable").text
		if !m.keyword("in") {
			m.fail(m.peek().at, RuleSyntax, "in is missing here", "write {% "+t.name+" item in items %}")
		}
		from := m.peek().at
		n.values = m.expression()
		n.name = n.variable + "-" + compact(p.source[from:m.words[m.i-1].end])
		m.noFilter()
		m.modifiers(n)
	})
	inner := "forloop"
	if n.table {
		inner = "tablerowloop"
	}
	p.looping = append(p.looping, n.variable, inner)
	p.loops++
	b, end := p.section(t)
	p.loops--
	p.looping = p.looping[:len(p.looping)-2]
	n.body = b
	if end != nil && end.name == "else" {
		p.noArguments(*end)
		if n.otherwise, end = p.section(t); end != nil && end.name == "else" {
			p.problem(end.nameAt, RuleSyntax, "a second else", "")
			return n, false, false
		}
	}
	if end == nil {
		return n, false, false
	}
	p.noArguments(*end)
	blank := n.body.blank && (n.otherwise == nil || n.otherwise.blank)
	if !n.table {
		strip(blank, n.body, n.otherwise)
	}
	return n, blank, ok
}

func (m *markup) modifiers(n *loopNode) {
	if !n.table {
		n.reversed = m.keyword("reversed")
	}
	for first := true; m.peek().kind != endWord; first = false {
		if comma := m.sign(","); !comma && first && n.reversed && m.peek().kind != nameWord {
			m.unexpected(m.peek())
		}
		w, ok := m.label()
		if !ok {
			if w := m.peek(); w.text == "reversed" {
				m.fail(w.at, RuleUnsupported, "reversed must come first", "the part that limit and offset choose is reversed, wherever the word stands")
			}
			m.unexpected(m.peek())
		}
		var to *expression
		switch {
		case w.text == "limit":
			to = &n.limit
		case w.text == "offset":
			to = &n.offset
			if !n.table && m.keyword("continue") {
				n.goesOn, n.offset = true, literal{int64(0)}
				continue
			}
		case w.text == "cols" && n.table:
			to = &n.cols
		default:
			known := []string{"limit", "offset"}
			if n.table {
				known = append(known, "cols")
			}
			m.fail(w.at, RuleSyntax, "unknown argument "+w.text, nearestHint(w.text, known))
		}
		if *to != nil {
			m.fail(w.at, RuleSyntax, w.text+" is given twice", "")
		}
		*to = m.expression()
	}
}

func (p *parser) interrupt(t token) (any, bool, bool) {
	p.noArguments(t)
	n := &interruptNode{err: errBreak, at: t.at}
	if t.name == "continue" {
		n.err = errContinue
	}
	if p.loops == 0 {
		p.problem(t.nameAt, RuleSyntax, t.name+" stands in no loop", "")
		return n, false, false
	}
	return n, false, true
}

func (p *parser) cycle(t token) (any, bool, bool) {
	n := &cycleNode{at: t.at}
	ok := p.within(t.markup, t.mark, func(m *markup) {
		n.values = []expression{m.expression()}
		if m.sign(":") {
			n.group = n.values[0]
			n.values = []expression{m.expression()}
		}
		m.noFilter()
		for m.sign(",") {
			n.values = append(n.values, m.expression())
		}
	})
	literals := make([]any, 0, len(n.values))
	for _, e := range n.values {
		l, is := e.(literal)
		if is {
			literals = append(literals, l.value)
		}
		if is && l.value == nil {
			p.problem(t.at, RuleUnsupported, "nil cannot be cycled through", `write ""`)
			ok = false
		}
	}
	if len(literals) == len(n.values) { // cycles over variables count for themselves
		n.key, _ = inspect(literals)
	}
	return n, false, ok
}

func (p *parser) changed(t token) (any, bool, bool) {
	p.noArguments(t)
	b, ok := p.simple(t)
	return &changedNode{body: b, at: t.at}, b.blank, ok
}

func (p *parser) count(t token) (any, bool, bool) {
	n := &countNode{step: 1, at: t.at}
	if t.name == "decrement" {
		n.step = -1
	}
	ok := p.within(t.markup, t.mark, func(m *markup) { n.name = m.name("a counter").text })
	p.assigned[n.name] = true
	return n, false, ok
}

func (p *parser) partial(t token) (any, bool, bool) {
	n := &renderNode{}
	var names []string
	ok := p.within(t.markup, t.mark, func(m *markup) {
		w := m.next()
		if w.kind == nameWord {
			m.fail(w.at, RuleUnsupported, "the name of a partial must be literal", `put it into quotes: {% render "name" %}; choose among partials with {% case %}`)
		}
		if w.kind != stringWord || w.text == "" {
			m.fail(w.at, RuleSyntax, "the name of a partial is missing here", `write {% render "name" %}`)
		}
		n.name, n.at = w.text, w.at
		if word := m.peek(); m.keyword("with") || m.keyword("for") {
			at := m.peek().at
			e := m.expression()
			m.noFilter()
			if l, is := e.(literal); is && !truthy(l.value) {
				m.fail(at, RuleUnsupported, word.text+" takes a value", "write {% render \"name\", argument: value %}")
			}
			if word.text == "with" {
				n.with = e
			} else {
				n.all = e
			}
			n.alias = n.name[strings.LastIndexByte(n.name, '/')+1:]
			if m.keyword("as") {
				n.alias = m.name("a variable").text
			} else if !isName(n.alias) || isReserved(n.alias) {
				m.fail(w.at, RuleUnsupported, "the partial cannot name a variable after "+n.alias, "write "+word.text+" … as name")
			}
			names = append(names, n.alias)
		}
		m.sign(",")
		for m.peek().kind != endWord {
			l, ok := m.label()
			if !ok {
				m.fail(m.peek().at, RuleSyntax, "an argument has a name", `write {% render "name", argument: value %}`)
			}
			if isReserved(l.text) {
				m.fail(l.at, RuleSyntax, l.text+" cannot be the name of an argument", "")
			}
			if slices.Contains(names, l.text) {
				m.fail(l.at, RuleSyntax, "the argument "+l.text+" is given twice", "")
			}
			names = append(names, l.text)
			n.args = append(n.args, argument{l.text, m.expression()})
			m.noFilter()
			if !m.sign(",") && m.peek().kind != endWord {
				m.unexpected(m.peek())
			}
		}
	})
	if ok {
		line, col := p.position(n.at)
		n.index = len(p.partials)
		p.partials = append(p.partials, Partial{Name: n.name, Args: names, Line: line, Col: col})
	}
	return n, false, ok
}

func isName(s string) bool {
	for i, r := range s {
		if r != '_' && !unicode.IsLetter(r) && (i == 0 || r != '-' && !unicode.IsDigit(r) && !unicode.IsMark(r)) {
			return false
		}
	}
	return s != ""
}
