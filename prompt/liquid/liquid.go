// Package liquid is the template dialect of prompts.
package liquid

import "context"

// Problem is a reason why a source is not a template of the dialect.
type Problem struct {
	Line, Col int // 1-based; Col counts runes
	Rule      string
	Message   string
	Hint      string
}

// Reference is one use of a free variable.
type Reference struct {
	Name      string
	Line, Col int
}

// Partial is one use of another template.
type Partial struct {
	Name      string
	Args      []string
	Line, Col int
}

// Budget bounds one rendering; zero fields mean the defaults.
type Budget struct {
	Steps  int
	Output int
	Depth  int
}

// Error says where and why a rendering ended.
type Error struct {
	Rule      string
	Line, Col int
	Message   string
	Name      string // of the partial it happened in, "" for the template itself
}

func (e *Error) Error() string { return e.Message }

// Template is a compiled template.
type Template struct{}

// Compile checks and compiles a source.
func Compile(source string) (*Template, []Problem) { return &Template{}, nil }

// Variables returns the free variables in order of position.
func (t *Template) Variables() []Reference { return nil }

// Partials returns the templates this one renders.
func (t *Template) Partials() []Partial { return nil }

// Render renders the template.
func (t *Template) Render(ctx context.Context, vars map[string]any, find func(name string) (*Template, error), b Budget) (string, error) {
	return "", nil
}
