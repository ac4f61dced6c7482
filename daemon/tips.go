package daemon

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/anvilpeering/anvil/gitstore"
)

// maxTipRetry is the longest pause before a tip is handed on again.
const maxTipRetry = time.Minute

// tips hands tips to Options.OnTip, one at a time. A tip that comes while
// another is being handed on replaces whichever was waiting.
type tips struct {
	on     func(context.Context, gitstore.Hash) error
	retry  time.Duration
	log    *slog.Logger
	change func() // called after handed or trouble changed

	wake chan struct{}

	mu      sync.Mutex
	want    gitstore.Hash
	waiting bool
	busy    bool // one is being handed on
	trouble string
}

func (t *tips) set(tip gitstore.Hash) {
	t.mu.Lock()
	t.want, t.waiting = tip, true
	t.mu.Unlock()
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// state tells whether every tip was handed on, and what went wrong last.
func (t *tips) state() (handed bool, trouble string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return !t.waiting && !t.busy, t.trouble
}

func (t *tips) run(ctx context.Context) {
	pause := t.retry
	var again <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.wake:
		case <-again:
		}
		t.mu.Lock()
		tip, waiting := t.want, t.waiting
		t.waiting, t.busy = false, waiting
		t.mu.Unlock()
		if !waiting {
			continue
		}
		err := t.on(ctx, tip)
		if ctx.Err() != nil {
			return
		}
		t.mu.Lock()
		t.busy = false
		if err == nil {
			t.trouble = ""
			pause, again = t.retry, nil
		} else {
			t.trouble = "hand on " + tip.Short() + ": " + err.Error()
			t.waiting = true // t.want is this tip or a newer one
			again = time.After(pause)
			pause = min(2*pause, maxTipRetry)
		}
		t.mu.Unlock()
		if err != nil {
			t.log.Warn("tip not handed on, trying again", "tip", tip.Short(), "error", err)
		}
		t.change()
	}
}
