package gitstore

import (
	"errors"
	"fmt"
	"strings"
)

// What callers branch on, with errors.Is.
var (
	// ErrNotRepository: the folder is not in a git repository.
	ErrNotRepository = errors.New("not a git repository")
	// ErrNotFound: no such ref, commit, path or object.
	ErrNotFound = errors.New("not found")
	// ErrUnsupported: a repository that Anvil refuses, because it could not
	// write to it as git would. It has a Hint.
	ErrUnsupported = errors.New("unsupported repository")
	// ErrMoved: the ref is not where the caller believed it to be; look again.
	ErrMoved = errors.New("ref has moved")
	// ErrBusy: git holds a lock, or the user is in the middle of a merge or the
	// like; try again later.
	ErrBusy = errors.New("repository is busy")
	// ErrUnchanged: the commit would change nothing.
	ErrUnchanged = errors.New("nothing to commit")
	// ErrStaged: the user has staged a path of the commit with other content;
	// see StagedError.
	ErrStaged = errors.New("staged by the user")
)

// StagedError names the paths of a commit that the user has staged with other
// content than the commit would give them. It is an ErrStaged.
type StagedError struct{ Paths []string }

func (e *StagedError) Error() string {
	return "commit " + strings.Join(e.Paths, ", ") + ": " + ErrStaged.Error()
}

// Is makes a StagedError an ErrStaged.
func (e *StagedError) Is(target error) bool { return target == ErrStaged }

// Hint says how the user gets on.
func (e *StagedError) Hint() string {
	return "commit what you staged, or take it back with: git restore --staged " + strings.Join(e.Paths, " ")
}

// ConvertedError names a path of a commit whose content git would convert, so
// that it would never look unchanged. It is an ErrUnsupported with a Hint.
type ConvertedError struct {
	Path string
	err  error
}

func (e *ConvertedError) Error() string { return e.err.Error() }
func (e *ConvertedError) Unwrap() error { return e.err }

// Hint says how to keep it as it is.
func (e *ConvertedError) Hint() string {
	var h *hinted
	if errors.As(e.err, &h) {
		return h.hint
	}
	return ""
}

// Reason says what would convert it.
func (e *ConvertedError) Reason() string {
	return strings.TrimPrefix(e.err.Error(), ErrUnsupported.Error()+": ")
}

// hinted is an error with advice.
type hinted struct {
	err  error
	hint string
}

func (e *hinted) Error() string { return e.err.Error() }
func (e *hinted) Unwrap() error { return e.err }
func (e *hinted) Hint() string  { return e.hint }

func unsupported(hint, format string, args ...any) error {
	return &hinted{err: fmt.Errorf("%w: %s", ErrUnsupported, fmt.Sprintf(format, args...)), hint: hint}
}

func busy(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrBusy, fmt.Sprintf(format, args...))
}
