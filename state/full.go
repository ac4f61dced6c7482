package state

import (
	"errors"
	"fmt"

	"modernc.org/sqlite"
)

// ErrFull is returned by writes that found no room on the disk. Nothing of them
// remains, and later ones succeed once there is room.
var ErrFull = errors.New("the disk is full")

// sqliteFull is SQLite's result code for it.
const sqliteFull = 13

// fullError is an ErrFull with what SQLite said, and advice.
type fullError struct{ error }

func (e *fullError) Unwrap() error { return e.error }

// Hint says what to do.
func (e *fullError) Hint() string { return "free some disk space" }

// named makes an error for a lack of room an ErrFull.
func named(err error) error {
	if e, ok := errors.AsType[*sqlite.Error](err); ok && e.Code()&0xff == sqliteFull {
		return &fullError{fmt.Errorf("%w: %w", ErrFull, err)}
	}
	return err
}
