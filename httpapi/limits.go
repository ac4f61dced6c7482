package httpapi

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Bounds of every request.
const (
	headerTime = 5 * time.Second   // to send the headers
	bodyTime   = 10 * time.Second  // to send a body
	answerTime = 30 * time.Second  // to take an answer, beside waiting and size
	idleTime   = 120 * time.Second // between two requests: more than the longest pause of a client
	slowest    = 32 << 10          // bytes a second that a bundle must be taken with
	slow       = 2 * time.Second   // a request that takes longer is worth a line in the log

	maxHeader = 16 << 10
	maxBody   = 64 << 10
	maxBatch  = 1 << 20 // of acknowledgements
)

// limit is a rate with a burst, as the generic cell rate algorithm wants them.
type limit struct {
	each  time.Duration // between two requests at the rate
	burst time.Duration // how far ahead of the rate one may be
}

func newLimit(rate float64, burst int) limit {
	each := time.Duration(float64(time.Second) / rate)
	return limit{each: each, burst: time.Duration(burst) * each}
}

// cell is what is remembered of one who is limited: the time at which it will
// have been as slow as the rate.
type cell struct{ due atomic.Int64 }

// take reports whether a request may pass at now, and if not, when to try again.
func (c *cell) take(l limit, now time.Duration) (wait time.Duration, ok bool) {
	for {
		old := c.due.Load()
		due := max(time.Duration(old), now) + l.each
		if ahead := due - now; ahead > l.burst {
			return ahead - l.burst, false
		}
		if c.due.CompareAndSwap(old, int64(due)) {
			return 0, true
		}
	}
}

// tokenLimits has a cell for each token that was accepted, so no more than
// there are tokens.
type tokenLimits struct {
	limit
	start time.Time
	cells sync.Map // token id → *cell
}

func newTokenLimits(rate float64, burst int) *tokenLimits {
	return &tokenLimits{limit: newLimit(rate, burst), start: time.Now()}
}

func (t *tokenLimits) take(id string) (time.Duration, bool) {
	c, ok := t.cells.Load(id)
	if !ok {
		c, _ = t.cells.LoadOrStore(id, new(cell))
	}
	return c.(*cell).take(t.limit, time.Since(t.start))
}

// addressLimits bounds addresses in a memory that does not grow with their
// number. Each address has two cells, shared with others at random, and is
// refused when both are spent: one busy address slows another down only when it
// shares both.
type addressLimits struct {
	limit
	start time.Time
	seeds [2]maphash.Seed
	cells [2][1 << 14]cell
}

func newAddressLimits(rate float64, burst int) *addressLimits {
	return &addressLimits{
		limit: newLimit(rate, burst), start: time.Now(),
		seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()},
	}
}

// take limits an address, of IPv6 the network: one host has as many addresses
// there as it likes.
func (a *addressLimits) take(addr netip.Addr) (wait time.Duration, ok bool) {
	addr = addr.Unmap().WithZone("")
	if addr.Is6() {
		if prefix, err := addr.Prefix(64); err == nil {
			addr = prefix.Addr()
		}
	}
	now := time.Since(a.start)
	for i := range a.cells {
		at := maphash.Comparable(a.seeds[i], addr) % uint64(len(a.cells[i]))
		w, passed := a.cells[i][at].take(a.limit, now)
		ok = ok || passed
		wait = max(wait, w)
	}
	return wait, ok
}
