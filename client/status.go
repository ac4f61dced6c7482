package client

import (
	"time"
)

// State says in a word how the client stands.
type State string

// The states of a client. All but StateFresh serve what is held.
const (
	StateFresh   State = "fresh"   // holds what the channel offers
	StateStale   State = "stale"   // the release held has expired
	StateOffline State = "offline" // the server is not reached, or not yet
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
