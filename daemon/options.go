package daemon

import (
	"context"
	"log/slog"
	"time"

	"github.com/anvilpeering/anvil/gitstore"
	"github.com/anvilpeering/anvil/library"
)

// What nobody needs to be more or less patient with.
const (
	// minAge is how old a file's modification must be to be believed, since a
	// write within one tick of the clock leaves no trace.
	minAge = 20 * time.Millisecond
	// rescan is the pause between two walks of the folder, deepRescan between
	// two that also read files whose stat did not change.
	rescan     = time.Minute
	deepRescan = time.Hour
	// watchRetry is the first pause before trying to watch a folder again that
	// could not be watched.
	watchRetry = time.Minute
	// patience bounds what is still done when Run's context ends.
	patience = 3 * time.Second
)

// MaxFile is the size in bytes of the largest file that is committed.
const MaxFile = 1 << 20

// Options says what to watch and how patiently. Root, Repo and Library are
// required; a duration that is zero is the one in brackets.
type Options struct {
	// Root is the organisation's folder, an absolute path in Repo's work tree.
	Root string
	// Repo is the repository that Root lies in. The daemon does not close it.
	Repo *gitstore.Repo
	// Library reads the prompts of a revision; its prefix is Root's.
	Library *library.Library

	// Pinned keeps the daemon on the branch that is checked out when it
	// starts: while another one is, it commits nothing and goes on handing
	// on the tip of its own.
	Pinned bool

	// OnTip receives the tip after the first scan and after every change of
	// it, by whomever. Calls never overlap; a tip that was overtaken is
	// skipped; one that fails is tried again with growing pauses.
	OnTip func(ctx context.Context, tip gitstore.Hash) error
	// OnEvent is told of each commit, hold, end of a hold and foreign tip, in
	// order. It is called by the loop and must return quickly.
	OnEvent func(Event)

	// Quiet (30 ms) is how long nothing may happen before a change is looked
	// at; QuietPerEvent (10 ms) is added for each further event, up to QuietMax
	// (750 ms).
	Quiet, QuietPerEvent, QuietMax time.Duration
	// SettleMax (2 s) bounds the wait for quiet: then what stands still is taken.
	SettleMax time.Duration
	// MissingGrace and TornGrace (1 s) are how long a file that vanished, or
	// that became empty or shorter and unreadable, is waited for: editors do
	// both.
	MissingGrace, TornGrace time.Duration
	// GitQuiet (1 s) is how long after a foreign change of HEAD, of the branch
	// or of the index nothing is committed: git releases the index's lock before
	// it moves HEAD.
	GitQuiet time.Duration
	// BusyRecheck (500 ms) is how often git's state is looked at while it is busy.
	BusyRecheck time.Duration
	// RootCheck (2 s) is how often the folder itself is looked at: it may have
	// been replaced, which no watch reports.
	RootCheck time.Duration
	// Poll (2 s) is the pause between two walks while the folder cannot be
	// watched.
	Poll time.Duration
	// TipRetry (1 s) is the first pause before OnTip is tried again.
	TipRetry time.Duration

	// ForcePolling walks the folder every Poll and never watches it, for file
	// systems whose events are known to be missing.
	ForcePolling bool

	Logger *slog.Logger
}

func (o Options) withDefaults() Options {
	for _, d := range []struct {
		value *time.Duration
		or    time.Duration
	}{
		{&o.Quiet, 30 * time.Millisecond},
		{&o.QuietPerEvent, 10 * time.Millisecond},
		{&o.QuietMax, 750 * time.Millisecond},
		{&o.SettleMax, 2 * time.Second},
		{&o.MissingGrace, time.Second},
		{&o.TornGrace, time.Second},
		{&o.GitQuiet, time.Second},
		{&o.BusyRecheck, 500 * time.Millisecond},
		{&o.RootCheck, 2 * time.Second},
		{&o.Poll, 2 * time.Second},
		{&o.TipRetry, time.Second},
	} {
		if *d.value <= 0 {
			*d.value = d.or
		}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.OnTip == nil {
		o.OnTip = func(context.Context, gitstore.Hash) error { return nil }
	}
	if o.OnEvent == nil {
		o.OnEvent = func(Event) {}
	}
	return o
}
