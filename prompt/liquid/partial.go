package liquid

import (
	"errors"
	"io"
	"maps"
	"strconv"
)

// Links say what the render tags of a template mean at the place where it stands. They answer the same each time, and
// any number of goroutines at once. [Template.Render] asks.
type Links interface {
	// Partial returns what the nth of [Template.Partials] prints, counted from 0. Its error ends the rendering.
	Partial(n int) (Target, error)
}

// A Target is what a render tag prints. What it refers to is only read.
type Target struct {
	Template *Template      // nil when there is none
	Links    Links          // of this template
	Defaults map[string]any // of its variables that are not passed, or passed as nil
}

func (n *renderNode) render(f *frame, w io.Writer) error {
	if err := f.spend(n.at, 1); err != nil {
		return err
	}
	if f.depth == 0 {
		return f.fault(n.at, RuleLimit, "partials are nested too deeply at "+strconv.Quote(n.name))
	}
	if f.links == nil {
		return f.fault(n.at, RulePartial, "there is no partial "+strconv.Quote(n.name))
	}
	t, err := f.links.Partial(n.index)
	if err == nil && t.Template == nil {
		err = errors.New("not found")
	}
	if err != nil {
		e := f.fault(n.at, RulePartial, "partial "+strconv.Quote(n.name)+": "+err.Error())
		e.cause = err
		return e
	}
	args := make(map[string]any, len(n.args)+len(t.Defaults)+1)
	for _, a := range n.args {
		if args[a.name], err = a.value.eval(f); err != nil {
			return err
		}
	}
	switch {
	case n.with != nil:
		if args[n.alias], err = n.with.eval(f); err != nil {
			return err
		}
	case n.all != nil:
		v, err := n.all.eval(f)
		if err != nil {
			return err
		}
		return n.renderEach(f, w, t, args, v)
	}
	return n.once(f, w, t, args, nil)
}

// renderEach renders the partial for each item of an array, range or object, and once for any other value.
func (n *renderNode) renderEach(f *frame, w io.Writer, t Target, args map[string]any, v any) error {
	items := sequenceOf(v)
	switch v.(type) {
	case []any, span, map[string]any:
	default:
		args[n.alias] = v
		return n.once(f, w, t, args, nil)
	}
	l := &loop{known: "forloop", name: n.name, length: items.length}
	for ; l.index < l.length; l.index++ {
		if err := f.spend(n.at, 1); err != nil {
			return err
		}
		own := maps.Clone(args)
		own[n.alias] = items.item(l.index)
		if err := n.once(f, w, t, own, l); err != nil {
			return err
		}
	}
	return nil
}

// once renders the partial with arguments that are its own.
func (n *renderNode) once(f *frame, w io.Writer, t Target, args map[string]any, l *loop) error {
	for name, v := range t.Defaults {
		if args[name] == nil {
			args[name] = v
		}
	}
	inner := &frame{run: f.run, template: t.Template, links: t.Links, name: n.name, assigned: args}
	if l != nil {
		inner.loops = []*loop{l}
	}
	f.depth--
	defer func() { f.depth++ }()
	return inner.renderAll(w)
}
