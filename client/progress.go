package client

import (
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/anvilpeering/anvil/protocol"
)

// progress is what Status tells beyond the snapshot. The follower writes it.
type progress struct {
	mu        sync.Mutex
	contact   bool  // the server has confirmed what is held, since the start
	problem   error // why not in step
	refused   *Refusal
	next      time.Time
	warnings  []string
	cache     string // the one warning about the folder that holds now
	closed    bool
	id        string
	ephemeral bool
}

func (p *progress) with(f func(*progress)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f(p)
}

// inStep notes that the server named the release held.
func (p *progress) inStep() {
	p.with(func(p *progress) { p.contact, p.problem = true, nil })
}

func (p *progress) isInStep() (yes bool) {
	p.with(func(p *progress) { yes = p.contact && p.problem == nil })
	return yes
}

func (p *progress) isEphemeral() (yes bool) {
	p.with(func(p *progress) { yes = p.ephemeral })
	return yes
}

func (p *progress) failed(err error) {
	p.with(func(p *progress) {
		p.problem = err
		var r *Refusal
		if errors.As(err, &r) {
			p.refused = r
		}
	})
}

func (p *progress) taken() {
	p.with(func(p *progress) { p.contact, p.problem, p.refused = true, nil, nil })
}

func (p *progress) pause(until time.Time) {
	p.with(func(p *progress) { p.next = until })
}

func (p *progress) cacheWarning(text string) (changed bool) {
	p.with(func(p *progress) { changed, p.cache = p.cache != text, text })
	return changed
}

// Status tells how the client stands now.
func (c *Client) Status() Status {
	s := Status{URL: c.server.url(), Cache: c.settings.folder}
	stale := false
	if snap := c.snapshot.Load(); snap != nil {
		now := time.Now()
		stale = snap.stale(now)
		s.Stream, s.Revision, s.Release, s.Sequence = snap.Stream(), snap.Revision(), snap.release, snap.Sequence()
		s.Source, s.Signer, s.Created, s.Expires = snap.source, snap.Signer().Fingerprint, snap.Created(), snap.Expires()
		s.Stale, s.Age = stale, snap.age(now)
	}
	c.progress.with(func(p *progress) {
		s.State = p.state(stale)
		s.Problem, s.Refused, s.Next = p.problem, p.refused, p.next
		s.ClientID, s.Ephemeral = p.id, p.ephemeral
		s.Warnings = slices.Clone(p.warnings)
		if p.cache != "" {
			s.Warnings = append(s.Warnings, p.cache)
		}
	})
	return s
}

func (p *progress) state(stale bool) State {
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
	case p.problem != nil, !p.contact:
		return StateOffline
	case stale:
		return StateStale
	}
	return StateFresh
}
