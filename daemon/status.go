package daemon

import (
	"maps"
	"slices"
	"time"

	"github.com/anvilpeering/anvil/gitstore"
	"github.com/anvilpeering/anvil/prompt"
)

// Status is what the daemon knew at one moment. It is immutable.
type Status struct {
	// Root is the organisation's folder.
	Root string `json:"root"`
	// Branch is the branch that commits go to, as refs/heads/…; empty while
	// HEAD is detached.
	Branch string `json:"branch"`
	// Tip is the newest commit of Branch that the daemon has seen, also when
	// Paused says that it cannot be read. It is zero when there is none yet, or
	// when the branch itself cannot be read, as Paused then says.
	Tip gitstore.Hash `json:"tip"`
	// Ready says that what the first scan found was committed or held, and
	// that the tip of then was handed on. Once true it stays true.
	Ready bool `json:"ready"`
	// Paused says why nothing is committed at the moment; empty when it is.
	Paused string `json:"paused,omitempty"`
	// Watching is "inotify" (or the system's like), or "polling: " and why.
	Watching string `json:"watching"`
	// Folders is the number of folders being watched.
	Folders int `json:"folders"`
	// Holds are the saved files that are not committed, sorted by path.
	Holds []Hold `json:"holds"`
	// Waiting is the number of changed files on their way to a commit. While
	// another branch is checked out, or none, they are those that git did not
	// put there; while the folder is missing nothing is known of any.
	Waiting int `json:"waiting"`
	// Commits is the number of commits since the start.
	Commits int `json:"commits"`
	// LastCommit is the last of them, nil before the first.
	LastCommit *Commit `json:"last_commit,omitempty"`
	// LastScan is when the folder was last walked.
	LastScan time.Time `json:"last_scan"`
	// MissedByWatch counts changes that a walk found and no event had named.
	MissedByWatch int `json:"missed_by_watch"`
	// Trouble is the last error that stands in the way, with the daemon still
	// trying; empty when all is well.
	Trouble string `json:"trouble,omitempty"`
}

// record is what is remembered for the status alone, or to try again.
type record struct {
	ready      bool
	readyBy    time.Time // however restless the folder is
	missed     int
	commits    int
	failures   int
	lastCommit *Commit
	lastScan   time.Time
	trouble    string
}

// publish makes the current state the one that Status returns.
func (d *Daemon) publish() {
	handed, handing := d.tips.state()
	s := &Status{
		Root:          d.root,
		Branch:        d.branch,
		Tip:           d.tip,
		Watching:      backend(),
		Folders:       d.folders,
		Holds:         make([]Hold, 0, len(d.holds)),
		Commits:       d.commits,
		LastCommit:    d.lastCommit,
		LastScan:      d.lastScan,
		MissedByWatch: d.missed,
		Trouble:       d.trouble,
	}
	if d.tree == nil && s.Tip.IsZero() && d.branch == d.git.branch {
		s.Tip = d.git.head // it is there, and cannot be read
	}
	s.Paused, _ = d.blocked(time.Now())
	if d.polling != "" {
		s.Watching = "polling: " + d.polling
	}
	if s.Trouble == "" {
		s.Trouble = handing
	}
	for _, key := range slices.Sorted(maps.Keys(d.holds)) {
		s.Holds = append(s.Holds, d.holds[key])
	}
	s.Waiting = d.waiting()
	// Once what the start found is dealt with, or cannot be, and its tip is
	// handed on.
	settled := s.Waiting == 0 || s.Paused != "" || time.Now().After(d.readyBy)
	d.ready = d.ready || d.started && handed && settled
	s.Ready = d.ready
	d.status.Store(s)
}

// Commit is one commit that the daemon made.
type Commit struct {
	Hash    gitstore.Hash `json:"hash"`
	Subject string        `json:"subject"`
	Time    time.Time     `json:"time"`
}

// The kinds of a [Hold].
const (
	// HeldProblems: the change introduces problems.
	HeldProblems = "problems"
	// HeldMoved: the committed version moved on since the file was edited.
	HeldMoved = "moved"
	// HeldDeletion: too much vanished at once, or together with a file that is
	// held and may be its new name.
	HeldDeletion = "deletion"
	// HeldStaged: the user has staged other content for the path.
	HeldStaged = "staged"
	// HeldUnreadable: the file is too large, no regular file, or not readable, or
	// git would not give it back as it is.
	HeldUnreadable = "unreadable"
)

// Hold is a saved file, or a vanished one, that is not committed yet.
type Hold struct {
	// Path is the file's path in the organisation; for a deletion of much at
	// once, the project's.
	Path string `json:"path"`
	Kind string `json:"kind"`
	// Problems are those that the change introduces; for other kinds empty.
	Problems []prompt.Problem `json:"problems,omitempty"`
	Since    time.Time        `json:"since"`
	// Reason is one line for a person; Hint says what to do about it.
	Reason string `json:"reason"`
	Hint   string `json:"hint,omitempty"`
}

// The kinds of an [Event].
const (
	EventCommitted = "committed"
	EventHeld      = "held"
	EventMended    = "mended" // a hold is gone: committed, or the file is as it was
	EventTip       = "tip"    // somebody else's commit, pull or checkout was noticed
	EventPaused    = "paused" // saves wait, for more than a moment
	EventResumed   = "resumed"
	EventNotice    = "notice" // something that a person should know, once
)

// Event is one line that `anvil watch` prints.
type Event struct {
	Kind    string
	Paths   []string
	Removed []string      // of committed: those of Paths that are gone
	Commit  gitstore.Hash // of committed and tip
	Subject string        // of committed
	Hold    *Hold         // of held and mended
	Text    string        // of paused, resumed and notice: one line for a person
	Hint    string        // what to do about it; may be empty
	Time    time.Time
}
