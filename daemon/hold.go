package daemon

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"
)

// ErrNotHeld: Accept was asked for a path that is not held. It has a Hint.
var ErrNotHeld = errors.New("is not held")

// notHeldError is an ErrNotHeld for a path.
type notHeldError struct{ path string }

func (e *notHeldError) Error() string { return e.path + " " + ErrNotHeld.Error() }
func (e *notHeldError) Unwrap() error { return ErrNotHeld }

// Hint says where to look.
func (e *notHeldError) Hint() string { return "anvil status lists what is held" }

// ErrStopped: the daemon does not run any more.
var ErrStopped = errors.New("the daemon has stopped")

// AcceptError says why a hold cannot be accepted.
type AcceptError struct {
	Hold Hold
}

func (e *AcceptError) Error() string {
	return fmt.Sprintf("%s cannot be accepted as it stands: %s", e.Hold.Path, e.Hold.Reason)
}

// Hint says what ends the hold instead.
func (e *AcceptError) Hint() string { return e.Hold.Hint }

// hold makes the judgement's holds the current ones and tells of the
// differences. A file that is waiting, or was to be committed and could not be,
// stays held.
func (d *Daemon) hold(now time.Time, out judgement) {
	for _, key := range slices.Sorted(maps.Keys(out.holds)) {
		h := out.holds[key]
		old, was := d.holds[key]
		if was {
			h.Since = old.Since
			out.holds[key] = h
		}
		if !was || old.Kind != h.Kind || old.Reason != h.Reason {
			d.o.Logger.Info("held", "path", h.Path, "kind", h.Kind, "reason", h.Reason)
			d.o.OnEvent(Event{Kind: EventHeld, Paths: []string{h.Path}, Hold: &h, Time: now})
		}
	}
	for _, key := range slices.Sorted(maps.Keys(d.holds)) {
		if _, still := out.holds[key]; still {
			continue
		}
		h := d.holds[key]
		if _, open := d.delta[key]; open && d.belongs(key) {
			out.holds[key], out.held[key] = h, true
			continue
		}
		d.o.Logger.Info("mended", "path", h.Path, "kind", h.Kind)
		d.o.OnEvent(Event{Kind: EventMended, Paths: []string{h.Path}, Hold: &h, Time: now})
	}
	for path := range out.held {
		if e := d.delta[path]; e != nil {
			e.held = e.got.hash
		}
	}
	d.holds, d.heldPaths = out.holds, out.held
}

// noteMoved remembers what moved entries were edited from.
func (d *Daemon) noteMoved(entries []movedEntry) {
	for _, m := range entries {
		d.unsaved = d.unsaved || !m.moved || m.base != m.from
		m.moved, m.base = true, m.from
	}
}

// Accept says that what is held at a path is right as it stands: a file of kind
// moved, or a deletion. The path of a project or set accepts whatever can be
// accepted in it. It returns before the commit; nil means that the next round
// no longer holds it for this reason. A path that is not held is [ErrNotHeld],
// one whose hold has another remedy an [AcceptError]. When ctx ends first, its
// cause is returned, and the path is accepted later or not at all.
func (d *Daemon) Accept(ctx context.Context, path string) error {
	r := request{path: path, done: make(chan error, 1)}
	select {
	case d.requests <- r:
	case <-d.over:
		return ErrStopped
	case <-ctx.Done():
		return fmt.Errorf("accept %s: %w", path, context.Cause(ctx))
	}
	select {
	case err := <-r.done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("accept %s: %w", path, context.Cause(ctx))
	}
}

func (d *Daemon) accept(asked string) error {
	name := path.Clean(strings.TrimSuffix(asked, "/"))
	var accepted bool
	var refused *AcceptError
	for key, h := range d.holds {
		// A project's hold stands for each of its deletions.
		if key != name && !strings.HasPrefix(key, name+"/") && (h.Path != project(name) || project(name) == "") {
			continue
		}
		switch h.Kind {
		case HeldMoved, HeldDeletion:
			accepted = true
			d.acceptHold(h, name)
		default:
			if refused == nil || h.Path < refused.Hold.Path {
				refused = &AcceptError{Hold: h}
			}
		}
	}
	switch {
	case accepted:
		d.judgeAt, d.unsaved = time.Now(), true
		return nil
	case refused != nil:
		return refused
	}
	return &notHeldError{asked}
}

func (d *Daemon) acceptHold(h Hold, name string) {
	if e, ok := d.delta[h.Path]; ok {
		e.accept(d.blobs[h.Path])
		delete(d.older, h.Path)
		return
	}
	for p, e := range d.delta {
		inside := p == name || strings.HasPrefix(p, name+"/")
		if inside && project(p) == h.Path && e.got.is == missing {
			e.accept(d.blobs[p])
		}
	}
}

// request is a call of Accept on its way to the loop.
type request struct {
	path string
	done chan error
}
