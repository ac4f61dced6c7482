package prompt

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/anvilpeering/anvil/prompt/liquid"
)

// text is a template in a file.
//
// It is compiled as it is written to be checked, and with its insertions to be
// rendered. They say what the file means and does not write: the whole address
// of a partial that is named by its name alone, for that is relative to this
// file, whoever renders it; and, at the beginning of a partial, the values of
// the parameters that its callers may leave out.
type text struct {
	source     string
	place      place
	broken     bool // it does not compile
	insertions []insertion

	// What the template refers to; only while its file is read.
	variables []liquid.Reference
	partials  []liquid.Partial
	openLoop  *liquid.Reference

	// The compiled template, about six times the source: kept by clients, made
	// again when needed by all others.
	compiled atomic.Pointer[liquid.Template]
}

// insertion is text that goes before the character at a position.
type insertion struct {
	line, col int
	text      string
}

// compile reads a template and reports what is wrong with it, at its place in
// the file.
func (r *reader) compile(s string, n *yaml.Node) *text {
	t := &text{source: s, place: r.source.placeOf(n)}
	template, problems := liquid.Compile(s)
	find := t.place.finder(s)
	for _, p := range problems {
		line, col := find.at(p.Line, p.Col)
		r.report(line, col, p.Rule, p.Message, p.Hint)
	}
	if template == nil {
		t.broken = true
		return t
	}
	t.variables, t.partials = template.Variables(), template.Partials()
	if loop, ok := template.OpenLoop(); ok {
		t.openLoop = &loop
	}
	t.compiled.Store(template)
	return t
}

// complete finds the insertions of a template that stands at an address.
func (t *text) complete(a Address, optional []Parameter) {
	var preface strings.Builder
	for _, p := range optional {
		// A variable that is assigned anywhere is nil until it is.
		fmt.Fprintf(&preface, "{%% if false %%}{%% assign %s = nil %%}{%% endif %%}", p.Name)
		if p.Default != nil {
			fmt.Fprintf(&preface, "{%% if %s == nil %%}{%% assign %s = %s %%}{%% endif %%}", p.Name, p.Name, liquidValue(p.Default))
		}
	}
	if preface.Len() > 0 {
		t.insertions = append(t.insertions, insertion{1, 1, preface.String()})
	}
	for _, p := range t.partials {
		if !strings.Contains(p.Name, "/") { // its position is the one of the quote
			t.insertions = append(t.insertions, insertion{p.Line, p.Col + 1, a.folder() + "/"})
		}
	}
	if len(t.insertions) > 0 {
		t.compiled.Store(nil)
	}
}

// liquidValue writes a default as Liquid does. See [plainDefault].
func liquidValue(v any) string {
	switch v := v.(type) {
	case string:
		if !strings.Contains(v, `"`) {
			return `"` + v + `"`
		}
		parts := strings.Split(v, `"`)
		for i := range parts {
			parts[i] = `"` + parts[i] + `"`
		}
		return strings.Join(parts, ` | append: '"' | append: `)
	case bool:
		return strconv.FormatBool(v)
	case int:
		return strconv.Itoa(v)
	case float64:
		s := strconv.FormatFloat(v, 'f', -1, 64)
		if !strings.Contains(s, ".") {
			s += ".0"
		}
		return s
	case []any:
		return `"" | split: ","`
	}
	return "nil"
}

// plainDefault reports whether a partial may have a default: one that Liquid
// has a word for.
func plainDefault(v any) bool {
	switch v := v.(type) {
	case []any:
		return len(v) == 0
	case map[string]any:
		return false
	}
	return true
}

// completed is the source with its insertions, which are in its order.
func (t *text) completed() string {
	if len(t.insertions) == 0 {
		return t.source
	}
	var b strings.Builder
	left := t.insertions
	line, col := 1, 1
	for _, r := range t.source {
		for len(left) > 0 && left[0].line == line && left[0].col == col {
			b.WriteString(left[0].text)
			left = left[1:]
		}
		b.WriteRune(r)
		if col++; r == '\n' {
			line, col = line+1, 1
		}
	}
	return b.String()
}

// at turns a position in the template into one in the file.
func (t *text) at(line, col int) (int, int) { return t.place.finder(t.source).at(line, col) }

// completedAt turns a position in the completed template into one in the file.
func (t *text) completedAt(line, col int) (int, int) {
	for _, in := range t.insertions {
		if in.line == line && col > in.col {
			col = max(in.col, col-utf8.RuneCountInString(in.text))
		}
	}
	return t.at(line, col)
}

// template returns the compiled template, completed; nil when there is none.
func (t *text) template() *liquid.Template {
	if t == nil || t.broken {
		return nil
	}
	if c := t.compiled.Load(); c != nil {
		return c
	}
	c, _ := liquid.Compile(t.completed())
	t.compiled.Store(c)
	return c
}

// forget drops the compiled template. Who renders at this moment has its own.
func (t *text) forget() { t.compiled.Store(nil) }

// execute renders one template of the prompt.
func (p *Prompt) execute(ctx context.Context, t *text, vars map[string]any, b liquid.Budget) (string, error) {
	template := t.template()
	if template == nil {
		return "", &RenderError{Address: p.Address, Path: p.Path, Rule: ruleLiquidSyntax, Message: "the template does not compile"}
	}
	var below map[string]*Prompt // all that it renders, once that is needed
	partial := func(name string) *Prompt {
		const few = 8
		for _, q := range p.deps[:min(len(p.deps), few)] {
			if q.address == name {
				return q
			}
		}
		if below == nil {
			below = p.below()
		}
		return below[name]
	}
	find := func(name string) (*liquid.Template, error) {
		if q := partial(name); q != nil {
			return q.body.parts[0].text.template(), nil
		}
		return nil, ErrNotFound
	}
	out, err := template.Render(ctx, vars, find, b)
	if err == nil {
		return out, nil
	}
	e := &RenderError{Address: p.Address, Path: p.Path, Message: err.Error(), cause: err}
	var known *liquid.Error
	if !errors.As(err, &known) {
		return "", e
	}
	e.Rule, e.Message, e.Advice = known.Rule, known.Message, known.Hint()
	if q := partial(known.Name); known.Name != "" && q != nil {
		e.Address, e.Path, t = q.Address, q.Path, q.body.parts[0].text
	}
	if known.Line > 0 {
		e.Line, e.Col = t.completedAt(known.Line, known.Col)
	}
	return "", e
}

// below is all that a prompt renders, directly or through others, by address.
func (p *Prompt) below() map[string]*Prompt {
	all := map[string]*Prompt{}
	queue := slices.Clone(p.deps)
	for ; len(queue) > 0; queue = queue[1:] {
		if q := queue[0]; all[q.address] == nil {
			all[q.address] = q
			queue = append(queue, q.deps...)
		}
	}
	return all
}
