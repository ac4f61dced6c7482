package release

import (
	"errors"
	"fmt"

	"github.com/anvilpeering/anvil/gitstore"
	"github.com/anvilpeering/anvil/prompt"
)

var (
	// ErrNotFound: the channel has no such release, or the revision no such
	// project.
	ErrNotFound = errors.New("not found")
	// ErrUnrelated: a release, but of another channel. It is an ErrNotFound.
	ErrUnrelated = fmt.Errorf("release of another channel: %w", ErrNotFound)
	// ErrMoved: the channel offers something else than when the plan was made;
	// plan again.
	ErrMoved = errors.New("channel has moved since the plan")
	// ErrNoSigner: this Log has no signing key.
	ErrNoSigner = errors.New("no signing key")
	// ErrDamaged: a release in the repository does not match its manifest.
	ErrDamaged = errors.New("release is damaged")
)

// UnfitError says why a project cannot be released.
type UnfitError struct {
	Project  string
	Revision gitstore.Hash
	Problems []prompt.Problem // at least one
}

func (e *UnfitError) Error() string {
	more := ""
	if n := len(e.Problems) - 1; n > 0 {
		more = fmt.Sprintf(" (and %d more)", n)
	}
	return fmt.Sprintf("%s cannot be released at %s: %s%s", e.Project, e.Revision.Short(), e.Problems[0], more)
}

// Hint is what helps with the first problem.
func (e *UnfitError) Hint() string {
	if e.Problems[0].Hint != "" {
		return e.Problems[0].Hint
	}
	return "mend the file and save it; until then clients keep the last release"
}

// DamageError says that what a channel offers cannot be read; it is an
// ErrDamaged. The channel offers nothing until a person has looked at it, and the
// others go on.
type DamageError struct {
	Project, Channel string
	Cause            error
	repository       string
	file             string // of a branch that git itself cannot delete, "" otherwise
}

func (e *DamageError) Error() string {
	return fmt.Sprintf("what %s/%s offers cannot be read: %v", e.Project, e.Channel, e.Cause)
}

// Is makes a DamageError an ErrDamaged.
func (e *DamageError) Is(target error) bool { return target == ErrDamaged }

// Unwrap returns what the repository said.
func (e *DamageError) Unwrap() error { return e.Cause }

// Hint is the way out.
func (e *DamageError) Hint() string {
	way := fmt.Sprintf("git -C %s update-ref -d %s", e.repository, name{e.Project, e.Channel}.ref())
	if e.file != "" {
		way = "remove the file " + e.file
	}
	return fmt.Sprintf("restore %s from a backup, or begin the channel anew: %s; then restart and publish", e.repository, way)
}

// nameError refuses a name.
type nameError struct{ kind, name string }

func (e *nameError) Error() string {
	return fmt.Sprintf("%q cannot be the name of a %s", e.name, e.kind)
}

func (e *nameError) Hint() string {
	if e.name == draftPrevious {
		return "draft-previous keeps old releases of draft; choose another name"
	}
	return "a name is lower-case letters, digits, '.', '_' and '-', begins with a letter or digit, has no '..', does not end in '.' or '.lock', and has at most 100 characters"
}

// hinted is an error with advice.
type hinted struct {
	error
	hint string
}

func (e *hinted) Unwrap() error { return e.error }
func (e *hinted) Hint() string  { return e.hint }
