package liquid

import (
	"errors"
	"io"
	"strconv"
)

// Nodes are what a template is made of. How loops and partials render stands in loop.go and partial.go.
type (
	textNode   string
	rawNode    string
	outputNode struct {
		value expression
		at    int
	}
	assignNode struct {
		name  string
		value expression
		at    int
	}
	captureNode struct {
		name string
		body *body
		at   int
	}
	chooseNode struct { // if and unless
		branches []branch
		at       int
	}
	branch struct {
		when *condition // nil for else
		not  bool
		body *body
	}
	caseNode struct {
		value   expression
		options []option
		at      int
	}
	option struct {
		values []expression // nil for else
		body   *body
	}
	loopNode struct { // for and tablerow
		variable            string
		name                string // forloop.name
		values              expression
		limit, offset, cols expression
		goesOn, reversed    bool // offset: continue
		body, otherwise     *body
		table               bool
		at                  int
	}
	interruptNode struct {
		err error
		at  int
	}
	cycleNode struct {
		group  expression // nil: key names the group
		key    string
		values []expression
		at     int
	}
	changedNode struct {
		body *body
		at   int
	}
	countNode struct { // increment and decrement
		name string
		step int64
		at   int
	}
	renderNode struct {
		name      string
		index     int // among the template's partials
		args      []argument
		with, all expression // with …, for …
		alias     string
		at        int
	}
	argument struct {
		name  string
		value expression
	}
)

func (n *outputNode) render(f *frame, w io.Writer) error {
	if err := f.spend(n.at, 1); err != nil {
		return err
	}
	v, err := n.value.eval(f)
	if err != nil {
		return err
	}
	s, ok := v.(string)
	if !ok {
		if err := f.spend(n.at, cost(v)); err != nil {
			return err
		}
		if s, err = printed(v, 0); err != nil {
			return f.locate(n.at, "", err)
		}
	}
	return f.print(n.at, w, s)
}

func (f *frame) print(at int, w io.Writer, s string) error {
	if len(s) > f.output {
		return f.locate(at, "", errTooLong)
	}
	_, err := io.WriteString(w, s)
	return err
}

func (n *assignNode) render(f *frame, _ io.Writer) error {
	if err := f.spend(n.at, 1); err != nil {
		return err
	}
	v, err := n.value.eval(f)
	if err == nil {
		f.set(n.name, v)
	}
	return err
}

func (n *captureNode) bodies() []*body { return []*body{n.body} }

func (n *captureNode) renderBlock(f *frame, _ io.Writer, b bodies) error {
	s, err := f.capture(n.at, b)
	if err == nil || isInterrupt(err) {
		f.set(n.name, s)
	}
	return err
}

// capture renders the first body into a text, also when a break or continue ends it.
func (f *frame) capture(at int, b bodies) (string, error) {
	if err := f.spend(at, 1); err != nil {
		return "", err
	}
	out := &limited{left: f.output}
	err := b.render(0, out)
	s := out.text.String()
	if err == nil || isInterrupt(err) {
		if err := f.spend(at, cost(s)); err != nil {
			return "", err
		}
	} else if errors.Is(err, errTooLong) {
		err = f.locate(at, "", errTooLong)
	}
	return s, err
}

func (n *chooseNode) bodies() []*body {
	var all []*body
	for _, b := range n.branches {
		all = append(all, b.body)
	}
	return all
}

func (n *chooseNode) renderBlock(f *frame, w io.Writer, b bodies) error {
	if err := f.spend(n.at, 1); err != nil {
		return err
	}
	for i := range n.branches {
		branch := &n.branches[i]
		if branch.when != nil {
			is, err := branch.when.eval(f)
			if err != nil {
				return err
			}
			if is == branch.not {
				continue
			}
		}
		return b.render(i, w)
	}
	return nil
}

func (n *caseNode) bodies() []*body {
	var all []*body
	for _, o := range n.options {
		all = append(all, o.body)
	}
	return all
}

// renderBlock renders, as Liquid does, each branch whose value matches, once for each value that does. The value is
// looked at anew each time: a branch may have changed it.
func (n *caseNode) renderBlock(f *frame, w io.Writer, b bodies) error {
	if err := f.spend(n.at, 1); err != nil {
		return err
	}
	matched := false
	for i, o := range n.options {
		if o.values == nil {
			if !matched {
				return b.render(i, w)
			}
			return nil
		}
		for _, e := range o.values {
			is, err := (&condition{left: n.value, operator: "==", right: e, at: n.at}).ask(f)
			if err != nil {
				return err
			}
			if !is {
				continue
			}
			matched = true
			if err := b.render(i, w); err != nil {
				return err
			}
		}
	}
	return nil
}

func (n *cycleNode) render(f *frame, w io.Writer) error {
	if err := f.spend(n.at, 1); err != nil {
		return err
	}
	key := "=" + n.key
	switch {
	case n.group != nil:
		g, err := n.group.eval(f)
		if err != nil {
			return err
		}
		name, err := inspect(g)
		if err != nil {
			return f.locate(n.at, "", err)
		}
		key = ":" + name
	case n.key == "":
		key = "@" + strconv.Itoa(n.at)
	}
	if f.cycles == nil {
		f.cycles = map[string]int{}
	}
	i := f.cycles[key]
	if f.cycles[key] = i + 1; i+1 >= len(n.values) {
		f.cycles[key] = 0
	}
	if i >= len(n.values) { // another cycle of the same group is longer: Ruby finds nothing here
		return nil
	}
	v, err := n.values[i].eval(f)
	if err != nil {
		return err
	}
	s, err := printed(v, 0)
	if err != nil {
		return f.locate(n.at, "", err)
	}
	return f.print(n.at, w, s)
}

func (n *changedNode) bodies() []*body { return []*body{n.body} }

func (n *changedNode) renderBlock(f *frame, w io.Writer, b bodies) error {
	s, err := f.capture(n.at, b)
	if err != nil && !isInterrupt(err) {
		return err
	}
	if f.changed == nil || *f.changed != s {
		f.changed = &s
		if err := f.print(n.at, w, s); err != nil {
			return err
		}
	}
	return err
}

func (n *countNode) render(f *frame, w io.Writer) error {
	if err := f.spend(n.at, 1); err != nil {
		return err
	}
	count, ok := f.counters[n.name]
	if !ok {
		if f.counters == nil {
			f.counters = map[string]int64{}
		}
		v, err := normal(f.values[n.name])
		if err == nil && v != nil {
			count, err = integer(v)
		}
		if err != nil {
			return f.fault(n.at, RuleValue, n.name+" is no whole number to count from")
		}
	}
	printed := count
	if n.step < 0 {
		printed--
	}
	f.counters[n.name] = count + n.step
	return f.print(n.at, w, strconv.FormatInt(printed, 10))
}
