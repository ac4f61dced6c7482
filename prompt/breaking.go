package prompt

import (
	"fmt"
	"slices"
)

// A Break is one way in which a prompt no longer takes what applications give
// it: it is gone, or a parameter takes less than before.
type Break struct {
	Address Address `json:"address"` // of the prompt as it was
	// Parameter is the parameter that takes less, with the way into it, such as
	// customer.name or queues[]; "" when it is about the prompt.
	Parameter string `json:"parameter,omitempty"`
	Message   string `json:"message"` // one line, which names the parameter
	// Renamed is where a prompt with the same id is now, nil when there is none.
	Renamed *Address `json:"renamed,omitempty"`

	path string // where an author would look, and
	at   mark
}

// String returns address: message.
func (b Break) String() string { return b.Address.String() + ": " + b.Message }

// Breaking compares the interfaces of the prompts of two trees, and returns what
// applications that were written for before cannot go on with in after, sorted
// by address. A prompt's interface is its address, what its parameters take and
// whether it is a template or messages. More is never a break: a new prompt, a
// new optional parameter, one that takes more values. Partials are no interface.
// Of a prompt that is not understood on either side nothing is said: its own
// problems come first.
func Breaking(before, after *Tree) []Break {
	var breaks []Break
	for folder, names := range before.prompts {
		for name, was := range names {
			if was.Address.IsPartial() || before.broken(was.Path) {
				continue
			}
			now := after.prompts[folder][name]
			switch {
			case now == nil:
				breaks = append(breaks, gone(was, after))
			case now.body != was.body && !after.broken(now.Path):
				c := &comparison{was: was, now: now}
				c.prompts()
				breaks = append(breaks, c.breaks...)
			}
		}
	}
	slices.SortStableFunc(breaks, func(a, b Break) int { return a.Address.compare(b.Address) })
	return breaks
}

// gone says of a prompt that it is not there, and where it went, as far as its
// id tells.
func gone(was *Prompt, after *Tree) Break {
	b := Break{Address: was.Address, Message: "the prompt is gone", path: was.Path, at: mark{1, 1}}
	if was.ID == "" {
		return b
	}
	for _, path := range after.ids[was.ID] {
		now, ok := after.prompts.get(path)
		if !ok {
			continue
		}
		b.Renamed, b.path, b.at = &now.Address, path, now.body.idPlace
		b.Message = fmt.Sprintf("the prompt was renamed to %s", now.Address)
		if now.Address.IsPartial() {
			b.Message = fmt.Sprintf("the prompt has become the partial %s, which applications cannot look up", now.Address)
		}
		return b
	}
	return b
}

// comparison is one of a prompt with what it was.
type comparison struct {
	was, now *Prompt
	breaks   []Break
	at       mark // of the parameter that is looked at
}

func (c *comparison) add(parameter, format string, args ...any) {
	c.breaks = append(c.breaks, Break{
		Address: c.was.Address, Parameter: parameter, Message: fmt.Sprintf(format, args...), path: c.now.Path, at: c.at,
	})
}

func (c *comparison) prompts() {
	c.at = mark{1, 1}
	switch {
	case c.was.Chat() && !c.now.Chat():
		c.add("", "it is a template now, and was messages")
	case !c.was.Chat() && c.now.Chat():
		c.add("", "it is messages now, and was a template")
	}
	c.lists("", c.was.Parameters, c.now.Parameters)
	for _, p := range c.was.Parameters {
		if q, ok := c.now.Parameter(p.Name); ok && p.Type == TypeMessages && q.Type == TypeMessages {
			c.roles(p.Name)
		}
	}
}

// lists compares the parameters of a prompt, or the properties of an object
// whose name stands before theirs.
func (c *comparison) lists(of string, was, now []Parameter) {
	what := "parameter"
	if of != "" {
		what = "property"
	}
	for i := range was {
		p := &was[i]
		at := slices.IndexFunc(now, func(q Parameter) bool { return q.Name == p.Name })
		if at < 0 {
			if of == "" {
				c.at = mark{1, 1}
			}
			c.add(of+p.Name, "the %s %s is gone", what, of+p.Name)
			continue
		}
		if of == "" {
			c.place(at)
		}
		q := &now[at]
		if q.Required && !p.Required {
			c.add(of+p.Name, "the %s %s is required now", what, of+p.Name)
		}
		c.values(of+p.Name, p, q)
	}
	for i := range now {
		q := &now[i]
		if !q.Required || slices.ContainsFunc(was, func(p Parameter) bool { return p.Name == q.Name }) {
			continue
		}
		if of == "" {
			c.place(i)
		}
		c.add(of+q.Name, "the %s %s is new and required", what, of+q.Name)
	}
}

// place is where a parameter is declared.
func (c *comparison) place(i int) {
	if c.at = (mark{1, 1}); i < len(c.now.body.places) {
		c.at = c.now.body.places[i]
	}
}

