package prompt

import (
	"context"
	"fmt"
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

// render renders within a budget that the messages share.
func (p *Prompt) render(ctx context.Context, args Args, b liquid.Budget) (*Rendered, error) {
	if q := p.links.broken; q != nil {
		return nil, &RenderError{Address: addressOf(q.Path), Path: q.Path, Line: q.Line, Col: q.Col, Rule: q.Rule, Message: q.Message}
	}
	vars, inserts, err := p.bind(args)
	if err != nil {
		return nil, err
	}
	if b.Used == nil {
		b.Used = new(liquid.Usage)
	}
	size := len(p.body.parts)
	for _, i := range inserts {
		size += len(i.messages)
	}
	out := &Rendered{Messages: make([]Message, 0, size), Model: p.Model, ModelParameters: cloneMap(p.ModelParameters)}
	for i := range p.scopes {
		part := p.scopes[i].part
		if part.text == nil {
			messages := messagesOf(part.insert, inserts)
			for i, m := range messages {
				if !slices.Contains(part.roles, m.Role) {
					return nil, &ArgumentError{
						Address: p.Address, Parameter: part.insert, Reason: ReasonConstraint,
						Message: fmt.Sprintf("%s[%d] has the role %s, which may not be inserted here", part.insert, i, m.Role),
						Advice:  fmt.Sprintf("allowed are %s; the prompt can allow others with roles: beside insert", list(part.roles)),
					}
				}
			}
			out.Messages = append(out.Messages, messages...)
			continue
		}
		content, err := p.scopes[i].execute(ctx, vars, b)
		if err != nil {
			return nil, err
		}
		out.Messages = append(out.Messages, Message{part.role, content})
	}
	return out, nil
}

// inserted are the messages of one parameter.
type inserted struct {
	parameter string
	messages  []Message
}

func messagesOf(parameter string, all []inserted) []Message {
	for _, i := range all {
		if i.parameter == parameter {
			return i.messages
		}
	}
	return nil
}

// bind checks the arguments and returns the value of each parameter, and the
// messages that may be inserted.
func (p *Prompt) bind(args Args) (map[string]any, []inserted, error) {
	if err := p.unknown(args); err != nil {
		return nil, nil, err
	}
	vars := make(map[string]any, len(p.Parameters))
	var inserts []inserted
	for i := range p.Parameters {
		q := &p.Parameters[i]
		v, given := args[q.Name]
		if !given || v == nil {
			if q.Required {
				return nil, nil, p.refuse(q.Name, ReasonMissing, fmt.Sprintf("the argument %q is missing", q.Name), q.Description)
			}
			v = q.Default
		}
		var bad *refusal
		switch {
		case q.Type == TypeMessages:
			var messages []Message
			if v != nil {
				messages, bad = q.acceptMessages(v)
			}
			inserts = append(inserts, inserted{q.Name, messages})
			vars[q.Name] = nil
			if v != nil && slices.Contains(p.body.scripted, q.Name) {
				vars[q.Name] = asValues(messages)
			}
		case given && args[q.Name] != nil:
			vars[q.Name], bad = q.accept(v, "")
		default:
			vars[q.Name] = v
		}
		if bad != nil {
			separator := " "
			if strings.HasPrefix(bad.message, "[") || strings.HasPrefix(bad.message, ".") {
				separator = "" // the message begins with the way into the value
			}
			return nil, nil, p.refuse(q.Name, bad.reason, q.Name+separator+bad.message, bad.advice)
		}
	}
	return vars, inserts, nil
}

func (p *Prompt) refuse(name, reason, message, advice string) error {
	return &ArgumentError{Address: p.Address, Parameter: name, Reason: reason, Message: message, Advice: advice}
}

// unknown refuses arguments that are no parameters, the first by its name.
func (p *Prompt) unknown(args Args) error {
	first, found := "", false
	for name := range args {
		if !declares(p.Parameters, name) && (!found || name < first) {
			first, found = name, true
		}
	}
	if !found {
		return nil
	}
	advice := "it takes no arguments"
	switch {
	case slices.Contains(p.body.free, first):
		advice = fmt.Sprintf("declare it in the partial: parameters: {%s: {type: string}}", first)
	case len(p.Parameters) > 0:
		advice = "it takes " + list(slices.Collect(names(p.Parameters)))
	}
	return p.refuse(first, ReasonUnknown, fmt.Sprintf("unknown argument %q", first)+didYouMean(first, names(p.Parameters)), advice)
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
