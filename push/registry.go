package push

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/anvilpeering/anvil/state"
)

// client is a registered client as it is known in memory, where every poll is
// noted; the database follows every few seconds.
type client struct {
	about   state.Client // as registered; its times, held and report are out of date
	seen    atomic.Int64 // Unix milliseconds
	held    atomic.Pointer[state.Held]
	report  atomic.Pointer[state.Report]
	talked  atomic.Bool // has acknowledged since its acknowledgements were trimmed
	flushed int64       // what the database knows of seen; the flusher's alone
}

func newClient(c state.Client) *client {
	n := &client{about: c, flushed: millis(c.LastSeen)}
	n.seen.Store(n.flushed)
	n.held.Store(&c.Held)
	n.report.Store(&c.Report)
	return n
}

// life is how long a silent client is remembered.
func (c *client) life(o *Options) time.Duration {
	if c.about.Ephemeral {
		return o.EphemeralLife
	}
	return o.ClientLife
}

// registry holds the registered clients.
type registry struct {
	mu      sync.RWMutex
	clients map[state.ClientKey]*client
	byToken map[string]int // how many clients a token has
}

func newRegistry(all []state.Client) *registry {
	r := &registry{clients: make(map[state.ClientKey]*client, len(all)), byToken: map[string]int{}}
	for _, c := range all {
		r.put(newClient(c))
	}
	return r
}

func (r *registry) find(k state.ClientKey) *client {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.clients[k]
}

func (r *registry) count(token string) int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.byToken[token]
}

// put adds a client or replaces it.
func (r *registry) put(c *client) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, known := r.clients[c.about.ClientKey]; !known {
		r.byToken[c.about.Token]++
	}
	r.clients[c.about.ClientKey] = c
}

func (r *registry) forget(k state.ClientKey) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, known := r.clients[k]; !known {
		return
	}
	delete(r.clients, k)
	if r.byToken[k.Token]--; r.byToken[k.Token] == 0 {
		delete(r.byToken, k.Token)
	}
}

func (r *registry) forgetToken(token string) {
	for _, c := range r.all() {
		if c.about.Token == token {
			r.forget(c.about.ClientKey)
		}
	}
}

// all returns the clients of this moment, in no order.
func (r *registry) all() []*client {
	r.mu.RLock()
	defer r.mu.RUnlock()
	all := make([]*client, 0, len(r.clients))
	for _, c := range r.clients {
		all = append(all, c)
	}
	return all
}
