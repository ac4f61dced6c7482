package prompt

import (
	"errors"
	"fmt"
)

// ErrNotFound is what [Tree.Lookup] fails with when there is no such prompt.
var ErrNotFound = errors.New("no such prompt")

type notFoundError struct {
	what string // "support/triage/clasify"
	hint string
}

func (e *notFoundError) Error() string { return fmt.Sprintf("no prompt %s", e.what) }
func (e *notFoundError) Hint() string  { return e.hint }
func (e *notFoundError) Unwrap() error { return ErrNotFound }

// An ArgumentError says which argument of a rendering is wrong, and why.
type ArgumentError struct {
	Address   Address
	Parameter string // the name; of the argument, when no parameter is called so
	Reason    string // missing, unknown, type or constraint
	Message   string
	Advice    string // "" when the message says it all
}

// The reasons of an [ArgumentError].
const (
	ReasonMissing    = "missing"
	ReasonUnknown    = "unknown"
	ReasonType       = "type"
	ReasonConstraint = "constraint"
)

func (e *ArgumentError) Error() string { return fmt.Sprintf("render %s: %s", e.Address, e.Message) }

// Hint says what to do about it.
func (e *ArgumentError) Hint() string { return e.Advice }

// A RenderError says where a rendering ended, and why.
type RenderError struct {
	Address Address // of the prompt or partial it happened in
	Path    string
	Line    int // in the file; 0 when it is no place of the file
	Col     int
	Rule    string // an id of docs/rules.md, or of those of package liquid
	Message string
	Advice  string // "" when the message says it all

	cause error
}

func (e *RenderError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("render %s: %s", e.Address, e.Message)
	}
	return fmt.Sprintf("render %s: %s:%d:%d: %s", e.Address, e.Path, e.Line, e.Col, e.Message)
}

// Hint says what to do about it.
func (e *RenderError) Hint() string { return e.Advice }

// Unwrap shows the context's error to errors.Is when one ended the rendering.
func (e *RenderError) Unwrap() error { return e.cause }
