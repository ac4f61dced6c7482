package release

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"

	"github.com/anvilpeering/anvil/bundle"
	"github.com/anvilpeering/anvil/gitstore"
)

// How the content of an [Artefact] travels: protocol's modes.
const (
	ModeFull  = "full"
	ModeDelta = "delta"
)

// Why an [Artefact] is the full bundle though a delta was asked for: protocol's
// reasons.
const (
	FallbackUnknown   = "unknown-from"
	FallbackLarger    = "delta-larger"
	FallbackUnrelated = "unrelated-from"
)

// Artefact is what a client fetches. It is shared: do not modify it.
type Artefact struct {
	Mode string
	Body []byte
	// ETag is strong and of these bytes, quotes included. The same release may
	// be compressed to other bytes by another version of Anvil.
	ETag     string
	To, From *Release // From is nil in a full bundle
	Fallback string   // why it is not the delta asked for
}

// Artefact returns the bundle of to: the delta from another release of the
// channel, or the full bundle when from is nil. A delta that cannot be made or
// would save nothing becomes the full bundle, which says why. It is made from
// the releases repository alone, once for whoever asks at the same time, and
// kept as long as there is room.
//
// When ctx ends first, the work goes on for those who ask next.
func (l *Log) Artefact(ctx context.Context, to, from *Release) (*Artefact, error) {
	a, err := l.artefact(ctx, to, from)
	if err != nil {
		return nil, fmt.Errorf("bundle release %s of %s/%s: %w", to.ID.Short(), to.Project, to.Channel, err)
	}
	return a, nil
}

func (l *Log) artefact(ctx context.Context, to, from *Release) (*Artefact, error) {
	if from == nil {
		return l.once(ctx, pair{to: to.ID}, func() (*Artefact, error) { return l.full(to) })
	}
	if from.Project != to.Project || from.Channel != to.Channel {
		return l.instead(ctx, to, FallbackUnrelated)
	}
	a, err := l.once(ctx, pair{to.ID, from.ID}, func() (*Artefact, error) { return l.delta(to, from) })
	switch {
	case errors.Is(err, errUnknownFrom):
		return l.instead(ctx, to, FallbackUnknown)
	case errors.Is(err, bundle.ErrTooLarge):
		return l.instead(ctx, to, FallbackLarger)
	case err != nil:
		return nil, err
	case a.surelySmaller():
		return a, nil
	}
	full, err := l.artefact(ctx, to, nil)
	if err != nil {
		return nil, err
	}
	if len(a.Body) < len(full.Body) {
		return a, nil
	}
	return because(full, FallbackLarger), nil
}

// instead is the full bundle in place of a delta.
func (l *Log) instead(ctx context.Context, to *Release, fallback string) (*Artefact, error) {
	full, err := l.artefact(ctx, to, nil)
	if err != nil {
		return nil, err
	}
	return because(full, fallback), nil
}

func because(full *Artefact, fallback string) *Artefact {
	a := *full
	a.Fallback = fallback
	return &a
}

// entryOverhead is what a file takes in a ZIP beside its name and its bytes: a
// local header and a line of the directory.
const entryOverhead = 30 + 46

// surelySmaller says whether a delta is smaller than the full bundle without
// making that one, which takes a thousand times as long.
func (a *Artefact) surelySmaller() bool {
	return len(a.Body) < a.To.Files*entryOverhead
}

// once returns the artefact of key: kept, being made, or made now.
func (l *Log) once(ctx context.Context, key pair, build func() (*Artefact, error)) (*Artefact, error) {
	if a, ok := l.artefacts.get(key); ok {
		return a, nil
	}
	made := l.flight.DoChan(key.String(), func() (any, error) {
		if a, ok := l.artefacts.get(key); ok {
			return a, nil
		}
		l.building <- struct{}{}
		defer func() { <-l.building }()
		a, err := build()
		if err != nil {
			return nil, err
		}
		l.artefacts.put(key, a)
		return a, nil
	})
	select {
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case r := <-made:
		if r.Err != nil {
			return nil, r.Err
		}
		return r.Val.(*Artefact), nil
	}
}

