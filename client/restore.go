package client

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/anvilpeering/anvil/bundle"
	"github.com/anvilpeering/anvil/protocol"
)

// candidate is a release that the client could start with.
type candidate struct {
	source   Source
	sequence int64 // as its name or manifest claims
	restore  func() (*Snapshot, error)
}

// candidates lists them, highest sequence first. An embedded file system without
// a release in it is a mistake in the program, so an error.
func (f *follower) candidates() ([]candidate, error) {
	var all []candidate
	if f.cache != nil {
		names, err := f.cache.records()
		if err != nil {
			f.log.Warn("cache not read", "cache", f.settings.folder, "error", err)
			f.progress.cacheWarning(fmt.Sprintf("the cache cannot be read: %v", err))
		}
		for _, name := range names {
			all = append(all, candidate{SourceDisk, sequenceOf(name), func() (*Snapshot, error) { return f.restoreRecord(name) }})
		}
	}
	if f.settings.Embedded != nil {
		e, err := findEmbedded(f.settings.Embedded)
		if err != nil {
			return nil, err
		}
		all = append(all, candidate{SourceEmbedded, e.manifest.Sequence, func() (*Snapshot, error) { return f.restoreEmbedded(e) }})
	}
	slices.SortStableFunc(all, func(a, b candidate) int { return cmp.Compare(b.sequence, a.sequence) })
	return all, nil
}

// restore finds what to start with: of the cache and the binary the highest
// sequence that is verified and accepted.
func (f *follower) restore() (*Snapshot, error) {
	candidates, err := f.candidates()
	if err != nil {
		return nil, err
	}
	var failures []error
	for _, c := range candidates {
		snap, err := c.restore()
		if err == nil {
			f.stream = snap.stream
			if snap.Sequence() >= f.floor {
				f.floor, f.floorID = snap.Sequence(), snap.ID()
			}
			return snap, nil
		}
		f.log.Warn("release not usable at the start", "source", c.source, "error", err)
		failures = append(failures, fmt.Errorf("%s: %w", c.source, err))
	}
	return nil, errors.Join(failures...)
}

// restoreRecord verifies a cached release as of its acceptance: a key that has
// run out since does not take it away, one that was removed does.
func (f *follower) restoreRecord(name string) (*Snapshot, error) {
	r, content, err := f.readRecord(name)
	if r != nil {
		f.recall(r)
	}
	if err != nil {
		f.damage(name)
		return nil, err
	}
	b, err := bundle.Assemble(r.raw, r.signature, r.sums, content, f.expectHeld(r.held.Accepted))
	if err != nil {
		f.damage(name)
		return nil, fmt.Errorf("verify cached release: %w", err)
	}
	confirmed := r.held.Accepted
	if r.confirmed.After(confirmed) {
		confirmed = r.confirmed
	}
	snap, err := f.prepare(b, nil, r.held.Release, SourceDisk, r.held.Accepted, confirmed)
	if err != nil {
		f.acks.add(protocol.Acknowledgement{
			ClientID: f.server.id, Release: r.held.Release, Revision: b.Manifest.Revision,
			State: protocol.StateFailed, Code: code(err), Message: err.Error(),
		})
		return nil, err
	}
	if name == f.cache.current() {
		f.cache.valid = name
	}
	return snap, nil
}

// readRecord reads a cached release, as far as it can be.
func (f *follower) readRecord(name string) (*record, map[string][]byte, error) {
	unlock, _ := f.cache.lock(false)
	defer unlock()
	r, err := f.cache.read(name)
	if err != nil {
		return nil, nil, err
	}
	if f.verifiedSequence(r) == 0 {
		return r, nil, nil // not even read for a stranger; Assemble says what is wrong with it
	}
	content, err := f.cache.content(r)
	return r, content, err
}

// recall takes from a record's manifest, if it was signed by a trusted key, what
// holds whatever became of the files: nothing older is taken any more, and no
// other organisation.
func (f *follower) recall(r *record) {
	n := f.verifiedSequence(r)
	if n <= f.floor {
		return
	}
	f.floor, f.floorID = n, bundle.ManifestID(r.raw)
	if m, err := bundle.ParseManifest(r.raw); err == nil {
		f.stream, _ = parseStream(m.Stream)
	}
}

// damage remembers that the current record has to be written anew.
func (f *follower) damage(name string) {
	if name == f.cache.current() {
		f.damaged = name
	}
}

// restoreEmbedded verifies the release in the binary as of its signing: who could
// alter the binary could alter more than that.
func (f *follower) restoreEmbedded(e *embedded) (*Snapshot, error) {
	b, err := e.open(f.expectHeld(e.manifest.Created))
	if err != nil {
		return nil, fmt.Errorf("verify embedded release: %w", err)
	}
	return f.prepare(b, nil, "", SourceEmbedded, b.Manifest.Created, b.Manifest.Created)
}

// expectHeld is what content that was accepted before must satisfy.
func (f *follower) expectHeld(accepted time.Time) bundle.Expect {
	e := bundle.Expect{
		Trust: f.settings.trust, Unverified: f.settings.InsecureSkipVerify,
		Now: time.Now(), Accepted: accepted, AllowExpired: true,
	}
	if f.stream.organisation != "" {
		e.Identity = f.stream.String()
	}
	return e
}
