package liquid

import (
	"errors"
	"io"
	"maps"
	"strconv"
)

func (n *renderNode) render(f *frame, w io.Writer) error {
	if err := f.spend(n.at, 1); err != nil {
		return err
	}
	if f.depth == 0 {
		return f.fault(n.at, RuleLimit, "partials are nested too deeply at "+strconv.Quote(n.name))
	}
	if f.find == nil {
		return f.fault(n.at, RulePartial, "there is no partial "+strconv.Quote(n.name))
	}
	t, err := f.find(n.name)
	if err == nil && t == nil {
		err = errors.New("not found")
	}
	if err != nil {
		e := f.fault(n.at, RulePartial, "partial "+strconv.Quote(n.name)+": "+err.Error())
		e.cause = err
		return e
	}
	args := make(map[string]any, len(n.args)+1)
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
func (n *renderNode) renderEach(f *frame, w io.Writer, t *Template, args map[string]any, v any) error {
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

func (n *renderNode) once(f *frame, w io.Writer, t *Template, args map[string]any, l *loop) error {
	inner := &frame{run: f.run, template: t, name: n.name, assigned: args}
	if l != nil {
		inner.loops = []*loop{l}
	}
	f.depth--
	defer func() { f.depth++ }()
	return inner.renderAll(w)
}
