package prompt

import (
	"fmt"
	"regexp"
	"slices"

	"go.yaml.in/yaml/v3"
)

// roles are those that a message can have.
var roles = []string{"system", "developer", "user", "assistant", "tool"}

// insertable are the roles of messages that a caller may insert where `roles:`
// says nothing: an instruction is the author's to give.
var insertable = []string{"user", "assistant", "tool"}

// body is what a prompt file says, and what can be told of it alone. It is
// immutable, and shared by all trees that hold the same bytes at its path.
type body struct {
	id, name, description string
	tags                  []string
	model                 string
	modelParameters       map[string]any
	metadata, extra       map[string]any

	declared   bool // there is a `parameters:`
	parameters []Parameter
	places     []mark         // of the parameters' names; clients ask for none
	defaults   map[string]any // of the parameters that a partial's callers may leave out
	free       []string       // variables that a partial without `parameters:` uses
	scripted   []string       // parameters of type messages that templates use, beside those that are inserted
	chat       bool
	parts      []part
	renders    []renders
	targets    []string // the sorted paths of what it renders, there or not
	tests      []testCase
	idPlace    mark
}

// part is a message, an insertion, or the one template.
type part struct {
	role   string
	text   *text
	first  int      // of the body's renders, if the text has some
	insert string   // name of a parameter
	roles  []string // that may be inserted
	place  mark     // of the parameter's name
}

// renders is one {% render %} of a prompt, at its place in the file.
type renders struct {
	name string
	args []string
	mark
}

var promptKeys = []string{"name", "description", "id", "tags", "model", "modelParameters", "parameters", "template", "messages", "tests", "metadata"}

// prompt decodes a prompt or a partial.
func (r *reader) prompt(root *yaml.Node, partial bool) *body {
	what := "a prompt"
	if partial {
		what = "a partial"
	}
	o := r.object(root, what, true, promptKeys...)
	if o == nil {
		return nil
	}
	b := &body{
		id: o.id(), name: o.line("name"), description: o.description(), tags: o.texts("tags"), model: o.line("model"),
		modelParameters: o.free("modelParameters"), metadata: o.free("metadata"), extra: o.extra(),
	}
	if n := o.get("model"); n != nil && b.model == "" && n.Kind == yaml.MappingNode {
		r.report(n.Line, n.Column, ruleSchema, "model is the name of a model", "put its settings into modelParameters")
	}
	if n := o.get("id"); n != nil {
		b.idPlace = mark{n.Line, n.Column}
	}
	if n := o.get("parameters"); n != nil {
		b.declared = true
		b.parameters = r.parameters(n, "parameters")
		if partial {
			b.defaults = optional(b.parameters)
		} else if names := o.declared("parameters"); !r.compileOnly {
			for _, p := range b.parameters {
				b.places = append(b.places, mark{names[p.Name].Line, names[p.Name].Column})
			}
		}
	}
	before := len(r.problems)
	template, messages := o.get("template"), o.get("messages")
	switch {
	case template != nil && messages != nil:
		r.at(o.key("messages"), ruleSchema, "a prompt has a template or messages, not both", "")
	case template == nil && messages == nil && o.misspelled("template", "messages"):
		// said already
	case template == nil && messages == nil:
		hint := "write template: |- and the text below it, or messages: with a role and a content each"
		if partial {
			hint = "write template: |- and the text below it"
		}
		r.at(root, ruleSchema, what+" needs a template", hint)
	case messages != nil && partial:
		r.at(o.key("messages"), ruleSchema, "a partial has a template, not messages", "a partial is text that other prompts render; messages belong to a prompt, whose name has no underscore")
	case template != nil:
		if s, ok := r.text(template, "template"); ok {
			r.cut(template, "template")
			b.parts = []part{{role: "user", text: r.compile(s, template)}}
		}
	default:
		b.chat = true
		b.parts = r.messages(messages)
	}
	complete := len(r.problems) == before && len(o.meant) == 0
	if n := o.get("tests"); n != nil {
		b.tests = r.tests(n, partial)
	}
	declared := o.declared("parameters")
	if o.misspelled("parameters") {
		r.undeclared = true
	}
	used := r.variables(b, declared, partial)
	if complete { // else what is unused cannot be told
		r.unused(b, declared, used)
	}
	return b
}

