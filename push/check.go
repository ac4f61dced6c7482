package push

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/anvilpeering/anvil/gitstore"
	"github.com/anvilpeering/anvil/protocol"
	"github.com/anvilpeering/anvil/release"
	"github.com/anvilpeering/anvil/state"
)

// CheckRequest is a client's question what is on offer.
type CheckRequest struct {
	Client string          // its id, "" = the token alone counts
	Held   string          // the release that it says to hold, "" = none
	Wait   time.Duration   // hold the request so long while there is nothing new
	Stop   <-chan struct{} // when closed, answer who waits; may be nil
}

// Answer is the answer to a check.
type Answer struct {
	ETag []string // the release on offer as the value of an ETag header, shared; nil to stay
	Body []byte   // a protocol.Offer as JSON; nil to stay
}

// Stay reports whether there is nothing new, or nothing for this client.
func (a Answer) Stay() bool { return a.Body == nil }

// Check says what the token's channel offers. With a Wait it returns when
// something is offered, or says to stay when the time is over, ctx has ended,
// or Stop was closed. [ErrNothing] for a channel without a release,
// [ErrForgotten] for a client that is not registered.
func (p *Push) Check(ctx context.Context, t Token, q CheckRequest) (Answer, error) {
	l, err := p.follows(t)
	if err != nil {
		return Answer{}, err
	}
	c, err := p.known(t, q.Client)
	if err != nil {
		return Answer{}, err
	}
	sequence := p.holds(l, c, q.Held)

	var late <-chan time.Time
	for woken := false; ; woken = true {
		g := l.now.Load()
		switch {
		case g.release == nil && (q.Wait <= 0 || late == nil && q.Held == ""):
			// Somebody who holds nothing is starting, and wants to know why it
			// gets nothing.
			return Answer{}, p.nothing(l.project, l.channel)
		case g.release == nil:
		case g.id != q.Held && g.release.Sequence >= sequence:
			return Answer{ETag: g.etag, Body: g.offer(woken)}, nil
		case q.Wait <= 0:
			return Answer{}, nil
		}
		if late == nil {
			timer := time.NewTimer(spreadWait(min(q.Wait, protocol.WaitMax)))
			defer timer.Stop()
			late = timer.C
			l.parked.Add(1)
			defer l.parked.Add(-1)
		}
		select {
		case <-g.ended:
		case <-late:
			q.Wait = 0
		case <-ctx.Done():
			q.Wait = 0
		case <-q.Stop:
			q.Wait = 0
		case <-t.credential.revoked:
			return Answer{}, &Error{Kind: ErrUnauthenticated, Message: "the token was revoked"}
		}
		if c != nil {
			c.seen.Store(p.now().UnixMilli())
		}
	}
}

// spreadWait ends long waits a little early, each at another moment, so that
// those who were woken together do not come back together for ever.
func spreadWait(wait time.Duration) time.Duration {
	if wait < 10*time.Second {
		return wait
	}
	return wait - rand.N(wait/5)
}

// holds returns the sequence below which the client is offered nothing, and
// notes what it says to hold.
func (p *Push) holds(l *line, c *client, held string) int64 {
	var noted state.Held
	if c != nil {
		noted = *c.held.Load()
	}
	if held == "" || held == noted.Release {
		return noted.Sequence
	}
	r := p.releaseOf(l, held)
	if r == nil {
		return noted.Sequence
	}
	if c != nil {
		c.held.Store(heldOf(r))
	}
	return r.Sequence
}

// releaseOf finds a release of a line, nil when it never was one.
func (p *Push) releaseOf(l *line, id string) *release.Release {
	if r := l.recent.get(id); r != nil {
		return r
	}
	h, err := gitstore.ParseHash(id)
	if err != nil {
		return nil
	}
	r, err := p.log.Find(l.project, l.channel, h)
	if err != nil || r.ID != h {
		return nil
	}
	l.recent.put(id, r)
	return r
}

func heldOf(r *release.Release) *state.Held {
	return &state.Held{Release: r.ID.String(), Revision: r.Revision.String(), Sequence: r.Sequence}
}

func (p *Push) nothing(project, channel string) error {
	if err := p.damaged(project, channel); err != nil {
		return err
	}
	e := &Error{Kind: ErrNothing, Message: fmt.Sprintf("%s offers nothing on %s yet", project, channel)}
	if channel == release.Draft {
		e.Advice = p.whyNoDraft(project, false)
	} else {
		e.Advice = fmt.Sprintf("publish what draft holds: anvil publish %s %s", project, channel)
	}
	return e
}

// damaged says that what a channel offers cannot be read, nil when it can. The
// way out names folders of the server, which are not for everybody.
func (p *Push) damaged(project, channel string) error {
	for _, d := range p.log.Damaged() {
		if d.Project == project && d.Channel == channel {
			return &Error{
				Kind: ErrDamaged, Message: fmt.Sprintf("what %s offers on %s cannot be read", project, channel),
				Advice: "the server's operator finds the way out with anvil status, and in its log",
			}
		}
	}
	return nil
}
