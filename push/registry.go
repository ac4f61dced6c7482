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
	key     state.ClientKey
	about   atomic.Pointer[state.Client] // as registered last; its last-seen time, held and report are out of date
	seen    atomic.Int64                 // Unix milliseconds
	held    atomic.Pointer[state.Held]
	report  atomic.Pointer[state.Report]
	talked  atomic.Bool // has acknowledged since its acknowledgements were trimmed
	flushed int64       // what the database knows of seen; the flusher's alone
}

func newClient(c state.Client) *client {
	n := &client{key: c.ClientKey, flushed: millis(c.LastSeen)}
	n.register(c)
	n.report.Store(&c.Report)
	return n
}

// register notes what a client says when it starts.
func (c *client) register(about state.Client) {
	c.about.Store(&about)
	c.seen.Store(millis(about.LastSeen))
	c.held.Store(&about.Held)
}

// life is how long a silent client is remembered.
func (c *client) life() time.Duration {
	if c.about.Load().Ephemeral {
		return ephemeralLife
	}
	return clientLife
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
		r.register(c)
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

// register adds a client, or notes that a known one has started again: who is
// about to note something of it, an acknowledgement, does so on the same client.
func (r *registry) register(about state.Client) *client {
	r.mu.Lock()
	defer r.mu.Unlock()
	if known := r.clients[about.ClientKey]; known != nil {
		about.FirstSeen = known.about.Load().FirstSeen
		known.register(about)
		return known
	}
	c := newClient(about)
	r.clients[c.key] = c
	r.byToken[c.key.Token]++
	return c
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
		if c.key.Token == token {
			r.forget(c.key)
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