func newArtefact(mode string, body []byte, to, from *Release) *Artefact {
	sum := sha256.Sum256(body)
	return &Artefact{
		Mode: mode,
		Body: body,
		ETag: strconv.Quote(hex.EncodeToString(sum[:16])),
		To:   to,
		From: from,
	}
}

// full makes the full bundle of r.
func (l *Log) full(r *Release) (*Artefact, error) {
	c, err := l.walk(r.ID)
	if err != nil {
		return nil, err
	}
	all := make([][]byte, len(c))
	err = each(len(c), func(i int) (err error) {
		all[i], err = l.repo.Blob(c[i].blob)
		return err
	})
	if err != nil {
		return nil, err
	}
	files := make(map[string][]byte, len(c))
	for i, f := range c {
		files[f.path] = all[i]
	}
	b, err := l.bundle(r, bundle.SumContent(files))
	if err != nil {
		return nil, err
	}
	b.Content = files
	var body bytes.Buffer
	if err := bundle.Write(&body, b); err != nil {
		return nil, err
	}
	return newArtefact(ModeFull, body.Bytes(), r, nil), nil
}

// errUnknownFrom: the release that a delta should start from is not here.
var errUnknownFrom = errors.New("unknown release to start from")

// delta makes what turns from into to: the difference of two commits.
func (l *Log) delta(to, from *Release) (*Artefact, error) {
	base, err := l.verified(from)
	switch {
	case errors.Is(err, gitstore.ErrNotFound):
		return nil, errUnknownFrom
	case errors.Is(err, ErrDamaged):
		l.log.Error("delta cannot start from a damaged release", "release", from.ID, "error", err)
		return nil, errUnknownFrom
	case err != nil:
		return nil, err
	}
	target, err := l.verified(to)
	if err != nil {
		return nil, err
	}
	changes, err := l.repo.Diff(from.ID, to.ID, contentFolder)
	if err != nil {
		return nil, err
	}
	target.Content = make(map[string][]byte, len(changes))
	for _, c := range changes {
		if c.After.IsZero() {
			continue
		}
		if target.Content[c.Path], err = l.repo.Blob(c.After); err != nil {
			return nil, err
		}
	}
	var body bytes.Buffer
	if err := bundle.WriteDelta(&body, base, target); err != nil {
		return nil, err
	}
	return newArtefact(ModeDelta, body.Bytes(), to, from), nil
}

// verified is the bundle of r without its content.
func (l *Log) verified(r *Release) (*bundle.Bundle, error) {
	if sums, ok := l.sumsOf.get(r.ID); ok {
		return l.bundle(r, sums)
	}
	c, err := l.heldContent(r)
	if err != nil {
		return nil, err
	}
	sums, _, err := l.sums(c)
	if err != nil {
		return nil, err
	}
	b, err := l.bundle(r, sums)
	if err != nil {
		return nil, err
	}
	l.sumsOf.put(r.ID, sums)
	return b, nil
}

// bundle puts a release's manifest to its sums, which must be those that were
// signed.
func (l *Log) bundle(r *Release, sums bundle.Sums) (*bundle.Bundle, error) {
	commit, err := l.repo.CommitAt(r.ID)
	if err != nil {
		return nil, err
	}
	m, err := l.manifest(commit)
	if err != nil {
		return nil, err
	}
	root := sums.Root()
	if hex.EncodeToString(root[:]) != m.Content.SumsSHA256 {
		return nil, &hinted{
			fmt.Errorf("%w: the files of %s do not match its signed manifest", ErrDamaged, r.ID.Short()),
			"look at the releases repository with git fsck, and restore it from a copy",
		}
	}
	return &bundle.Bundle{Manifest: m.Manifest, Raw: m.raw, Signature: m.signature, Sums: sums}, nil
}
