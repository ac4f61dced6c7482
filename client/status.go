package client

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/anvilpeering/anvil/protocol"
)

// State says in a word how the client stands.
type State string

// The states of a client. All but StateFresh serve what is held.
const (
	StateFresh   State = "fresh"   // holds what the channel offers
	StateStale   State = "stale"   // the release held has expired
	StateOffline State = "offline" // the server is not reached, not yet, or not for more than a quarter of an hour
	StateWaiting State = "waiting" // the channel offers nothing
	StateRefused State = "refused" // what is offered was not taken: see Status.Refused
	StateDenied  State = "denied"  // the server refuses the token, or this client
	StateClosed  State = "closed"
)

// Status is how a client stands at one moment.
type Status struct {
	State State

	Stream   string // organisation/project/channel
	Revision string
	Release  string
	Sequence int64
	Source   Source
	Signer   string // fingerprint of the key that was believed
	Created  time.Time
	Expires  time.Time
	Stale    bool
	Age      time.Duration // since the server last confirmed the release

	Problem error     // why the client is not in step, nil when it is
	Refused *Refusal  // the last release that was not taken, nil once one was
	Next    time.Time // when the server is asked again, zero while it is asked

	URL       string // of the server that answers
	ClientID  string
	Ephemeral bool     // the id is kept nowhere
	Cache     string   // the folder, "" when nothing is kept
	Warnings  []string // what should be looked at: no writable cache, unverified releases, an unencrypted connection
}

// Change is a release that took the place of another.
type Change struct {
	Before *Snapshot
	After  *Snapshot
}

// Status tells how the client stands now.
func (c *Client) Status() Status {
	s := Status{URL: c.server.url(), Cache: c.settings.folder}
	stale, late := false, false
	if snap := c.snapshot.Load(); snap != nil {
		now := time.Now()
		stale = snap.stale(now)
		s.Stream, s.Revision, s.Release, s.Sequence = snap.Stream(), snap.Revision(), snap.release, snap.Sequence()
		s.Source, s.Signer, s.Created, s.Expires = snap.source, snap.Signer().Fingerprint, snap.Created(), snap.Expires()
		s.Stale, s.Age = stale, snap.age(now)
		late = s.Age > overdue
	}
	c.progress.with(func(p *progress) {
		s.State = p.state(stale, late)
		s.Problem, s.Refused, s.Next = p.problem, p.refused, p.next
		s.ClientID, s.Ephemeral = p.id, p.ephemeral
		s.Warnings = slices.Clone(p.warnings)
		if p.cache != "" {
			s.Warnings = append(s.Warnings, p.cache)
		}
	})
	return s
}

func (p *progress) state(stale, late bool) State {
	var r *Refusal
	switch {
	case p.closed:
		return StateClosed
	case errors.Is(p.problem, ErrDenied), errors.Is(p.problem, errVersion), errors.Is(p.problem, errStream):
		return StateDenied
	case errors.As(p.problem, &r) && r.Code != protocol.CodeMachine:
		return StateRefused
	case answered(p.problem) == http.StatusNotFound && r == nil:
		return StateWaiting
	case p.problem != nil, !p.contact, late:
		return StateOffline
	case stale:
		return StateStale
	}
	return StateFresh
}
