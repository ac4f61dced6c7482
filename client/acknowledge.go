package client

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/anvilpeering/anvil/protocol"
)

const (
	acksMost  = 64          // waiting; the oldest are dropped
	lastWords = time.Second // that Close gives what is still waiting
)

// acknowledger reports how releases fared, on its own time: nothing waits for it.
type acknowledger struct {
	server *server
	log    *slog.Logger
	wake   chan struct{}

	mu      sync.Mutex
	waiting []protocol.Acknowledgement
}

func newAcknowledger(s *server, log *slog.Logger) *acknowledger {
	return &acknowledger{server: s, log: log, wake: make(chan struct{}, 1)}
}

// add queues an acknowledgement. One of the same release and state that still
// waits is replaced, as the server keeps only the latest.
func (a *acknowledger) add(ack protocol.Acknowledgement) {
	if ack.Release == "" || len(a.server.urls) == 0 {
		return
	}
	if r := []rune(ack.Message); len(r) > 500 {
		ack.Message = string(r[:499]) + "…"
	}
	a.mu.Lock()
	a.waiting = slices.DeleteFunc(a.waiting, func(w protocol.Acknowledgement) bool { return w.Release == ack.Release && w.State == ack.State })
	a.waiting = append(a.waiting, ack)
	a.trim()
	a.mu.Unlock()
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

func (a *acknowledger) trim() {
	if over := len(a.waiting) - acksMost; over > 0 {
		a.waiting = slices.Delete(a.waiting, 0, over)
	}
}

func (a *acknowledger) take() []protocol.Acknowledgement {
	a.mu.Lock()
	defer a.mu.Unlock()
	taken := a.waiting
	a.waiting = nil
	return taken
}

// putBack queues what could not be sent, as the oldest.
func (a *acknowledger) putBack(acks []protocol.Acknowledgement) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.waiting = append(acks, a.waiting...)
	a.trim()
}

// run sends until ctx ends, then once more what still waits.
func (a *acknowledger) run(ctx context.Context) {
	failures := 0
	for {
		select {
		case <-ctx.Done():
			a.lastWords()
			return
		case <-a.wake:
		}
		acks := a.take()
		if len(acks) == 0 {
			continue
		}
		err := a.server.acknowledge(ctx, acks)
		if err == nil {
			failures = 0
			continue
		}
		a.log.Debug("acknowledgement not sent", "error", err)
		if status := answered(err); status != 0 && status < 500 && status != 429 {
			continue // the server does not want it: the next check says what is held
		}
		a.putBack(acks)
		if !sleep(ctx, after(err, failures, backoffMost)) {
			continue // Done has its say above
		}
		failures++
		select {
		case a.wake <- struct{}{}:
		default:
		}
	}
}

func (a *acknowledger) lastWords() {
	acks := a.take()
	if len(acks) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), lastWords)
	defer cancel()
	if err := a.server.acknowledge(ctx, acks); err != nil {
		a.log.Debug("acknowledgement not sent", "error", err)
	}
}