// ulid is what an id looks like: 128 bits in Crockford's base 32.
var ulid = regexp.MustCompile(`^[0-7][0-9A-HJKMNP-TV-Z]{25}$`)

// id decodes the identity that survives renames.
func (o *object) id() string {
	id := o.line("id")
	if id == "" {
		return ""
	}
	if !ulid.MatchString(id) {
		o.at(o.get("id"), ruleSchema, fmt.Sprintf("%q is not a ULID", id), "an id is 26 letters and digits; leave it out if you have none")
		return ""
	}
	return id
}

func (r *reader) messages(n *yaml.Node) []part {
	if n.Kind != yaml.SequenceNode {
		r.wrongType(n, "messages", "a list")
		return nil
	}
	if len(n.Content) == 0 {
		r.at(n, ruleSchema, "messages is empty", "a message is a role and a content")
	}
	parts := make([]part, 0, len(n.Content))
	for _, c := range n.Content {
		o := r.object(c, "a message", false, "role", "content", "insert", "roles")
		if o == nil {
			continue
		}
		if o.key("insert") != nil {
			parts = append(parts, o.insertion())
			continue
		}
		if o.key("roles") != nil {
			r.at(o.key("roles"), ruleSchema, "roles goes with insert", "say role: for the role of a message")
		}
		if o.misspelled("insert") && o.key("role") == nil && o.key("content") == nil {
			continue
		}
		p := part{role: o.role()}
		if content := o.need("content"); content != nil {
			s, ok := r.text(content, "content")
			if !ok {
				continue
			}
			r.cut(content, "content")
			p.text = r.compile(s, content)
			parts = append(parts, p)
		}
	}
	return parts
}

func (o *object) role() string {
	n := o.need("role")
	if n == nil {
		return ""
	}
	s, ok := o.text("role")
	if i := slices.Index(roles, s); i >= 0 {
		return roles[i] // the same memory in all prompts
	}
	if ok {
		o.at(n, ruleSchema, fmt.Sprintf("unknown role %q", s)+didYouMean(s, slices.Values(roles)), "roles are "+list(roles))
	}
	return s
}

func (o *object) insertion() part {
	for _, key := range []string{"role", "content"} {
		if n := o.key(key); n != nil {
			o.at(n, ruleSchema, key+" does not go with insert", "the inserted messages bring their own roles and contents")
		}
	}
	p := part{roles: insertable}
	p.insert = o.line("insert")
	p.place = mark{o.get("insert").Line, o.get("insert").Column}
	if n := o.get("roles"); n != nil {
		p.roles = o.texts("roles")
		if len(p.roles) == 0 && n.Kind == yaml.SequenceNode {
			o.at(n, ruleSchema, "roles is empty", "")
		}
		for i, role := range p.roles {
			if !slices.Contains(roles, role) && i < len(n.Content) {
				o.at(n.Content[i], ruleSchema, fmt.Sprintf("unknown role %q", role)+didYouMean(role, slices.Values(roles)), "roles are "+list(roles))
			}
		}
	}
	return p
}

