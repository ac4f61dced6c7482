package prompt

import (
	"sync/atomic"

	"go.yaml.in/yaml/v3"

	"github.com/anvilpeering/anvil/prompt/liquid"
)

// text is a template in a file.
type text struct {
	source string
	place  place
	broken bool // it does not compile

	// What the template refers to; only while its file is read.
	variables []liquid.Reference
	partials  []liquid.Partial
	openLoop  *liquid.Reference

	// The compiled template, about six times the source: made when it is needed,
	// and kept from the first rendering on.
	compiled atomic.Pointer[liquid.Template]
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
	if !r.compileOnly { // the tests need it
		t.compiled.Store(template)
	}
	return t
}

// at turns a position in the template into one in the file.
func (t *text) at(line, col int) (int, int) { return t.place.finder(t.source).at(line, col) }

// template returns the compiled template, nil when there is none.
func (t *text) template() *liquid.Template {
	if t == nil || t.broken {
		return nil
	}
	if c := t.compiled.Load(); c != nil {
		return c
	}
	c, _ := liquid.Compile(t.source)
	t.compiled.Store(c)
	return c
}

// forget drops the compiled template. Who renders at this moment has its own.
func (t *text) forget() { t.compiled.Store(nil) }
