package liquid

// A condition is what {% if %} asks: comparisons, joined from the right as Liquid does. In a and b or c the or is
// asked first: a and (b or c).
type condition struct {
	left, right expression
	operator    string // "" when left alone is asked
	at          int
	join        string // "and", "or", "" at the end
	rest        *condition
}

func (m *markup) condition() *condition {
	first := m.comparison()
	for last := first; ; last = last.rest {
		switch w := m.peek(); {
		case w.kind == signWord && w.text == "|":
			m.noFilter()
		case m.keyword("and"):
			last.join = "and"
		case m.keyword("or"):
			last.join = "or"
		default:
			return first
		}
		last.rest = m.comparison()
	}
}

func (m *markup) comparison() *condition {
	c := &condition{at: m.peek().at}
	c.left = m.expression()
	if w := m.peek(); w.kind == compareWord || w.kind == nameWord && w.text == "contains" {
		m.i++
		c.operator = w.text
		if c.operator == "<>" {
			c.operator = "!="
		}
		c.right = m.expression()
	}
	m.specials(c)
	return c
}

// specials refuses empty and blank where they would only be the empty string in disguise.
func (m *markup) specials(c *condition) {
	left, right := isSpecial(c.left), isSpecial(c.right)
	if left && right || (left || right) && c.operator != "==" && c.operator != "!=" {
		m.fail(c.at, RuleUnsupported, "empty and blank can only be compared with == or != with a value", "")
	}
}

func isSpecial(e expression) bool {
	l, _ := e.(literal)
	_, is := l.value.(special)
	return is
}

func (c *condition) eval(f *frame) (bool, error) {
	for {
		is, err := c.ask(f)
		switch {
		case err != nil:
			return false, err
		case c.join == "and" && !is, c.join == "or" && is, c.join == "":
			return is, nil
		}
		c = c.rest
	}
}

func (c *condition) ask(f *frame) (bool, error) {
	left, err := c.side(f, c.left)
	if err != nil {
		return false, err
	}
	if c.operator == "" {
		return truthy(left), nil
	}
	right, err := c.side(f, c.right)
	if err != nil {
		return false, err
	}
	is, err := compare(f, left, c.operator, right)
	if err != nil {
		return false, f.locate(c.at, "", err)
	}
	return is, nil
}

func (c *condition) side(f *frame, e expression) (any, error) {
	if l, ok := e.(literal); ok {
		return l.value, nil // keeps empty and blank what they are
	}
	return e.eval(f)
}

// compare answers left operator right, by Ruby's rules: numbers with numbers, texts with texts; an order between a
// text and a number is an error, one with anything else is false.
func compare(f *frame, left any, operator string, right any) (bool, error) {
	if s, ok := left.(string); ok {
		if err := f.work(cost(s)); err != nil {
			return false, err
		}
	}
	switch operator {
	case "==", "!=":
		is, err := equalSpecial(f, left, right)
		return is == (operator == "=="), err
	case "contains":
		return contains(f, left, right)
	}
	n, ok, err := order(left, right)
	if err != nil || !ok {
		return false, err
	}
	switch operator {
	case "<":
		return n < 0, nil
	case ">":
		return n > 0, nil
	case "<=":
		return n <= 0, nil
	default:
		return n >= 0, nil
	}
}

func equalSpecial(f *frame, a, b any) (bool, error) {
	if s, ok := a.(special); ok {
		return s.matches(b), nil
	}
	if s, ok := b.(special); ok {
		return s.matches(a), nil
	}
	return equal(f, a, b, 0)
}
