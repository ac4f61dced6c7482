package prompt

import (
	"context"
	"errors"

	"github.com/anvilpeering/anvil/prompt/liquid"
)

// scope is a template where it stands, in a prompt that is linked. It tells what
// the template's render tags mean there: the same name is another partial in
// another set.
type scope struct {
	prompt *Prompt
	part   *part
}

// newScopes makes the scopes of a prompt's parts.
func newScopes(p *Prompt) []scope {
	scopes := make([]scope, len(p.body.parts))
	for i := range scopes {
		scopes[i] = scope{p, &p.body.parts[i]}
	}
	return scopes
}

// Partial returns what a render tag prints, for package liquid.
func (s *scope) Partial(n int) (liquid.Target, error) {
	q := s.prompt.targets[s.part.first+n]
	if q == nil || len(q.scopes) == 0 {
		return liquid.Target{}, ErrNotFound
	}
	inner := &q.scopes[0]
	return liquid.Target{Template: inner.part.text.template(), Links: inner, Defaults: q.body.defaults}, nil
}

// execute renders the template.
func (s *scope) execute(ctx context.Context, vars map[string]any, b liquid.Budget) (string, error) {
	template := s.part.text.template()
	if template == nil {
		return "", &RenderError{Address: s.prompt.Address, Path: s.prompt.Path, Rule: ruleLiquidSyntax, Message: "the template does not compile"}
	}
	out, err := template.Render(ctx, vars, s, b)
	if err == nil {
		return out, nil
	}
	e := &RenderError{Address: s.prompt.Address, Path: s.prompt.Path, Message: err.Error(), cause: err}
	var known *liquid.Error
	if !errors.As(err, &known) {
		return "", e
	}
	e.Rule, e.Message, e.Advice = known.Rule, known.Message, known.Hint()
	at := s
	if inner, ok := known.Links.(*scope); ok {
		at = inner
		e.Address, e.Path = at.prompt.Address, at.prompt.Path
	}
	if known.Line > 0 {
		e.Line, e.Col = at.part.text.at(known.Line, known.Col)
	}
	return "", e
}
