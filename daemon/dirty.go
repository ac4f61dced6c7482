package daemon

import "sync"

// maxNames is how many names the dirty set keeps before "everything" is the
// shorter thing to say.
const maxNames = 4096

// hints is what the watcher saw since the loop looked last. None of it is
// believed: it only says where to look.
type hints struct {
	names   map[string]struct{} // paths in the organisation
	events  int                 // how many events there were, repeats included
	all     bool                // look everywhere
	rebuild string              // why the watch must be built anew; empty: it need not
	git     bool                // something in git's folder changed
}

func (h *hints) merge(other hints) {
	if h.names == nil {
		h.names = make(map[string]struct{})
	}
	for name := range other.names {
		h.names[name] = struct{}{}
	}
	h.events += other.events
	h.all = h.all || other.all
	h.git = h.git || other.git
	if h.rebuild == "" {
		h.rebuild = other.rebuild
	}
}

// dirty collects hints from the goroutine that drains the watcher until the
// loop takes them. Adding never blocks.
type dirty struct {
	signal chan struct{} // holds one token while there is something to take

	mu    sync.Mutex
	hints hints
}

func newDirty() *dirty { return &dirty{signal: make(chan struct{}, 1)} }

// poke wakes the loop.
func (d *dirty) poke() {
	select {
	case d.signal <- struct{}{}:
	default:
	}
}

func (d *dirty) name(path string) {
	d.change(func(h *hints) {
		h.events++
		if h.names == nil {
			h.names = make(map[string]struct{})
		}
		if len(h.names) >= maxNames {
			h.all = true
			return
		}
		h.names[path] = struct{}{}
	})
}

// everything asks for a new watch and a walk, because of why.
func (d *dirty) everything(why string) {
	d.change(func(h *hints) {
		h.events++
		h.all = true
		h.rebuild = why
	})
}

func (d *dirty) git() { d.change(func(h *hints) { h.git = true }) }

func (d *dirty) change(f func(*hints)) {
	d.mu.Lock()
	f(&d.hints)
	d.mu.Unlock()
	d.poke()
}

func (d *dirty) take() hints {
	d.mu.Lock()
	defer d.mu.Unlock()
	h := d.hints
	d.hints = hints{}
	return h
}
