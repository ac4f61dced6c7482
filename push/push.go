package push

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/anvilpeering/anvil/gitstore"
	"github.com/anvilpeering/anvil/protocol"
	"github.com/anvilpeering/anvil/release"
	"github.com/anvilpeering/anvil/state"
)

// Defaults of [Options].
const (
	DefaultDraftEvery      = time.Second
	DefaultFlushEvery      = 10 * time.Second
	DefaultSweepEvery      = 10 * time.Minute
	DefaultClientsPerToken = 20_000
	DefaultKeep            = 100
)

// How long a silent client is remembered, one whose id was drawn at random and
// any other.
const (
	ephemeralLife = 24 * time.Hour
	clientLife    = 30 * 24 * time.Hour
)

// defaultPoll is how clients pace their checks unless told otherwise.
var defaultPoll = protocol.Poll{WaitMax: int(protocol.WaitMax / time.Second), Min: 60, Max: 120}

// Options of a [Push]. The zero value works, but for Projects.
type Options struct {
	// Projects lists the projects at a revision of the authors' repository.
	// [Push.Tip] needs it; a server that only serves has none.
	Projects func(rev gitstore.Hash) ([]string, error)
	// Rewritten reports whether to does not descend from from, so that the
	// reason of a draft release can say it. nil: never said.
	Rewritten func(from, to gitstore.Hash) bool
	// DraftEvery is the least time between two draft releases of a project.
	DraftEvery time.Duration
	// FlushEvery is how often it is written down who was seen.
	FlushEvery time.Duration
	// SweepEvery is how often releases are renewed and silent clients forgotten.
	SweepEvery time.Duration
	// ClientsPerToken bounds what one token can register.
	ClientsPerToken int
	// Keep is how many acknowledgements of a client are kept.
	Keep int
	// Poll is how clients are told to pace their checks.
	Poll protocol.Poll
	// Now is the clock, nil for the computer's.
	Now func() time.Time
	// Logger is told of what was handled here. nil: silent.
	Logger *slog.Logger
}

// Push is the push server without its doors.
type Push struct {
	state *state.Store
	log   *release.Log
	o     Options
	note  *slog.Logger

	lines       lines
	credentials credentials
	clients     *registry
	registering sync.RWMutex // held for writing while clients are forgotten
	drafts      drafts
	origins     origins
	publishing  sync.Mutex // one publish or renewal at a time, audited in order
}

// Open reads tokens and clients from s, and offers the heads of l. Its errors
// stand alone: the caller says what was opened.
func Open(ctx context.Context, s *state.Store, l *release.Log, o Options) (*Push, error) {
	o.DraftEvery = cmp.Or(o.DraftEvery, DefaultDraftEvery)
	o.FlushEvery = cmp.Or(o.FlushEvery, DefaultFlushEvery)
	o.SweepEvery = cmp.Or(o.SweepEvery, DefaultSweepEvery)
	o.ClientsPerToken = cmp.Or(o.ClientsPerToken, DefaultClientsPerToken)
	o.Keep = cmp.Or(o.Keep, DefaultKeep)
	o.Poll = cmp.Or(o.Poll, defaultPoll)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	p := &Push{state: s, log: l, o: o, note: o.Logger}
	p.drafts.init()
	err := p.load(ctx)
	if err != nil && ctx.Err() != nil {
		return nil, ctx.Err() // in whatever words the database says so
	}
	if err != nil {
		return nil, err
	}
	for _, n := range p.Notices() {
		p.note.Warn(n.Message, "hint", n.Hint)
	}
	return p, nil
}

// load reads what is known already.
func (p *Push) load(ctx context.Context) error {
	tokens, err := p.state.Tokens(ctx)
	if err != nil {
		return err
	}
	if err := p.credentials.load(tokens); err != nil {
		return err
	}
	clients, err := p.state.Clients(ctx)
	if err != nil {
		return err
	}
	p.clients = newRegistry(clients)
	for _, head := range p.log.Heads() {
		if err := p.move(head.Project, head.Channel); err != nil {
			return err
		}
	}
	return p.compareOrigins(ctx, len(tokens))
}

func (p *Push) now() time.Time { return p.o.Now() }

// move offers the newest release of a channel.
func (p *Push) move(project, channel string) error {
	return p.lines.move(p.lines.get(project, channel), p.log)
}

// Run records delayed drafts, renews releases, writes down who was seen, and
// forgets who is silent, until ctx ends; then it writes down what is left.
func (p *Push) Run(ctx context.Context) error {
	// Apart, because drafts wait while a great tip is released.
	drafting := make(chan struct{})
	go func() {
		defer close(drafting)
		p.runDrafts(ctx)
	}()
	defer func() { <-drafting }()

	flush, sweep := time.NewTicker(p.o.FlushEvery), time.NewTicker(p.o.SweepEvery)
	defer flush.Stop()
	defer sweep.Stop()
	p.sweep(ctx)
	for {
		select {
		case <-ctx.Done():
			// The last moments are worth a few seconds at the end.
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			if err := p.flush(ctx); err != nil {
				// Who was seen last is lost, which is no reason for an end in failure.
				p.note.Warn("clients not written down at the end", "error", err)
			}
			return nil
		case <-flush.C:
			if err := p.flush(ctx); err != nil && ctx.Err() == nil {
				p.note.Error("clients not written down", "error", err)
			}
		case <-sweep.C:
			p.sweep(ctx)
		}
	}
}

// runDrafts records delayed drafts until ctx ends.
func (p *Push) runDrafts(ctx context.Context) {
	for {
		due := p.drafts.timer(p.now())
		select {
		case <-ctx.Done():
			due.Stop()
			return
		case <-due.C:
			if err := p.draftDue(ctx); err != nil && ctx.Err() == nil {
				p.note.Error("draft not released", "error", err)
			}
		case <-p.drafts.changed:
		}
		due.Stop()
	}
}

func (p *Push) sweep(ctx context.Context) {
	if err := errors.Join(p.renew(ctx), p.forget(ctx), p.trim(ctx)); err != nil && ctx.Err() == nil {
		p.note.Error("sweep not finished", "error", err)
	}
}
