package daemon

import (
	"slices"
	"time"

	"github.com/anvilpeering/anvil/gitstore"
	"github.com/anvilpeering/anvil/prompt"
)

// The values of the trailer Anvil-Source: how a change came to notice.
const (
	sourceWatch   = "watch"
	sourceScan    = "scan"
	sourceStartup = "startup"
)

// maxSeen bounds how many contents of an uncommitted file are remembered.
const maxSeen = 16

// difference is the folder as it was last found, the tip, and what they disagree
// about.
type difference struct {
	files     map[string]known
	tip       gitstore.Hash
	tree      *prompt.Tree // at tip
	blobs     map[string]gitstore.Hash
	moved     map[string]gitstore.Hash // blobs before the tip moved, until the next walk
	older     map[string][]older       // blobs before somebody else changed them
	delta     map[string]*entry
	parked    map[string]*entry // held as moved until they were as committed again
	holds     map[string]Hold
	heldPaths map[string]bool // paths that a hold stands for
	edits     edits
	lastEdits map[string]edit // those of the last run, until the first walk
	unsaved   bool            // the delta changed since edits were saved
}

// older is a committed blob that somebody else replaced at a time: by what is
// committed, or, when that has been merged with an edit of blob, by over.
type older struct {
	blob gitstore.Hash
	at   time.Time
	over gitstore.Hash
}

// olderFor is how long an editor is taken to be open with an older text, and
// maxOlder how many of them are remembered of a file.
const (
	olderFor = time.Hour
	maxOlder = 4
)

// isProject reports whether the tip has a project of that name.
func (d *difference) isProject(name string) bool {
	_, ok := d.blobs[name+"/project.yaml"]
	return ok
}

// belongs reports whether the file is in a project, or the organisation's own.
func (d *difference) belongs(path string) bool { return belongs(path, d.blobs, d.delta) }

// entry is one path at which the folder differs from the tip.
type entry struct {
	path    string
	got     captured
	base    gitstore.Hash   // the committed blob that the file was edited from; zero: none
	seen    []gitstore.Hash // contents it had since
	since   time.Time       // when it began to differ
	changed time.Time       // when it was last found changed
	source  string

	// before are the contents that the file had when the tip moved under it;
	// the zero hash stands for a missing file.
	before map[gitstore.Hash]bool
	moved  bool // its base is not what is committed, until the user says otherwise

	merged *merged       // what is committed instead of the content
	stuck  string        // why the file is not brought up to what is committed
	held   gitstore.Hash // the content that was last held
	gone   bool          // the user said that the file is meant to be missing
	staged bool          // git refused the path because it is staged

	// converted says why the content cannot be committed as it is; nil: it can.
	converted *gitstore.ConvertedError
}

// content is what is committed of the file.
func (e *entry) content() []byte {
	if e.merged != nil {
		return e.merged.content
	}
	return e.got.content
}

// isNew reports whether the tip lacks the file.
func (e *entry) isNew(head gitstore.Hash) bool { return head.IsZero() && e.got.is == present }

// isAccepted reports whether the user accepted that the file is missing.
func (e *entry) isAccepted() bool { return e.gone && e.got.is == missing }

// accept says that the entry is right as it stands beside the committed head.
func (e *entry) accept(head gitstore.Hash) {
	e.base, e.moved, e.gone = head, false, e.got.is == missing
}

// editedFrom returns the blob that the file was edited from, given the one
// committed now. A content that the file had and somebody has committed since
// (the author himself, with git) is where it comes from. So is the committed
// one when git put it into the folder and the file was changed after that.
func (e *entry) editedFrom(head gitstore.Hash, in staging) gitstore.Hash {
	switch {
	case e.moved:
		return e.base
	case slices.Contains(e.seen, head):
		return head
	case in.blobs[e.path] == head && e.got.stat.ctime > in.at && e.got.hash != e.base && !e.before[e.got.hash]:
		return head
	}
	return e.base
}

// staging is git's index: what the user staged, or git last put into the
// folder.
type staging struct {
	blobs map[string]gitstore.Hash
	at    int64 // when git wrote it, in nanoseconds as in stat
}

// overtake notes that the tip moved while the file differed from it.
func (e *entry) overtake() {
	if e.before == nil {
		e.before = make(map[gitstore.Hash]bool)
	}
	for _, hash := range e.seen {
		e.before[hash] = true
	}
	e.before[e.got.hash] = true
}

// had reports whether the file once had a content; the zero hash stands for
// being missing.
func (e *entry) had(hash gitstore.Hash) bool {
	return hash.IsZero() && e.got.is == missing || slices.Contains(e.seen, hash)
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
