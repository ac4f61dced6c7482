package daemon

import (
	"maps"
	"os"
	"slices"
	"time"

	"github.com/anvilpeering/anvil/gitstore"
)

// known is what a file was found to be at the last look.
type known struct {
	stat stat
	hash gitstore.Hash
}

// look captures what is due: the hinted names, or everything.
func (d *Daemon) look(now time.Time) {
	names := d.hints.names
	if d.hints.rebuild != "" {
		d.rewatch(now)
	}
	everything := d.hints.all || !d.scanAt.IsZero() && !now.Before(d.scanAt)
	d.settle.reset()
	d.hints = hints{}
	if everything {
		if d.started && d.quiet.After(now) {
			// The folder is looked at as soon as git stands still. Until then
			// only what events named is, so that nothing the file held in the
			// meantime goes unnoticed.
			d.scanAt = d.quiet
		} else {
			d.scan(now, names)
			d.moved = nil
			return
		}
	}
	for path := range names {
		d.observe(path, now, sourceWatch)
	}
}

// scan walks the folder. hinted are the names that events gave.
func (d *Daemon) scan(now time.Time, hinted map[string]struct{}) {
	w, err := walk(d.root)
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
		defer d.countMissed(slices.Collect(maps.Keys(d.delta)), hinted)
	}
	deep := !now.Before(d.deepAt)
	if deep {
		d.deepAt = now.Add(d.o.DeepRescan)
	}
	d.scanAt, d.periodic, d.scanned = time.Time{}, false, true
	d.rescanAt = now.Add(d.o.Rescan)
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
	for path := range d.delta {
		if _, ok := w.files[path]; !ok && w.covers(path) {
			d.observe(path, now, source)
		}
	}
	d.journal = nil // what it remembered is in the delta now, or settled
}

// countMissed counts what a periodic walk found that events had not named.
func (d *Daemon) countMissed(before []string, hinted map[string]struct{}) {
	for path := range d.delta {
		if _, ok := hinted[path]; !ok && !slices.Contains(before, path) {
			d.missed++
		}
	}
}

// observe looks at one path and keeps the delta right for it.
func (d *Daemon) observe(path string, now time.Time, source string) {
	if !own(path) {
		return
	}
	e := d.delta[path]
	var before *stat
	if s, ok := d.retry[path]; ok {
		before = &s
	}
	delete(d.retry, path)
	got := capture(d.root, path, d.o.MinAge, before)
	switch got.is {
	case moving:
		d.retry[path] = got.stat
		d.retryAt = now.Add(d.o.MinAge)
		return
	case present:
		d.files[path] = known{got.stat, got.hash}
	case missing, unfit:
		delete(d.files, path)
	}
	head := d.blobs[path]
	if got.is == present && got.hash == head || got.is == missing && head.IsZero() {
		if e != nil {
			delete(d.delta, path)
			d.judgeAt, d.unsaved = now, true
		}
		return
	}
	if e == nil {
		e = &entry{path: path, since: now, changed: now, source: source}
		e.base, e.seen = d.begin(path, source)
		d.delta[path] = e
	} else if e.got.is != got.is || e.got.hash != got.hash || e.got.reason != got.reason {
		e.changed, e.source = now, source
	}
	e.got = got
	if got.is == present {
		e.saw(got.hash)
	}
	d.judgeAt, d.unsaved = now, true
}

// begin says what a file that begins to differ was edited from: what the
// journal remembers; else the blob before the tip moved under it; else, at the
// start, what git last checked out or the user staged; else what is committed.
func (d *Daemon) begin(path, source string) (base gitstore.Hash, seen []gitstore.Hash) {
	if j, ok := d.journal[path]; ok {
		return j.Base, j.Seen
	}
	if base, ok := d.moved[path]; ok {
		return base, nil
	}
	if source == sourceStartup {
		return d.index[path], nil
	}
	return d.blobs[path], nil
}

// checkRoot sees whether the folder is there, and whether it is still the same.
func (d *Daemon) checkRoot(now time.Time) {
	d.rootAt = now.Add(d.o.RootCheck)
	info, err := os.Lstat(d.root)
	switch {
	case err != nil:
		d.unavailable("the folder is missing")
		d.rootInfo = nil
	case !info.IsDir():
		d.unavailable("the folder " + describe(info.Mode()))
		d.rootInfo = nil
	case d.rootInfo == nil || !os.SameFile(d.rootInfo, info):
		if d.rootInfo == nil || d.scanned {
			d.hints.merge(hints{all: true, rebuild: "the folder was replaced"})
			d.scanAt = now
		}
		d.rootInfo = info
		d.gone = ""
	default:
		d.gone = ""
	}
}

func (d *Daemon) unavailable(why string) { d.gone = why }
