package liquid

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"strconv"
	"strings"

	"github.com/osteele/liquid/render"
)

// Budget bounds one rendering, all its partials included. Zero fields mean the defaults.
type Budget struct {
	Steps  int // objects, tags, filters and turns of loops, and work in proportion to large values: 1,000,000
	Output int // bytes of the output, and of any text made on the way: 4 MiB
	Depth  int // partials in one another: 8

	// What renderings before took of the same budget, to which this one adds what it takes; nil when it has the budget
	// for itself. Renderings that share it come one after the other.
	Used *Usage
}

// Usage is what renderings took of a [Budget].
type Usage struct{ Steps, Output int }

const (
	defaultSteps  = 1_000_000
	defaultOutput = 4 << 20
	defaultDepth  = 8
	checkEvery    = 256 // steps between two looks at the context
)

// Error says where and why a rendering ended. An error of the context or of [Links] stays visible to errors.Is.
type Error struct {
	Rule      string
	Line, Col int // from 1, in the template it happened in; Col counts runes; 0 when it has no place
	Message   string
	Name      string // of the partial it happened in, as its render tag has it; "" for the template itself
	Links     Links  // of the template it happened in

	cause   error
	nearest string // the name that was probably meant
}

func (e *Error) Error() string {
	var b strings.Builder
	if e.Name != "" {
		b.WriteString(e.Name + ":")
	}
	if e.Line > 0 {
		fmt.Fprintf(&b, "%d:%d: ", e.Line, e.Col)
	} else if e.Name != "" {
		b.WriteByte(' ')
	}
	b.WriteString(e.Message)
	return b.String()
}

func (e *Error) Unwrap() error { return e.cause }

// Hint says what an author can do about the error, "" when there is nothing to say.
func (e *Error) Hint() string {
	switch e.Rule {
	case RuleUndefined:
		if e.nearest != "" {
			return "did you mean " + e.nearest + "?"
		}
		return `ask for a key that may be missing with {% if object contains "key" %} or {{ object.key | default: "…" }}`
	case RuleLimit:
		if e.cause == nil {
			return "render less at once"
		}
	}
	return ""
}

// errTooLong ends a rendering whose output is spent.
var errTooLong = errors.New("the output is too long")

// A run is one rendering: what its frames share.
type run struct {
	ended  func() error // why the rendering must stop, nil as long as it may go on
	steps  int          // left
	check  int          // steps until the context is looked at
	output int          // bytes of any text
	depth  int          // of partials left
}

// A frame is one template's rendering: its scopes. Partials see nothing of the frame that renders them.
type frame struct {
	*run
	template *Template
	links    Links
	nodes    []any  // of its tree
	name     string // of the partial

	values   map[string]any // what the caller bound; never written to
	counters map[string]int64
	assigned map[string]any
	loops    []*loop // innermost last
	cycles   map[string]int
	went     map[string]int64 // how far each loop of a name went, for offset: continue
	changed  *string          // what ifchanged printed last
}

// Render renders the template. vars binds its free variables, nil where there is no value; it is read, never written
// to, and must not change meanwhile. Maps and slices of any type with text keys will do. links say what its render tags
// mean; they may be nil when it has none. The error is an [*Error]; the text is "" then.
func (t *Template) Render(ctx context.Context, vars map[string]any, links Links, b Budget) (string, error) {
	r := &run{ended: ctx.Err, steps: b.Steps, output: b.Output, depth: b.Depth}
	if r.steps <= 0 {
		r.steps = defaultSteps
	}
	if r.output <= 0 {
		r.output = defaultOutput
	}
	if r.depth <= 0 {
		r.depth = defaultDepth
	}
	out := &limited{left: r.output}
	if u := b.Used; u != nil {
		steps, left := r.steps, r.output-u.Output
		r.steps, out.left = steps-u.Steps, left
		defer func() { u.Steps, u.Output = steps-r.steps, u.Output+left-out.left }()
	}
	f := &frame{run: r, template: t, links: links, values: outermost(vars)}
	if err := ctx.Err(); err != nil {
		return "", f.stopped(0, err)
	}
	if err := f.renderAll(out); err != nil {
		return "", err
	}
	return out.text.String(), nil
}