// values compares what two parameters take.
func (c *comparison) values(name string, was, now *Parameter) {
	if was.Type != now.Type && !(was.Type == TypeInteger && now.Type == TypeNumber) {
		c.add(name, "the parameter %s is of type %s now, and was of type %s", name, now.Type, was.Type)
		return
	}
	if was.Enum != nil {
		// What it took can be counted, and so the other constraints are included.
		var refused []string
		for _, v := range was.Enum {
			if _, bad := now.accept(clone(v), ""); bad != nil {
				refused = append(refused, show(v))
			}
		}
		if len(refused) > 0 {
			c.add(name, "the parameter %s no longer takes %s", name, list(refused))
		}
		return
	}
	if now.Enum != nil {
		c.add(name, "the parameter %s takes only %s now", name, now.choices())
		return
	}
	c.atLeast(name, "character", was.MinLength, now.MinLength)
	c.atMost(name, "character", was.MaxLength, now.MaxLength)
	c.atLeast(name, counts(was.Type), was.MinItems, now.MinItems)
	c.atMost(name, counts(was.Type), was.MaxItems, now.MaxItems)
	if now.Minimum != nil && (was.Minimum == nil || *was.Minimum < *now.Minimum) {
		c.add(name, "the parameter %s is at least %v now%s", name, *now.Minimum, formerly(was.Minimum))
	}
	if now.Maximum != nil && (was.Maximum == nil || *was.Maximum > *now.Maximum) {
		c.add(name, "the parameter %s is at most %v now%s", name, *now.Maximum, formerly(was.Maximum))
	}
	switch {
	case now.Pattern == "" || now.Pattern == was.Pattern:
	case was.Pattern == "":
		c.add(name, "the parameter %s must match a pattern now: %s", name, now.Pattern)
	default: // which of two patterns takes more cannot be told
		c.add(name, "the parameter %s must match another pattern now: %s", name, now.Pattern)
	}
	switch {
	case now.Items == nil:
	case was.Items == nil:
		c.add(name, "the items of the parameter %s must be of type %s now", name, now.Items.Type)
	default:
		c.values(name+"[]", was.Items, now.Items)
	}
	switch {
	case now.Properties == nil:
	case was.Properties == nil:
		c.add(name, "the parameter %s takes only the properties %s now", name, list(slices.Collect(names(now.Properties))))
	default:
		c.lists(name+".", was.Properties, now.Properties)
	}
}

// counts is what a list of a type counts.
func counts(of string) string {
	if of == TypeMessages {
		return "message"
	}
	return "item"
}

func (c *comparison) atLeast(name, what string, was, now *int) {
	if now != nil && *now > 0 && (was == nil || *was < *now) {
		c.add(name, "the parameter %s has at least %s now%s", name, counted(*now, what), formerly(was))
	}
}

func (c *comparison) atMost(name, what string, was, now *int) {
	if now != nil && (was == nil || *was > *now) {
		c.add(name, "the parameter %s has at most %s now%s", name, counted(*now, what), formerly(was))
	}
}

// formerly says what a bound was, if there was one.
func formerly[N int | float64](bound *N) string {
	if bound == nil {
		return ""
	}
	return fmt.Sprintf(", and before %v", *bound)
}

// roles compares which messages may be inserted.
func (c *comparison) roles(name string) {
	i := slices.IndexFunc(c.now.Parameters, func(p Parameter) bool { return p.Name == name })
	c.place(i)
	now := c.now.body.rolesOf(name)
	var refused []string
	for _, role := range c.was.body.rolesOf(name) {
		if !slices.Contains(now, role) {
			refused = append(refused, role)
		}
	}
	if len(refused) > 0 {
		c.add(name, "the parameter %s no longer takes messages of role %s", name, list(refused))
	}
}

// rolesOf are the roles that messages of a parameter may have.
func (b *body) rolesOf(name string) []string {
	all := slices.Clone(roles)
	for _, p := range b.parts {
		if p.text == nil && p.insert == name {
			all = slices.DeleteFunc(all, func(role string) bool { return !slices.Contains(p.roles, role) })
		}
	}
	return all
}

// ProblemsAgainst returns the problems of the tree, and what only a comparison
// shows: prompts of a locked set that changed since base though its version did
// not rise (rule locked), and interfaces that applications of base cannot go on
// with (rule breaking).
func (t *Tree) ProblemsAgainst(base *Tree) []Problem {
	compared := unlocked(base, t)
	for _, b := range Breaking(base, t) {
		compared = append(compared, b.problem())
	}
	checks := t.Organisation().Checks
	all := t.Problems()
	for _, p := range compared {
		if p.apply(checks) {
			all = append(all, p)
		}
	}
	sortProblems(all)
	return all
}

func (b Break) problem() Problem {
	p := Problem{
		Path: b.path, Line: b.at.line, Col: b.at.col, Rule: ruleBreaking, Message: b.Message,
		Hint: "applications that were written for it fail: keep what it took, or publish with --breaking once they have moved",
	}
	if b.Renamed != nil {
		p.Message = fmt.Sprintf("%s: %s", b.Address, b.Message)
		p.Hint = "applications look prompts up by address: keep one at the old address until they have moved"
	}
	return p
}
