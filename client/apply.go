package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/anvilpeering/anvil/bundle"
	"github.com/anvilpeering/anvil/prompt"
	"github.com/anvilpeering/anvil/protocol"
)

// contentFolder is what the paths of prompts begin with in a bundle.
const contentFolder = "content/"

// take fetches what is offered and makes it the release served. Whatever fails,
// the release before stays.
func (f *follower) take(ctx context.Context, offer *protocol.Offer) error {
	began := time.Now()
	ack := protocol.Acknowledgement{
		ClientID: f.server.id, Release: offer.Release, Revision: offer.Revision,
		State: protocol.StateApplied,
	}
	before := f.client.snapshot.Load()
	if before != nil {
		ack.From = before.release
	}
	defer f.working.Store(false)
	snap, err := f.obtain(ctx, offer, before, &ack)
	ack.TookMS = time.Since(began).Milliseconds()
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err() // closed meanwhile: nothing was wrong with the release
		}
		refusal := &Refusal{Release: offer.Release, Revision: offer.Revision, Sequence: offer.Sequence, Code: code(err), Err: err}
		ack.State, ack.Code, ack.Message = protocol.StateFailed, refusal.Code, err.Error()
		f.acks.add(ack)
		return refusal
	}
	f.log.Info("release applied", "revision", short(snap.Revision()), "release", short(snap.release), "sequence", snap.Sequence(),
		"mode", ack.Mode, "bytes", ack.Bytes, "took", time.Since(began).Round(time.Millisecond))
	f.progress.taken()
	f.client.swap(before, snap)
	ack.Revision = snap.Revision()
	f.acks.add(ack)
	return nil
}

// obtain returns the release offered, verified, compiled, accepted and stored.
func (f *follower) obtain(ctx context.Context, offer *protocol.Offer, before *Snapshot, ack *protocol.Acknowledgement) (*Snapshot, error) {
	b, source, err := f.acquire(ctx, offer, before, ack)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	snap, err := f.prepare(b, before, offer.Release, source, now, now)
	if err != nil {
		return nil, err
	}
	f.stream, f.floor, f.floorID = snap.stream, snap.Sequence(), b.ID()
	f.keep(snap)
	return snap, nil
}

// acquire brings the verified content: from another process of this machine that
// was faster, as a delta, or whole.
func (f *follower) acquire(ctx context.Context, offer *protocol.Offer, before *Snapshot, ack *protocol.Acknowledgement) (*bundle.Bundle, Source, error) {
	if b := f.neighbours(offer.Release); b != nil {
		ack.Mode, ack.Bytes = "", 0
		return b, SourceDisk, nil
	}
	from := ""
	if before != nil {
		if from = before.release; from == "" {
			from = before.Revision()
		}
	}
	b, mode, err := f.fetch(ctx, offer.Release, from, before, ack)
	if err == nil {
		return b, SourceMemory, nil
	}
	if from == "" || ctx.Err() != nil || mode == protocol.ModeFull || unreachable(err) {
		return nil, "", err
	}
	f.log.Warn("delta refused, fetching the full bundle", "release", short(offer.Release), "error", err)
	first := err
	if b, _, err = f.fetch(ctx, offer.Release, "", before, ack); err != nil {
		return nil, "", fmt.Errorf("%w (after a delta was refused: %v)", err, first)
	}
	ack.Message = "delta refused: " + first.Error()
	return b, SourceMemory, nil
}

// fetch gets a release from the server, verified.
func (f *follower) fetch(ctx context.Context, to, from string, before *Snapshot, ack *protocol.Acknowledgement) (*bundle.Bundle, protocol.Mode, error) {
	got, err := f.server.fetch(ctx, to, from, f.allow)
	ack.Mode = got.mode
	var b *bundle.Bundle
	if err == nil {
		b, err = f.open(got, before, ack)
	}
	if errors.Is(err, bundle.ErrTooLarge) {
		err = advise(fmt.Sprintf("releases of more than %d bytes are taken with a higher Options.MaxRelease", f.settings.MaxRelease), []error{err}, "%v", err)
	}
	return b, got.mode, err
}

// unreachable says that no bundle came at all, so that asking for the whole one
// would be the same question again.
func unreachable(err error) bool {
	status := answered(err)
	return status == 401 || status == 403 || status == 410 || status == 429 || status >= 500
}

// open verifies what was fetched.
func (f *follower) open(got *fetched, before *Snapshot, ack *protocol.Acknowledgement) (*bundle.Bundle, error) {
	f.working.Store(true)
	ack.Mode, ack.Bytes = got.mode, ack.Bytes+int64(len(got.body))
	r, size := bytes.NewReader(got.body), int64(len(got.body))
	var b *bundle.Bundle
	var err error
	switch {
	case got.mode == protocol.ModeFull:
		b, err = bundle.Read(r, size, f.expect())
	case before == nil:
		return nil, fmt.Errorf("read delta: nothing is held that it could change: %w", bundle.ErrFormat)
	default:
		b, err = bundle.ReadDelta(r, size, before.bundle, f.expect())
	}
	if err != nil {
		return nil, fmt.Errorf("verify %s bundle: %w", got.mode, err)
	}
	return b, nil
}

// expect is what a new release must satisfy.
func (f *follower) expect() bundle.Expect {
	return bundle.Expect{
		Trust: f.settings.trust, Unverified: f.settings.InsecureSkipVerify,
		Identity: f.stream.String(), NotBefore: f.floor, Held: f.floorID, Now: time.Now(),
		Limits: bundle.Limits{Total: f.settings.MaxRelease},
	}
}

