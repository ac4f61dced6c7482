package client

import (
	"errors"
	"sync"
	"time"
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
