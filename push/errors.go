package push

import (
	"errors"
	"fmt"

	"github.com/anvilpeering/anvil/release"
)

// What callers branch on. The errors that wrap them say more, and mostly what
// to do next.
var (
	ErrInvalid         = errors.New("invalid request")
	ErrUnauthenticated = errors.New("token not accepted")
	ErrForbidden       = errors.New("not allowed")
	ErrNotFound        = errors.New("not found")
	ErrNothing         = errors.New("the channel offers nothing yet")
	ErrDamaged         = errors.New("the channel is damaged")
	ErrForgotten       = errors.New("client is not registered")
	ErrFull            = errors.New("too many clients")
)

// Error is one of the errors above with its circumstances.
type Error struct {
	Kind    error  // one of the errors above
	Message string // what happened, lower case
	Advice  string // what to do next, may be empty
}

func (e *Error) Error() string { return e.Message }

// Unwrap makes errors.Is find the kind.
func (e *Error) Unwrap() error { return e.Kind }

// Hint is what to do next.
func (e *Error) Hint() string { return e.Advice }

func invalid(advice, format string, args ...any) error {
	return &Error{Kind: ErrInvalid, Message: fmt.Sprintf(format, args...), Advice: advice}
}

// ProtocolError is returned to a client that speaks no version spoken here.
type ProtocolError struct{ Min, Max int }

func (e *ProtocolError) Error() string {
	return fmt.Sprintf("no protocol version in common: this server speaks %d to %d", e.Min, e.Max)
}

// Hint is what to do next.
func (e *ProtocolError) Hint() string {
	return "use a client library and a server whose protocol versions overlap"
}

// BreakingError refuses a publish that the applications of a channel could not
// go on with.
type BreakingError struct {
	*release.BreakingError
	Clients int // how many follow the channel
}

func (e *BreakingError) Error() string {
	follow := fmt.Sprintf("%d clients follow", e.Clients)
	switch e.Clients {
	case 0:
		follow = "no client follows at the moment"
	case 1:
		follow = "1 client follows"
	}
	return e.BreakingError.Error() + "; " + follow
}

// Unwrap returns what release found.
func (e *BreakingError) Unwrap() error { return e.BreakingError }
