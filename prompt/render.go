package prompt

import (
	"context"
	"strings"
)

// Args are the arguments of a rendering, by parameter. Values are what JSON
// knows, in any of Go's numeric, string, slice and map types, and [Message]s.
type Args = map[string]any

// Rendered is the result of rendering a prompt.
type Rendered struct {
	Messages        []Message      `json:"messages"` // a `template:` renders as one message with role "user"
	Model           string         `json:"model,omitempty"`
	ModelParameters map[string]any `json:"modelParameters,omitempty"` // the caller's own copy
}

// Text returns the contents of the messages, joined by a blank line.
func (r *Rendered) Text() string {
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
	panic("not yet")
}
