package push

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/anvilpeering/anvil/protocol"
	"github.com/anvilpeering/anvil/release"
)

// line is one channel of one project, and those who wait for its next release.
//
// What it offers and the channel that announces the next are one immutable
// generation behind one pointer. Who loads a generation, compares, and waits
// for that generation's end cannot miss a release: one that was recorded before
// the load is compared with, one recorded after it ends the wait.
type line struct {
	project, channel string
	now              atomic.Pointer[generation]
	parked           atomic.Int64
	recent           recent
}

// recent are releases that clients named of late. Many clients are a release or
// two behind at the same time, and reading one back from its repository costs a
// hundred times a poll.
type recent struct {
	mu   sync.RWMutex
	byID map[string]*release.Release
}

const mostRecent = 256

func (r *recent) get(id string) *release.Release {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.byID[id]
}

func (r *recent) put(id string, found *release.Release) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.byID == nil || len(r.byID) >= mostRecent {
		r.byID = map[string]*release.Release{}
	}
	r.byID[id] = found
}

type generation struct {
	release *release.Release // nil: the channel offers nothing yet
	id      string           // of the release
	etag    []string         // as the header's value
	body    []byte           // the offer as JSON, up to the number it ends with
	spread  time.Duration    // the woken fetch within so long, not all at once
	ended   chan struct{}    // closed when the next generation is there
}

// Everybody who was parked fetches next. A tenth of a millisecond each keeps a
// wave of ten thousand within what one server answers in that time, and is not
// felt by one.
const (
	spreadEach = 100 * time.Microsecond
	spreadMax  = 5 * time.Second
)

func newGeneration(r *release.Release, parked int64) (*generation, error) {
	g := &generation{release: r, ended: make(chan struct{})}
	if r == nil {
		return g, nil
	}
	g.id = r.ID.String()
	g.etag = []string{`"` + g.id + `"`}
	g.spread = min(time.Duration(parked)*spreadEach, spreadMax)
	body, err := json.Marshal(protocol.Offer{
		Release: g.id, Revision: r.Revision.String(), Sequence: r.Sequence,
		Created: r.Created, Expires: r.Expires, Reason: protocol.Reason(r.Reason),
	})
	if err != nil {
		return nil, fmt.Errorf("encode offer: %w", err)
	}
	g.body = body[:len(body)-len("0}")] // fetch_after_ms is the last field
	return g, nil
}

// offer is the body of the answer, for one that was woken or came by itself.
func (g *generation) offer(woken bool) []byte {
	var after int64
	if ms := g.spread.Milliseconds(); woken && ms > 0 {
		after = rand.Int64N(ms + 1)
	}
	body := make([]byte, len(g.body), len(g.body)+8)
	copy(body, g.body)
	return append(strconv.AppendInt(body, after, 10), '}')
}

// lines are all that have a release or were ever asked for by a valid token.
type lines struct {
	byName sync.Map // [2]string → *line
	moving sync.Mutex
}

func (ls *lines) get(project, channel string) *line {
	name := [2]string{project, channel}
	if l, ok := ls.byName.Load(name); ok {
		return l.(*line)
	}
	l := &line{project: project, channel: channel}
	l.now.Store(&generation{ended: make(chan struct{})})
	actual, _ := ls.byName.LoadOrStore(name, l)
	return actual.(*line)
}

// move makes a line offer the head of its log and wakes who waits. Calls may
// come in any order: the head is read under the lock, so that the last word is
// the newest.
func (ls *lines) move(l *line, log *release.Log) error {
	ls.moving.Lock()
	defer ls.moving.Unlock()
	head, old := log.Head(l.project, l.channel), l.now.Load()
	if head == nil || (old.release != nil && old.release.ID == head.ID) {
		return nil
	}
	next, err := newGeneration(head, l.parked.Load())
	if err != nil {
		return err
	}
	l.recent.put(next.id, head)
	l.now.Store(next)
	close(old.ended)
	return nil
}
