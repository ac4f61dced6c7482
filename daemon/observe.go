package daemon

import (
	"maps"
	"path"
	"time"

	"github.com/anvilpeering/anvil/gitstore"
)

// known is what a file was found to be at the last look.
type known struct {
	stat stat
	hash gitstore.Hash
}

// again is a file to be looked at again, since it was moving.
type again struct {
	stat   stat
	source string // of the first look
}

// look captures what is due: the hinted names, or everything.
func (d *Daemon) look(now time.Time) {
	names := d.hints.names
	if d.hints.rebuild != "" {
		d.rewatch(now)
	}
	blind := d.blind()
	wanted := !d.scanAt.IsZero() && due(d.scanAt, now)
	d.settle.reset()
	d.hints = hints{}
	switch restless := d.started && d.quiet.After(now); {
	case restless && blind:
		// What a file holds until git stands still tells what it was edited
		// from, so nothing is overlooked meanwhile.
		d.scan(now, names)
		d.scanAt = d.quiet
		return
	case restless && wanted:
		d.scanAt = d.quiet
	case blind || wanted:
		d.scan(now, names)
		d.forget()
		return
	}
	for path := range names {
		if own(path) || d.belongs(path) {
			d.observe(path, now, sourceWatch)
		}
	}
}

// blind reports whether no event tells where to look.
func (d *Daemon) blind() bool { return d.hints.all || d.polling != "" }

// scan walks the folder. hinted are the names that events gave.
func (d *Daemon) scan(now time.Time, hinted map[string]struct{}) {
	w, err := walk(d.root, d.isProject)
	if err != nil {
		d.unavailable("the folder cannot be read: " + err.Error())
		d.scanAt = now.Add(d.o.RootCheck)
		return
	}
	source := sourceScan
	switch {
	case !d.scanned:
		source = sourceStartup
	case d.periodic:
		defer d.countMissed(maps.Clone(d.delta), hinted)
	}
	deep := !now.Before(d.deepAt)
	if deep {
		d.deepAt = now.Add(deepRescan)
	}
	d.scanAt, d.periodic, d.scanned = time.Time{}, false, true
	d.rescanAt = now.Add(rescan)
	d.lastScan = now

	for path, info := range w.files {
		if k, ok := d.files[path]; ok && !deep && info.Mode().IsRegular() && k.stat == statOf(info) && info.ModTime().Before(now) {
			e := d.delta[path]
			switch {
			case e == nil && k.hash == d.blobs[path]:
				continue
			case e != nil && e.got.is == present && e.got.stat == k.stat && k.hash != d.blobs[path]:
				continue
			}
		}
		d.observe(path, now, source)
	}
	for path := range d.blobs {
		if _, ok := w.files[path]; !ok && own(path) && w.covers(path) {
			d.observe(path, now, source)
		}
	}
	for path, e := range maps.Clone(d.delta) {
		if _, ok := w.files[path]; !ok && w.covers(path) {
			d.observe(path, now, source)
		}
		if e.converted != nil { // what says so is not watched
			e.converted, d.judgeAt = nil, now
		}
	}
}

// forget drops what was remembered for files that differ, after a walk: they
// are in the delta now, or do not differ, or are still moving.
func (d *Daemon) forget() {
	for path := range d.moved {
		if _, moving := d.retry[path]; !moving {
			delete(d.moved, path)
			d.unsaved = true
		}
	}
	for path, j := range d.lastEdits {
		if _, moving := d.retry[path]; moving {
			continue
		}
		if j.Moved && d.delta[path] == nil {
			d.parked[path] = &entry{path: path, base: j.Base, seen: j.Seen, moved: true}
		}
		delete(d.lastEdits, path)
		d.unsaved = true
	}
}

// countMissed counts what a periodic walk found that events had not named.
func (d *Daemon) countMissed(before map[string]*entry, hinted map[string]struct{}) {
	d.gather(time.Now()) // an event may have come during the walk
	for path := range d.delta {
		_, named := hinted[path]
		_, coming := d.hints.names[path]
		if before[path] == nil && !named && !coming && !d.hints.all {
			d.missed++
		}
	}
}