// renderAll renders the frame's template. No panic leaves it.
func (f *frame) renderAll(w io.Writer) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = &Error{Rule: RuleInternal, Message: fmt.Sprintf("cannot render this template: %v", r), Name: f.name, Links: f.links}
		}
	}()
	t, err := f.template.tree()
	if err != nil {
		return &Error{Rule: RuleInternal, Message: "cannot render this template: " + err.Error(), Name: f.name, Links: f.links, cause: err}
	}
	f.nodes = t.nodes
	e := render.Render(t.root, w, map[string]any{frameKey: f}, *engine)
	if e == nil {
		return nil
	}
	var known *Error
	switch {
	case errors.As(e, &known):
		return known
	case errors.Is(e, errTooLong):
		return &Error{Rule: RuleLimit, Message: "the output is longer than " + strconv.Itoa(f.output) + " bytes", Name: f.name, Links: f.links}
	}
	return &Error{Rule: RuleInternal, Message: e.Error(), Name: f.name, Links: f.links, cause: e}
}

// outermost converts the caller's own slice and map types once, so that a loop does not convert them at each turn.
func outermost(vars map[string]any) map[string]any {
	copied := false
	for k, v := range vars {
		switch v.(type) {
		case nil, bool, int, int64, float64, string, []any, map[string]any:
			continue
		}
		if kind := reflect.TypeOf(v).Kind(); kind != reflect.Slice && kind != reflect.Map && kind != reflect.Array {
			continue
		}
		if n, err := normal(v); err == nil {
			if !copied {
				vars, copied = maps.Clone(vars), true
			}
			vars[k] = n
		}
	}
	return vars
}

// get finds a variable: in the loops around, innermost first, then among what the template itself and then the caller
// bound.
func (f *frame) get(name string) (any, bool) {
	for i := len(f.loops) - 1; i >= 0; i-- {
		l := f.loops[i]
		if l.variable == name {
			return l.value, true
		}
		if l.known == name {
			return l, true
		}
	}
	if v, ok := f.assigned[name]; ok {
		return v, true
	}
	if n, ok := f.counters[name]; ok {
		return n, true
	}
	v, ok := f.values[name]
	return v, ok
}

func (f *frame) set(name string, v any) {
	if f.assigned == nil {
		f.assigned = map[string]any{}
	}
	f.assigned[name] = v
}

// spend takes steps from the budget, and every now and then looks whether the context has ended.
func (f *frame) spend(at, steps int) error {
	err := f.work(steps)
	if err == nil {
		return nil
	}
	return f.locate(at, "", err)
}

// work is spend without a place.
func (f *frame) work(steps int) error {
	if f.steps -= steps; f.steps < 0 {
		return errSteps
	}
	if f.check -= steps; f.check < 0 {
		f.check = checkEvery
		return f.ended()
	}
	return nil
}

var errSteps = errors.New("rendering takes too many steps")

// fault is an error at a place of the frame's template.
func (f *frame) fault(at int, rule, message string) *Error {
	line, col := f.template.position(at)
	return &Error{Rule: rule, Line: line, Col: col, Message: visible(message), Name: f.name, Links: f.links}
}

func (f *frame) stopped(at int, cause error) *Error {
	e := f.fault(at, RuleLimit, "rendering was ended: "+cause.Error())
	e.cause = cause
	return e
}

// locate gives an error without a place the place and the filter it happened in.
func (f *frame) locate(at int, filter string, err error) error {
	var known *Error
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, errSteps), errors.Is(err, errTooLong):
		return f.fault(at, RuleLimit, err.Error())
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return f.stopped(at, err)
	case filter != "":
		return f.fault(at, RuleValue, filter+": "+err.Error())
	}
	return f.fault(at, RuleValue, err.Error())
}

// limited is an output that refuses what is too much.
type limited struct {
	text strings.Builder
	left int
}

func (l *limited) Write(p []byte) (int, error) {
	if l.left -= len(p); l.left < 0 {
		return 0, errTooLong
	}
	return l.text.Write(p)
}

func (l *limited) WriteString(s string) (int, error) {
	if l.left -= len(s); l.left < 0 {
		return 0, errTooLong
	}
	return l.text.WriteString(s)
}
