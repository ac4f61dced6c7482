package client

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/anvilpeering/anvil/protocol"
)

// errInterrupted ends a parked check because someone asks for a Sync.
var errInterrupted = errors.New("interrupted by a sync")

// follower is the loop that keeps the client in step. Its goroutine owns all
// fields but requests, parked and working.
type follower struct {
	client   *Client
	settings *settings
	server   *server
	cache    *cache // nil for none
	acks     *acknowledger
	progress *progress
	log      *slog.Logger

	stream  stream    // with the organisation, once one was accepted or offered
	floor   int64     // highest sequence ever accepted here
	floorID string    // and the manifest that had it
	unkept  *Snapshot // what could not be stored
	damaged string    // the current record of the cache, when it is to be written anew

	registered bool
	poll       protocol.Poll
	unasked    bool     // the next check names nothing held
	failures   int      // in a row
	refusals   refusals // of the release that was last refused
	calm       calm     // the last answer that was in order

	requests chan chan error
	parked   atomic.Pointer[context.CancelCauseFunc]
	working  atomic.Bool // a bundle has arrived and is being checked
}

// calm is a "stay", zero when a release was taken.
type calm struct {
	stayed   bool
	asked    time.Duration // how long the server was to hold the question
	took     time.Duration
	held     bool // and it says that it did
	nextPoll time.Duration
}

// refusals remembers a release that was refused, so that it is not fetched again
// at each check.
type refusals struct {
	last  *Refusal
	count int
	until time.Time
}

// run follows until ctx ends. A frozen client only answers Sync.
func (f *follower) run(ctx context.Context, delay time.Duration) {
	for {
		asked, ok := f.rest(ctx, delay)
		if !ok {
			return
		}
		var err error
		if len(asked) > 0 {
			err = f.once(ctx, false)
		} else {
			err = f.once(ctx, true)
		}
		for _, done := range asked {
			done <- err
		}
		if ctx.Err() != nil {
			return
		}
		delay = f.pace(err)
	}
}

// rest waits until the next check is due or a Sync is asked for.
func (f *follower) rest(ctx context.Context, delay time.Duration) (asked []chan error, ok bool) {
	var due <-chan time.Time
	if !f.settings.Frozen {
		f.progress.pause(time.Now().Add(delay))
		timer := time.NewTimer(delay)
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-ctx.Done():
		return nil, false
	case first := <-f.requests:
		asked = append(asked, first)
	case <-due:
	}
	for {
		select {
		case more := <-f.requests:
			asked = append(asked, more)
		default:
			f.progress.pause(time.Time{})
			return asked, ctx.Err() == nil
		}
	}
}

// once asks the server what there is and takes it. In the background the server
// may hold the question, and what it asks for to spread load is done.
func (f *follower) once(ctx context.Context, background bool) (err error) {
	defer func() {
		if err != nil && !errors.Is(err, errInterrupted) && ctx.Err() == nil {
			f.progress.failed(err)
		}
	}()
	f.calm = calm{}
	if !f.registered {
		if err := f.register(ctx); err != nil {
			return err
		}
	}
	held, snap := "", f.client.snapshot.Load()
	if snap != nil && !f.unasked {
		held = snap.release
	}
	// The first question after a start or a failure is to be answered at once, so
	// that Status knows soon.
	wait := time.Duration(0)
	if background && held != "" && f.failures == 0 && f.progress.isInStep() {
		wait = f.longest()
	}
	began := time.Now()
	got, err := f.check(ctx, held, wait)
	if err != nil {
		return err
	}
	f.unasked = false
	if got.offer == nil || snap != nil && got.offer.Release == snap.release {
		f.calm = calm{stayed: true, asked: wait, took: time.Since(began), held: got.waited, nextPoll: got.nextPoll}
		f.confirm(snap)
		return nil
	}
	if r := f.refusals.last; r != nil && r.Release == got.offer.Release && background && time.Now().Before(f.refusals.until) {
		return r
	}
	if background && snap != nil {
		spread := time.Duration(min(got.offer.FetchAfter, 60_000)) * time.Millisecond
		if !sleep(ctx, spread) {
			return ctx.Err()
		}
	}
	return f.take(ctx, got.offer)
}

// check asks, and lets a Sync end the wait.
func (f *follower) check(ctx context.Context, held string, wait time.Duration) (*checked, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if wait > 0 {
		// Park first, then look: a Sync that comes in between finds the one or is
		// found by the other.
		f.parked.Store(&cancel)
		defer f.parked.Store(nil)
		if len(f.requests) > 0 {
			return nil, errInterrupted
		}
	}
	got, err := f.server.check(ctx, held, wait)
	if err != nil && context.Cause(ctx) == errInterrupted {
		return nil, errInterrupted
	}
	return got, err
}