// observe looks at one path and keeps the delta right for it.
func (d *Daemon) observe(path string, now time.Time, source string) {
	if !watched(path) {
		return
	}
	e := d.delta[path]
	var before *stat
	if r, ok := d.retry[path]; ok {
		before, source = &r.stat, r.source
	}
	delete(d.retry, path)
	got := capture(d.root, path, minAge, before)
	if info, err := lstat(d.root, path); got.is == unfit && stray(path) && (err != nil || !info.Mode().IsRegular()) {
		got = captured{is: missing} // only files are misnamed
	}
	switch got.is {
	case moving:
		d.retry[path] = again{got.stat, source}
		d.retryAt = now.Add(minAge)
		return
	case present:
		d.files[path] = known{got.stat, got.hash}
	case missing, unfit:
		delete(d.files, path)
	}
	head := d.blobs[path]
	if got.is == present && got.hash == head || got.is == missing && head.IsZero() || d.ofNoConcern(path, got) {
		if e != nil {
			delete(d.delta, path)
			if e.moved {
				d.parked[path] = e
			}
			d.judgeAt, d.unsaved = now, true
		}
		return
	}
	now = time.Now() // a long walk may have begun a while ago
	if e == nil {
		e = &entry{path: path, since: now, changed: now, source: source}
		if p := d.parked[path]; p != nil && p.had(got.hash) {
			// The text that was held is back, say from a stash.
			e.base, e.seen, e.moved = p.base, p.seen, true
		} else {
			d.begin(e)
		}
		delete(d.parked, path)
		d.delta[path] = e
	} else if e.got.is != got.is || e.got.hash != got.hash || e.got.reason != got.reason {
		e.changed, e.source, e.converted = now, source, nil
	}
	e.got = got
	if got.is == present {
		e.saw(got.hash)
	}
	d.judgeAt, d.unsaved = now, true
}

// ofNoConcern reports whether git would not look at a file: it was told to leave
// it alone (a sparse checkout, say), or the file is new and ignored.
func (d *Daemon) ofNoConcern(path string, got captured) bool {
	if d.local[path] {
		return true
	}
	if _, tracked := d.index[path]; tracked || got.is == missing || !d.blobs[path].IsZero() {
		return false
	}
	full := path
	if prefix := d.o.Library.Prefix(); prefix != "" {
		full = prefix + "/" + path
	}
	ignored, err := d.o.Repo.Ignored(full)
	if err != nil {
		d.o.Logger.Warn("cannot tell whether a file is ignored, taking it as not", "path", path, "error", err)
	}
	return ignored
}

// begin says what a file that begins to differ was edited from: what the
// last run remembered; else the blob before the tip moved under it; else what is
// committed. At the start, when the tip may have moved while nobody watched, it
// is what git last checked out, if that was ever committed; other content of
// the index is what the user staged.
func (d *Daemon) begin(e *entry) {
	e.base = d.blobs[e.path]
	if j, ok := d.lastEdits[e.path]; ok {
		e.base, e.seen, e.moved = j.Base, j.Seen, j.Moved
		for _, hash := range j.Seen {
			if e.before == nil {
				e.before = make(map[gitstore.Hash]bool)
			}
			e.before[hash] = true
		}
	} else if base, ok := d.moved[e.path]; ok {
		e.base = base
	} else if index := d.index[e.path]; e.source == sourceStartup && index != e.base &&
		(index.IsZero() || d.wasCommitted(e.path, index)) {
		e.base = index
	}
}

// wasCommitted reports whether blob was the content of path in one of the last
// commits that touched it.
func (d *Daemon) wasCommitted(p string, blob gitstore.Hash) bool {
	const looked = 100
	p = path.Join(d.o.Library.Prefix(), p)
	n := 0
	for commit, err := range d.o.Repo.Log(d.tip, p) {
		if err != nil || n == looked {
			return false
		}
		n++
		for entry, err := range d.o.Repo.Walk(commit.Hash, path.Dir(p)) {
			if err != nil {
				break
			}
			if entry.Path == p && entry.Hash == blob {
				return true
			}
		}
	}
	return false
}