// variables checks what the templates use against what the prompt declares.
// declared are the names that the file declares, though what it says of them
// may be wrong. The result is what is used.
func (r *reader) variables(b *body, declared map[string]*yaml.Node, partial bool) map[string]bool {
	used, inTemplates := map[string]bool{}, map[string]bool{}
	for i := range b.parts {
		p := &b.parts[i]
		if p.text == nil {
			r.inserted(b, declared, *p)
			used[p.insert] = true
			continue
		}
		if loop := p.text.openLoop; loop != nil && !partial {
			line, col := p.text.at(loop.Line, loop.Col)
			r.report(line, col, ruleUndeclared, "forloop is used outside of a loop", "it is there between {% for %} and {% endfor %}, and in a partial that is rendered for each item")
		}
		find := p.text.place.finder(p.text.source)
		for _, v := range p.text.variables {
			first := !used[v.Name]
			used[v.Name], inTemplates[v.Name] = true, true
			switch {
			case partial && !b.declared:
				if first {
					b.free = append(b.free, v.Name)
				}
			case declared[v.Name] == nil && !r.undeclared && !r.full():
				line, col := find.at(v.Line, v.Col)
				r.report(line, col, ruleUndeclared, fmt.Sprintf("unknown parameter %q", v.Name)+didYouMean(v.Name, names(b.parameters)),
					undeclaredHint(v.Name, TypeString, b.parameters))
			}
		}
		p.first = len(b.renders)
		for _, q := range p.text.partials {
			line, col := find.at(q.Line, q.Col)
			b.renders = append(b.renders, renders{q.Name, q.Args, mark{line, col}})
			if a, err := resolve(addressOf(r.path), q.Name); err == nil {
				b.targets = append(b.targets, a.Path())
			}
		}
		p.text.variables, p.text.openLoop, p.text.partials = nil, nil, nil
	}
	for _, p := range b.parameters {
		if p.Type == TypeMessages && inTemplates[p.Name] {
			b.scripted = append(b.scripted, p.Name)
		}
	}
	slices.Sort(b.targets)
	b.targets = slices.Compact(b.targets)
	return used
}

// unused reports the parameters that nothing uses.
func (r *reader) unused(b *body, declared map[string]*yaml.Node, used map[string]bool) {
	for _, p := range b.parameters {
		if !used[p.Name] {
			r.at(declared[p.Name], ruleUnused, fmt.Sprintf("the parameter %s is not used", p.Name), "use it in a template, or remove it")
		}
	}
}

// optional are the defaults of those parameters that need not be given, nil
// where there is none.
func optional(parameters []Parameter) map[string]any {
	var out map[string]any
	for _, p := range parameters {
		if p.Required {
			continue
		}
		if out == nil {
			out = map[string]any{}
		}
		out[p.Name] = p.Default
	}
	return out
}

// declared returns the names below a key, with their places.
func (o *object) declared(key string) map[string]*yaml.Node {
	n := o.get(key)
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	out := make(map[string]*yaml.Node, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		out[n.Content[i].Value] = n.Content[i]
	}
	return out
}

// inserted checks the parameter whose messages are inserted.
func (r *reader) inserted(b *body, declared map[string]*yaml.Node, part part) {
	name := part.insert
	if name == "" || r.full() {
		return
	}
	if declared[name] == nil && r.undeclared {
		return
	}
	if declared[name] == nil {
		r.report(part.place.line, part.place.col, ruleUndeclared, fmt.Sprintf("unknown parameter %q", name)+didYouMean(name, names(b.parameters)),
			undeclaredHint(name, TypeMessages, b.parameters))
		return
	}
	i := slices.IndexFunc(b.parameters, func(p Parameter) bool { return p.Name == name })
	if i < 0 {
		return // its declaration is wrong
	}
	if p := b.parameters[i]; p.Type != TypeMessages && slices.Contains(parameterTypes, p.Type) {
		r.report(part.place.line, part.place.col, ruleInsert, fmt.Sprintf("the parameter %s is of type %s and cannot be inserted", name, p.Type),
			fmt.Sprintf("declare it as %s: {type: messages}", name))
	}
}

// undeclaredHint says first what was probably meant: a second parameters key
// would be a mistake of its own.
func undeclaredHint(name, kind string, parameters []Parameter) string {
	declaration := fmt.Sprintf("%s: {type: %s}", name, kind)
	switch near := nearest(name, names(parameters)); {
	case near != "":
		return fmt.Sprintf("write %s, or declare %s under parameters: %s", near, name, declaration)
	case len(parameters) > 0:
		return "declare it under parameters: " + declaration
	}
	return "declare it: parameters: {" + declaration + "}"
}

func declares(parameters []Parameter, name string) bool {
	for i := range parameters {
		if parameters[i].Name == name {
			return true
		}
	}
	return false
}