func (f *follower) register(ctx context.Context) error {
	r := protocol.Registration{
		ClientID: f.server.id, App: f.settings.App, Labels: f.settings.Labels,
		Protocol: []int{protocol.Version}, Modes: []protocol.Mode{protocol.ModeDelta, protocol.ModeFull},
		Ephemeral: f.progress.isEphemeral(),
	}
	if snap := f.client.snapshot.Load(); snap != nil && snap.release != "" {
		r.Held = &protocol.Held{Release: snap.release, Revision: snap.Revision(), Sequence: snap.Sequence()}
	}
	got, err := f.server.register(ctx, r)
	if err != nil {
		return err
	}
	offered, err := parseStream(got.Stream)
	if err != nil {
		return fmt.Errorf("register: %w (%w)", err, errStream)
	}
	accepted := f.stream
	if f.floor == 0 {
		accepted.organisation = "" // what a server said before is not held against the next one
	}
	if err := accepted.follows(offered); err != nil {
		return fmt.Errorf("register: %w", err)
	}
	// The organisation is the server's word until a release signed for it was
	// accepted; expect asks for exactly this identity.
	f.stream, f.poll, f.registered = offered, got.Poll, true
	return nil
}

// confirm notes that the channel still offers what is held.
func (f *follower) confirm(snap *Snapshot) {
	if snap == nil {
		return
	}
	now := time.Now()
	snap.confirmed.Store(now.UnixNano())
	if f.unkept == snap {
		f.keep(snap)
	}
	if f.cache != nil {
		f.cache.touch(now)
	}
	f.progress.inStep()
}

// pace says how long to rest after what happened.
func (f *follower) pace(err error) time.Duration {
	if err == nil {
		f.failures, f.refusals = 0, refusals{}
		return f.paceCalm()
	}
	if errors.Is(err, errInterrupted) {
		return 0
	}
	failures := f.failures
	f.failures++
	var r *Refusal
	switch {
	case errors.As(err, &r) && r.Code != protocol.CodeMachine:
		return f.paceRefused(r, failures)
	case lasting(err):
		f.unasked = true // the first question afterwards is unconditional
		f.registered = f.registered && errors.Is(err, ErrDenied)
		if failures == 0 {
			f.log.Error("server refuses this client, "+f.standing("serving on and asking rarely"), "error", err, advice(err))
		}
		return max(after(err, 0, 0), jitter(hibernation, 2*hibernation))
	case answered(err) == http.StatusGone:
		f.registered = false
		if failures == 0 {
			return 0
		}
	case answered(err) == http.StatusNotFound && r == nil:
		if failures == 0 {
			f.log.Info("channel offers nothing yet", advice(err))
		}
		return after(err, failures, backoffWaiting)
	}
	if failures == 0 {
		f.log.Warn("not in step with the server, "+f.standing("serving on"), "error", err, advice(err))
	}
	return after(err, failures, backoffMost)
}

// standing says what goes on meanwhile, which is nothing before the first release.
func (f *follower) standing(serving string) string {
	if f.client.snapshot.Load() == nil {
		return "nothing to serve yet"
	}
	return serving
}

// paceCalm is the rest after an answer that was in order.
func (f *follower) paceCalm() time.Duration {
	c := f.calm
	switch {
	case c.nextPoll > 0:
		return jitter(c.nextPoll, c.nextPoll+c.nextPoll/10)
	case f.longest() == 0 && c.stayed, c.asked > 0 && !c.held && c.took < c.asked/2:
		// The server does not hold questions: poll.
		shortest, longest := pollShortest, seconds(f.poll.Max, pollMost)
		if f.poll.Min > 0 {
			shortest = seconds(f.poll.Min, pollMost)
		}
		return jitter(shortest, max(2*shortest, longest))
	case c.asked > 0 && c.took < time.Second:
		return jitter(500*time.Millisecond, 1500*time.Millisecond)
	}
	return 0 // ask on: after a release whether there is another
}

// longest is how long the server may hold a question.
func (f *follower) longest() time.Duration {
	return seconds(f.poll.WaitMax, protocol.WaitMax)
}

// paceRefused asks soon again, as the next release may mend it, but fetches the
// same one rarely.
func (f *follower) paceRefused(r *Refusal, failures int) time.Duration {
	if f.refusals.last == nil || f.refusals.last.Release != r.Release {
		f.refusals = refusals{}
	}
	if now := time.Now(); f.refusals.last == nil || !now.Before(f.refusals.until) {
		if f.refusals.count == 0 {
			f.log.Error("release refused, "+f.standing("serving the one before"), "release", short(r.Release), "revision", short(r.Revision),
				"code", r.Code, "error", r.Err, advice(r))
		}
		f.refusals = refusals{last: r, count: f.refusals.count + 1, until: now.Add(backoff(f.refusals.count, backoffMost))}
	}
	return backoff(failures, backoffWaiting)
}
