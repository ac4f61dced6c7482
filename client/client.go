package client

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// Client follows one channel. All its methods may be called concurrently.
type Client struct {
	settings *settings
	log      *slog.Logger
	server   *server
	follower *follower
	acks     *acknowledger
	progress *progress

	snapshot atomic.Pointer[Snapshot]
	changes  chan Change

	cancel context.CancelFunc
	ended  <-chan struct{} // closed by cancel
	done   sync.WaitGroup
	close  sync.Once
}

// Open starts a client. With a verified release on disk or in the binary it
// returns at once and follows in the background; with neither it waits for the
// server as long as [Options.StartTimeout], or as ctx allows, and then fails with
// [ErrOffline]. It fails at once where waiting cannot help: an option is wrong,
// no key is trusted ([ErrUntrusted]), the token is refused ([ErrDenied]), or what
// the channel offers is not signed by a trusted key, does not compile or is
// refused by [Options.Accept]. Its errors say what to do, in their text and alone
// with Hint() string.
//
// ctx bounds the start only.
func Open(ctx context.Context, o Options) (*Client, error) {
	c, err := start(ctx, o)
	if err != nil {
		return nil, spoken(err)
	}
	return c, nil
}

func start(ctx context.Context, o Options) (*Client, error) {
	s, err := settle(o)
	if err != nil {
		return nil, err
	}
	c := &Client{settings: s, log: s.Logger, changes: make(chan Change, 1)}
	c.progress = &progress{warnings: s.warnings}
	c.server = &server{urls: s.urls, token: s.Token, http: s.http, most: s.MaxRelease}
	c.acks = newAcknowledger(c.server, s.Logger)
	c.follower = &follower{
		client: c, settings: s, server: c.server, acks: c.acks, progress: c.progress, log: s.Logger,
		stream: s.stream, requests: make(chan chan error, 16),
	}
	if s.folder != "" {
		c.follower.cache = openCache(s.folder, s.stream)
	}
	c.identify()
	for _, w := range s.warnings {
		c.log.Warn(w)
	}
	snap, failed := c.follower.restore()
	if snap != nil {
		c.snapshot.Store(snap)
	} else if len(s.urls) == 0 {
		return nil, advise("put a release into Options.Embedded, or set ANVIL_URL", []error{ErrOffline, failed}, "open client: %s", because("neither disk nor binary has a release to serve, and there is no server", failed))
	}
	c.run()
	if snap == nil {
		if err := c.awaitFirst(ctx, failed); err != nil {
			_ = c.Close()
			return nil, err
		}
	}
	return c, nil
}

// identify finds the client's id.
func (c *Client) identify() {
	id, ephemeral := c.settings.ClientID, false
	if id == "" && c.follower.cache != nil {
		kept, err := c.follower.cache.clientID()
		if err != nil {
			c.log.Warn("cache not writable, going on without one", "cache", c.settings.folder, "error", err)
			c.progress.cacheWarning(fmt.Sprintf("nothing is kept on disk, the cache cannot be written: %v", err))
		}
		id = kept
	}
	if id == "" {
		id, ephemeral = randomID(), true
	}
	c.server.id = id
	c.progress.with(func(p *progress) { p.id, p.ephemeral = id, ephemeral })
}

func (c *Client) run() {
	ctx, cancel := context.WithCancel(context.Background())
	c.cancel, c.ended = cancel, ctx.Done()
	delay := time.Duration(0)
	if c.snapshot.Load() == nil {
		delay = backoffFirst // Open asks itself
	}
	c.done.Go(func() { c.follower.run(ctx, delay) })
	c.done.Go(func() { c.acks.run(ctx) })
}

