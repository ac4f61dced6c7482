package bundle

import (
	"errors"
	"fmt"
)

// What callers branch on. Every error of [Read], [ReadDelta] and [Assemble] that
// is about the bundle, and not about reading its bytes, matches one of them with
// [errors.Is].
var (
	ErrUnsigned     = errors.New("not signed")
	ErrUntrusted    = errors.New("not signed by a trusted key")
	ErrTampered     = errors.New("altered after it was signed")
	ErrExpired      = errors.New("expired")
	ErrReplayed     = errors.New("older than what is held")
	ErrEquivocation = errors.New("another release with the same sequence number")
	ErrFuture       = errors.New("made too far in the future")
	ErrStream       = errors.New("of another stream")
	ErrFormat       = errors.New("malformed")
	ErrTooLarge     = errors.New("too large")
	ErrRecipient    = errors.New("encrypted for others")
)

// Error is a refusal: which rule, which entry, and what to do about it.
type Error struct {
	Kind    error  // one of the Err values of this package
	Rule    string // the rule's short name, as docs/bundle-format.md lists them
	Path    string // the entry or file it is about, "" for the whole
	Message string

	hint string
}

func (e *Error) Error() string {
	if e.Path == "" {
		return fmt.Sprintf("%s [%s]", e.Message, e.Rule)
	}
	return fmt.Sprintf("%q: %s [%s]", e.Path, e.Message, e.Rule)
}

// Unwrap returns the Err value that callers branch on.
func (e *Error) Unwrap() error { return e.Kind }

// Hint says what the reader can do, "" when nothing.
func (e *Error) Hint() string { return e.hint }

func refuse(kind error, rule, path, format string, args ...any) *Error {
	return &Error{Kind: kind, Rule: rule, Path: path, Message: fmt.Sprintf(format, args...)}
}

func (e *Error) advise(format string, args ...any) *Error {
	e.hint = fmt.Sprintf(format, args...)
	return e
}

// UntrustedError says who signed what nobody here trusts yet. It matches
// [ErrUntrusted].
type UntrustedError struct {
	Fingerprint string // of the key that signed, as ssh-keygen -l prints it
	Identity    string // what it was signed as: a stream, or organisation/selection; a claim, not a fact; "" when there is no telling
	Line        string // the allowed_signers line that would trust it, "" without an identity
	Reason      string // why the lines at hand do not
}

func (e *UntrustedError) Error() string {
	if e.Identity == "" {
		return fmt.Sprintf("signed by a key that is not trusted: %s %s", e.Fingerprint, e.Reason)
	}
	return fmt.Sprintf("signed by a key that is not trusted for %q: %s %s", e.Identity, e.Fingerprint, e.Reason)
}

// Unwrap returns [ErrUntrusted].
func (e *UntrustedError) Unwrap() error { return ErrUntrusted }

// Hint gives the line that would trust the signer.
func (e *UntrustedError) Hint() string {
	if e.Line == "" {
		return ""
	}
	return fmt.Sprintf("if you know this key (compare the fingerprint with its owner), trust it with this line of allowed_signers: %s", e.Line)
}
