package prompt

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/anvilpeering/anvil/prompt/liquid"
)

// Args are the arguments of a rendering, by parameter. Values are what JSON
// knows, in any of Go's numeric, string, slice and map types, and [Message]s.
// nil is the same as no argument.
type Args = map[string]any

// Rendered is the result of rendering a prompt.
type Rendered struct {
	Messages        []Message      `json:"messages"` // a `template:` renders as one message with role "user"
	Model           string         `json:"model,omitempty"`
	ModelParameters map[string]any `json:"modelParameters,omitempty"` // the caller's own copy
}

// Text returns the contents of the messages, joined by a blank line.
func (r *Rendered) Text() string {
	if len(r.Messages) == 1 {
		return r.Messages[0].Content
	}
	contents := make([]string, len(r.Messages))
	for i, m := range r.Messages {
		contents[i] = m.Content
	}
	return strings.Join(contents, "\n\n")
}

// Render renders the prompt with arguments. It may be called concurrently, does
// no input or output and ends soon after ctx does. Its errors are an
// [*ArgumentError] when the caller has to change the arguments, else a
// [*RenderError].
func (p *Prompt) Render(ctx context.Context, args Args) (*Rendered, error) {
	return p.render(ctx, args, liquid.Budget{Depth: maxRenderDepth})
}

func (p *Prompt) render(ctx context.Context, args Args, b liquid.Budget) (*Rendered, error) {
	if q := p.links.broken; q != nil {
		return nil, &RenderError{Address: addressOf(q.Path), Path: q.Path, Line: q.Line, Col: q.Col, Rule: q.Rule, Message: q.Message}
	}
	vars, err := p.bind(args)
	if err != nil {
		return nil, err
	}
	out := &Rendered{Messages: make([]Message, 0, len(p.body.parts)), Model: p.Model, ModelParameters: cloneMap(p.ModelParameters)}
	for _, part := range p.body.parts {
		if part.text == nil {
			inserted := messagesOf(vars[part.insert])
			for i, m := range inserted {
				if !slices.Contains(part.roles, m.Role) {
					return nil, &ArgumentError{
						Address: p.Address, Parameter: part.insert, Reason: ReasonConstraint,
						Message: fmt.Sprintf("%s[%d] has the role %s, which may not be inserted here", part.insert, i, m.Role),
						Advice:  fmt.Sprintf("allowed are %s; the prompt can allow others with roles: beside insert", list(part.roles)),
					}
				}
			}
			out.Messages = append(out.Messages, inserted...)
			continue
		}
		content, err := p.execute(ctx, part.text, vars, b)
		if err != nil {
			return nil, err
		}
		out.Messages = append(out.Messages, Message{part.role, content})
	}
	return out, nil
}

// bind checks the arguments and returns the value of each parameter.
func (p *Prompt) bind(args Args) (map[string]any, error) {
	refuse := func(name, reason, message, advice string) error {
		return &ArgumentError{Address: p.Address, Parameter: name, Reason: reason, Message: message, Advice: advice}
	}
	if len(args) > 0 {
		for _, name := range slices.Sorted(maps.Keys(args)) {
			if _, ok := p.Parameter(name); !ok {
				advice := "it takes no arguments"
				if len(p.Parameters) > 0 {
					advice = "it takes " + list(slices.Collect(names(p.Parameters)))
				}
				return nil, refuse(name, ReasonUnknown, fmt.Sprintf("unknown argument %q", name)+didYouMean(name, names(p.Parameters)), advice)
			}
		}
	}
	vars := make(map[string]any, len(p.Parameters))
	for i := range p.Parameters {
		q := &p.Parameters[i]
		v, given := args[q.Name]
		if !given || v == nil {
			if q.Required {
				return nil, refuse(q.Name, ReasonMissing, fmt.Sprintf("the argument %q is missing", q.Name), q.Description)
			}
			vars[q.Name] = q.Default
			continue
		}
		v, bad := q.accept(v, "")
		if bad != nil {
			sep := " "
			if strings.HasPrefix(bad.message, "[") || strings.HasPrefix(bad.message, ".") {
				sep = ""
			}
			return nil, refuse(q.Name, bad.reason, q.Name+sep+bad.message, bad.advice)
		}
		vars[q.Name] = v
	}
	return vars, nil
}

func cloneMap(m map[string]any) map[string]any {
	if m == nil {
		return nil
	}
	return clone(m).(map[string]any)
}

// clone copies a value in its form.
func clone(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, item := range v {
			out[k] = clone(item)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = clone(item)
		}
		return out
	}
	return v
}