// awaitFirst waits for the first release. The timeout is for the server: what has
// arrived in time is checked to the end, however slow the machine.
func (c *Client) awaitFirst(parent context.Context, local error) error {
	ctx, cancel := context.WithTimeout(parent, c.settings.StartTimeout)
	defer cancel()
	for {
		done, err := c.ask(ctx)
		if err == nil {
			err = c.answer(ctx, done)
		}
		if err != nil && ctx.Err() != nil && done != nil && c.follower.working.Load() {
			err = c.answer(parent, done)
		}
		if err == nil {
			return nil
		}
		problem := c.Status().Problem
		if problem == nil || ctx.Err() == nil {
			problem = err
		}
		if lasting(problem) {
			return advise(hint(problem), []error{problem, local}, "open client: %s", because(problem.Error(), local))
		}
		if ctx.Err() != nil || !sleep(ctx, after(problem, 0, firstRetry)) {
			return c.offline(ctx, problem, local)
		}
	}
}

// firstRetry is the longest that Open rests between its attempts, unless the
// server asks for more: an application waits for them.
const firstRetry = 500 * time.Millisecond

func (c *Client) offline(ctx context.Context, problem, local error) error {
	advice := hint(problem)
	if advice == "" {
		advice = fmt.Sprintf("check that %s answers; a release in Options.Embedded or a kept cache folder lets a client start without it", c.server.url())
	}
	causes := []error{ErrOffline, problem, local}
	if err := context.Cause(ctx); errors.Is(err, context.Canceled) {
		causes = append(causes, err)
	}
	return advise(advice, causes, "open client: %s", because(fmt.Sprintf("%v after %s: %v", ErrOffline, c.settings.StartTimeout, problem), local))
}

// because adds what was wrong with the releases at hand.
func because(message string, local error) string {
	if local != nil {
		message += fmt.Sprintf(" (and at the start: %v)", local)
	}
	return message
}

// Close ends following, and gives waiting acknowledgements a second. Snapshots
// stay usable. It may be called more than once.
func (c *Client) Close() error {
	c.close.Do(func() {
		c.cancel()
		c.done.Wait()
		c.progress.with(func(p *progress) { p.closed, p.next = true, time.Time{} })
		close(c.changes)
		if c.settings.ownHTTP {
			c.settings.http.CloseIdleConnections()
		}
	})
	return nil
}

// Sync asks the server now, also during a wait, and takes what it offers. It
// returns nil when the client holds what the channel offers. When ctx ends first,
// what was begun goes on.
func (c *Client) Sync(ctx context.Context) error {
	done, err := c.ask(ctx)
	if err != nil {
		return err
	}
	return c.answer(ctx, done)
}

// ask has the follower ask the server, and returns where it will say how it went.
func (c *Client) ask(ctx context.Context) (<-chan error, error) {
	done := make(chan error, 1)
	select {
	case c.follower.requests <- done:
	case <-c.ended:
		return nil, ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if cancel := c.follower.parked.Load(); cancel != nil {
		(*cancel)(errInterrupted)
	}
	return done, nil
}

func (c *Client) answer(ctx context.Context, done <-chan error) error {
	select {
	case err := <-done:
		if errors.Is(err, context.Canceled) {
			return ErrClosed
		}
		return err
	case <-c.ended:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// swap makes a release visible.
func (c *Client) swap(before, after *Snapshot) {
	c.snapshot.Store(after)
	if before == nil {
		return
	}
	change := Change{Before: before, After: after}
	select {
	case missed := <-c.changes:
		change.Before = missed.Before
	default:
	}
	c.changes <- change // there is room: nobody else sends
}

// Render looks a prompt up in the current snapshot and fills it in. Whoever
// renders several prompts for one piece of work takes a [Client.Snapshot] first.
func (c *Client) Render(address string, args Args) (*Rendered, error) {
	p, err := c.snapshot.Load().Prompt(address)
	if err != nil {
		return nil, err
	}
	return p.Render(args)
}

// Snapshot is the release served now.
func (c *Client) Snapshot() *Snapshot { return c.snapshot.Load() }

// Changes hears of every release that becomes visible after Open. It is for one
// reader and never blocks the client: a reader that is late gets one Change from
// the snapshot it heard of last to the newest. Close closes the channel.
func (c *Client) Changes() <-chan Change { return c.changes }