// prepare makes a snapshot of verified content, if it is the stream followed,
// compiles, and the application accepts it.
func (f *follower) prepare(b *bundle.Bundle, before *Snapshot, release string, source Source, accepted, confirmed time.Time) (*Snapshot, error) {
	if b.Manifest.Type != bundle.TypeRelease {
		return nil, fmt.Errorf("open release: it is an %s: %w", b.Manifest.Type, bundle.ErrFormat)
	}
	got, err := parseStream(b.Manifest.Stream)
	if err != nil {
		return nil, fmt.Errorf("open release: %w (%w)", err, bundle.ErrStream)
	}
	if err := f.stream.follows(got); err != nil {
		return nil, fmt.Errorf("open release: %w (%w)", err, bundle.ErrStream)
	}
	tree, err := compile(b, before)
	if err != nil {
		return nil, err
	}
	snap := newSnapshot(b, tree, got, release, source, accepted, confirmed, f.settings.MaxStale)
	if err := f.accept(snap); err != nil {
		return nil, err
	}
	return snap, nil
}

// accept asks the application. One that panics has not accepted.
func (f *follower) accept(s *Snapshot) (err error) {
	if f.settings.Accept == nil {
		return nil
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: Accept panicked: %v", ErrRefused, p)
		}
	}()
	if err := f.settings.Accept(s); err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return nil
}

// compile parses a release, from the one before where they share most files.
func compile(b *bundle.Bundle, before *Snapshot) (*prompt.Tree, error) {
	if before != nil {
		if changes, ok := changed(before.bundle, b); ok {
			if tree := before.tree.With(changes...); problem(tree) == nil {
				return tree, nil
			}
		}
	}
	tree := prompt.Parse(func(yield func(string, []byte) bool) {
		for path := range b.Sums.All() {
			if name, ok := strings.CutPrefix(path, contentFolder); ok && !yield(name, b.Content[path]) {
				return
			}
		}
	}, prompt.Options{CompileOnly: true})
	if err := problem(tree); err != nil {
		return nil, err
	}
	return tree, nil
}

// changed lists what differs between two releases, unless it is most of it.
func changed(from, to *bundle.Bundle) ([]prompt.Change, bool) {
	most := to.Sums.Len() / 2
	var changes []prompt.Change
	for path, h := range to.Sums.All() {
		name, ok := strings.CutPrefix(path, contentFolder)
		if had, same := from.Sums.Lookup(path); !ok || same && had == h {
			continue
		}
		if changes = append(changes, prompt.Change{Path: name, Content: to.Content[path]}); len(changes) > most {
			return nil, false
		}
	}
	for path := range from.Sums.All() {
		name, ok := strings.CutPrefix(path, contentFolder)
		if _, stays := to.Sums.Lookup(path); !ok || stays {
			continue
		}
		if changes = append(changes, prompt.Change{Path: name, Removed: true}); len(changes) > most {
			return nil, false
		}
	}
	return changes, true
}

// compileError is a release with prompts that cannot be rendered.
type compileError struct{ problems []prompt.Problem }

func (e *compileError) Error() string {
	text := fmt.Sprintf("%v: %s", ErrCompile, e.problems[0])
	if more := len(e.problems) - 1; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

func (e *compileError) Unwrap() error { return ErrCompile }
func (e *compileError) Hint() string  { return e.problems[0].Hint }

func problem(tree *prompt.Tree) error {
	var errs []prompt.Problem
	for _, p := range tree.Problems() {
		if p.Level == prompt.Error {
			errs = append(errs, p)
		}
	}
	if len(errs) == 0 {
		return nil
	}
	return &compileError{errs}
}

// keep stores a release in the cache. That it could not is a warning, as the
// release is as good without it; confirm tries again.
func (f *follower) keep(s *Snapshot) {
	if f.cache == nil || s.source == SourceDisk {
		return
	}
	err := f.cache.store(s.bundle, s.release, s.accepted, func(r *record) bool {
		return r.name != f.damaged && f.verifiedSequence(r) >= s.Sequence()
	})
	if err == nil {
		f.unkept = nil
		f.progress.cacheWarning("")
		return
	}
	f.unkept = s
	if f.progress.cacheWarning(fmt.Sprintf("the release served now is not kept on disk: %v", err)) {
		f.log.Warn("release not kept on disk, serving it from memory", "cache", f.settings.folder, "error", err)
	}
}

// verifiedSequence returns the sequence of a record whose manifest was signed for
// this stream by a trusted key, else 0.
func (f *follower) verifiedSequence(r *record) int64 {
	m, err := bundle.ParseManifest(r.raw)
	if err != nil || m.Type != bundle.TypeRelease {
		return 0
	}
	s, err := parseStream(m.Stream)
	if err != nil || f.stream.follows(s) != nil {
		return 0
	}
	if !f.settings.InsecureSkipVerify {
		if _, err := f.settings.trust.Verify(m.Stream, bundle.ManifestNamespace, r.raw, r.signature, r.held.Accepted); err != nil {
			return 0
		}
	}
	return m.Sequence
}

// neighbours returns the release offered when another process has put it into
// the cache meanwhile, nil when it has not.
func (f *follower) neighbours(release string) *bundle.Bundle {
	if f.cache == nil {
		return nil
	}
	unlock, _ := f.cache.lock(false)
	defer unlock()
	name := f.cache.current()
	if name == "" || name == f.cache.valid || name == f.damaged {
		return nil
	}
	r, err := f.cache.read(name)
	if err != nil || r.held.Release != release || f.verifiedSequence(r) == 0 {
		return nil
	}
	content, err := f.cache.content(r)
	if err != nil {
		return nil
	}
	b, err := bundle.Assemble(r.raw, r.signature, r.sums, content, f.expect())
	if err != nil {
		return nil
	}
	f.cache.valid = name
	return b
}
