package client

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/anvilpeering/anvil/bundle"
	"github.com/anvilpeering/anvil/prompt"
	"github.com/anvilpeering/anvil/protocol"
)

// What callers branch on with [errors.Is]. Errors of arguments are prompt's own:
// [prompt.ArgumentError], with the parameter and the nearest name.
var (
	// ErrNotFound is an address that the release does not hold: see [NotFoundError].
	ErrNotFound = prompt.ErrNotFound

	// ErrOffline is nothing to serve: neither disk, binary nor server had a
	// release that was accepted.
	ErrOffline = errors.New("no release to serve")

	// ErrUntrusted is content, or a client, without a trusted key.
	ErrUntrusted = bundle.ErrUntrusted

	// ErrStale is content older than Options.MaxStale allows.
	ErrStale = errors.New("not confirmed for longer than allowed")

	// ErrRefused is a release that the application's Accept refused.
	ErrRefused = errors.New("refused by the application")

	// ErrCompile is a release with prompts that cannot be rendered.
	ErrCompile = errors.New("does not compile")

	// ErrDenied is a token that the server does not know, or not for this.
	ErrDenied = errors.New("token refused")

	// ErrNotOurs is an answer that no Anvil server gives, such as the page of a
	// captive portal.
	ErrNotOurs = errors.New("not an answer of an anvil server")

	// ErrClosed is a client that was closed.
	ErrClosed = errors.New("client is closed")
)

// NotFoundError is a lookup that found nothing. It matches [ErrNotFound].
type NotFoundError struct {
	Address  string
	Revision string   // that was searched
	Near     []string // addresses that look alike, nearest first, at most three
	Reason   string   // why not, where it is more than absence
}

func (e *NotFoundError) Error() string {
	if e.Reason != "" {
		return fmt.Sprintf("find prompt %q: %s", e.Address, e.Reason)
	}
	return fmt.Sprintf("find prompt %q: not in revision %s", e.Address, short(e.Revision))
}

// Unwrap returns [ErrNotFound].
func (e *NotFoundError) Unwrap() error { return ErrNotFound }

// Hint names the nearest addresses.
func (e *NotFoundError) Hint() string {
	if len(e.Near) == 0 {
		return "an address is project/set/prompt, the path of the file without .yaml"
	}
	return "did you mean " + strings.Join(e.Near, " or ") + "?"
}

// Refusal is a release that was offered and not taken.
type Refusal struct {
	Release  string // as offered
	Revision string
	Sequence int64
	Code     protocol.Code
	Err      error
}

func (e *Refusal) Error() string {
	return fmt.Sprintf("take release %s: %v", short(e.Release), e.Err)
}

// Unwrap returns why.
func (e *Refusal) Unwrap() error { return e.Err }

// Hint is that of the reason.
func (e *Refusal) Hint() string { return hint(e.Err) }

// advised is an error with advice, and with a sentinel where callers branch.
type advised struct {
	message string
	advice  string
	causes  []error
}

func (e *advised) Error() string   { return e.message }
func (e *advised) Unwrap() []error { return e.causes }
func (e *advised) Hint() string    { return e.advice }

func advise(hint string, causes []error, format string, args ...any) error {
	return &advised{message: fmt.Sprintf(format, args...), advice: hint, causes: causes}
}

// hint returns the advice of the first error in the chain that has some.
func hint(err error) string {
	var h interface{ Hint() string }
	if !errors.As(err, &h) {
		return ""
	}
	if u, ok := h.(*bundle.UntrustedError); ok {
		// Not the line that would trust the key: who was just refused may not be whom
		// to trust.
		return fmt.Sprintf("if %s is not a key of the server, do not trust it; its operator has the right line for ANVIL_TRUST: `anvil keys list --format allowed-signers` prints it", u.Fingerprint)
	}
	return h.Hint()
}

// spoken is an error that says in its text, too, what to do, for the applications
// that do no more than print it.
func spoken(err error) error {
	advice := hint(err)
	if advice == "" || strings.Contains(err.Error(), advice) {
		return err
	}
	return advise(advice, []error{err}, "%v (hint: %s)", err, advice)
}

// advice is the hint as a log line has it: none where there is none.
func advice(err error) slog.Attr {
	if h := hint(err); h != "" {
		return slog.String("hint", h)
	}
	return slog.Attr{}
}

// code classifies why a release was not taken, for the acknowledgement.
func code(err error) protocol.Code {
	switch {
	case errors.Is(err, ErrRefused):
		return protocol.CodeRefused
	case errors.Is(err, ErrCompile):
		return protocol.CodeCompile
	case errors.Is(err, bundle.ErrUnsigned), errors.Is(err, bundle.ErrUntrusted), errors.Is(err, bundle.ErrExpired),
		errors.Is(err, bundle.ErrReplayed), errors.Is(err, bundle.ErrEquivocation), errors.Is(err, bundle.ErrFuture),
		errors.Is(err, bundle.ErrStream):
		return protocol.CodeUntrusted
	case errors.Is(err, bundle.ErrTampered), errors.Is(err, bundle.ErrFormat), errors.Is(err, bundle.ErrTooLarge):
		return protocol.CodeTampered
	}
	return protocol.CodeMachine
}

// lasting says that trying again at once cannot help: someone has to act.
func lasting(err error) bool {
	if errors.Is(err, ErrDenied) || errors.Is(err, errStream) || errors.Is(err, errVersion) {
		return true
	}
	var r *Refusal
	return errors.As(err, &r) && (r.Code == protocol.CodeUntrusted || r.Code == protocol.CodeCompile || r.Code == protocol.CodeRefused)
}

// short abbreviates hashes for people.
func short(hash string) string {
	if len(hash) > 7 {
		return hash[:7]
	}
	if hash == "" {
		return "(none)"
	}
	return hash
}
