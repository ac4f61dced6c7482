package daemon

import (
	"slices"
	"time"

	"github.com/anvilpeering/anvil/gitstore"
)

// The values of the trailer Anvil-Source: how a change came to notice.
const (
	sourceWatch   = "watch"
	sourceScan    = "scan"
	sourceStartup = "startup"
)

// maxSeen bounds how many contents of an uncommitted file are remembered.
const maxSeen = 16

// entry is one path at which the folder differs from the tip.
type entry struct {
	path    string
	got     captured
	base    gitstore.Hash   // the committed blob that the file was edited from; zero: none
	seen    []gitstore.Hash // contents it had since
	since   time.Time       // when it began to differ
	changed time.Time       // when it was last found changed
	source  string

	gone   bool // the user said that the file is meant to be missing
	staged bool // git refused the path because it is staged
}

// isNew reports whether the tip lacks the file.
func (e *entry) isNew(head gitstore.Hash) bool { return head.IsZero() && e.got.is == present }

// isAccepted reports whether the user accepted that the file is missing.
func (e *entry) isAccepted() bool { return e.gone && e.got.is == missing }

// accept says that the entry is right as it stands beside the committed head.
func (e *entry) accept(head gitstore.Hash) {
	e.base, e.gone = head, e.got.is == missing
}

// editedFrom returns the blob that the file was edited from, given the one
// committed now. A content that the file had and somebody has committed since
// (the author himself, with git) is where it comes from.
func (e *entry) editedFrom(head gitstore.Hash) gitstore.Hash {
	if slices.Contains(e.seen, head) {
		return head
	}
	return e.base
}

func (e *entry) saw(hash gitstore.Hash) {
	if slices.Contains(e.seen, hash) {
		return
	}
	if len(e.seen) == maxSeen {
		e.seen = e.seen[1:]
	}
	e.seen = append(e.seen, hash)
}
