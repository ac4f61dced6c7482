package client

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/anvilpeering/anvil/bundle"
	"github.com/anvilpeering/anvil/prompt"
)

// Source is where a release came from in this process.
type Source string

// The sources of a release.
const (
	SourceMemory   Source = "memory"   // from the server, since the start
	SourceDisk     Source = "disk"     // from the cache folder
	SourceEmbedded Source = "embedded" // from the binary
)

// Args are the arguments of a render, by parameter name.
type Args = prompt.Args

// Snapshot is one release: everything in it is of one revision. It is immutable
// and may be used by any number of goroutines, also after the client has moved
// on or was closed; only its age passes.
type Snapshot struct {
	bundle   *bundle.Bundle
	tree     *prompt.Tree
	stream   stream
	release  string
	source   Source
	accepted time.Time // when this content was first accepted on this machine
	maxStale time.Duration
	prompts  map[string]*Prompt
	sorted   []*Prompt

	confirmed *atomic.Int64 // Unix nanoseconds: when the channel was last known to offer this
}

func newSnapshot(b *bundle.Bundle, tree *prompt.Tree, s stream, release string, source Source, accepted, confirmed time.Time, maxStale time.Duration) *Snapshot {
	snap := &Snapshot{
		bundle: b, tree: tree, stream: s, release: release, source: source,
		accepted: accepted, maxStale: maxStale, confirmed: new(atomic.Int64),
	}
	snap.confirmed.Store(confirmed.UnixNano())
	for p := range tree.Prompts() {
		if p.Address.Project == s.project && !p.Address.IsPartial() {
			snap.sorted = append(snap.sorted, &Prompt{Prompt: p, address: p.Address.String(), snapshot: snap})
		}
	}
	snap.prompts = make(map[string]*Prompt, len(snap.sorted))
	for _, p := range snap.sorted {
		snap.prompts[p.address] = p
	}
	return snap
}

// Revision is the commit that the release names: the version a client is at.
func (s *Snapshot) Revision() string { return s.bundle.Manifest.Revision }

// Release is the server's name for the release, "" for an embedded one.
func (s *Snapshot) Release() string { return s.release }

// ID is the release's own name, the SHA-256 of its manifest.
func (s *Snapshot) ID() string { return s.bundle.ID() }

// Sequence orders the releases of a channel.
func (s *Snapshot) Sequence() int64 { return s.bundle.Manifest.Sequence }

// Stream is organisation/project/channel, as signed.
func (s *Snapshot) Stream() string { return s.stream.String() }

// Project is the project followed.
func (s *Snapshot) Project() string { return s.stream.project }

// Channel is the channel followed.
func (s *Snapshot) Channel() string { return s.stream.channel }

// Source is where this process has the release from.
func (s *Snapshot) Source() Source { return s.source }

// Created is when the release was signed.
func (s *Snapshot) Created() time.Time { return s.bundle.Manifest.Created }

// Expires is until when the release promised to be current. Past it, it is
// served on and called stale.
func (s *Snapshot) Expires() time.Time { return s.bundle.Manifest.Expires }

// Signer is whose signature was believed.
func (s *Snapshot) Signer() bundle.Signer { return s.bundle.Signer }

// Age is how long ago the channel was last known to offer this release: for an
// embedded one, since it was signed.
func (s *Snapshot) Age() time.Duration { return s.age(time.Now()) }

func (s *Snapshot) age(now time.Time) time.Duration {
	return max(0, time.Duration(now.UnixNano()-s.confirmed.Load()))
}

// Stale says that the release has expired.
func (s *Snapshot) Stale() bool { return s.stale(time.Now()) }

func (s *Snapshot) stale(now time.Time) bool { return now.After(s.bundle.Manifest.Expires) }

// Prompts yields the prompts of the project by address, without the partials and
// the prompts of other projects that the release carries for them.
func (s *Snapshot) Prompts() iter.Seq[*Prompt] { return slices.Values(s.sorted) }

// Prompt finds a prompt by its address, project/set/prompt. It does no I/O, takes
// no lock and allocates nothing. The error is a [NotFoundError].
func (s *Snapshot) Prompt(address string) (*Prompt, error) {
	if p, ok := s.prompts[address]; ok {
		return p, nil
	}
	return nil, s.notFound(address)
}

func (s *Snapshot) notFound(address string) error {
	e := &NotFoundError{Address: address, Revision: s.Revision()}
	if strings.Contains(address, "@") {
		e.Reason = "an address names no version: the client serves the release it holds"
		address, _, _ = strings.Cut(address, "@")
	}
	a, err := prompt.ParseAddress(address)
	switch {
	case err != nil && e.Reason == "":
		e.Reason = err.Error()
	case err != nil:
	case a.Project != s.stream.project:
		e.Reason = fmt.Sprintf("this client follows project %s; open another one for %s", s.stream.project, a.Project)
		return e
	case a.IsPartial():
		e.Reason = "a partial is rendered by prompts, not by applications"
		return e
	}
	e.Near = near(address, s.sorted)
	return e
}

// Prompt is a prompt of one snapshot. Its fields must not be modified.
type Prompt struct {
	*prompt.Prompt
	address  string
	snapshot *Snapshot
}

// Snapshot is the release it belongs to.
func (p *Prompt) Snapshot() *Snapshot { return p.snapshot }

// Render fills the prompt in. Missing, unknown and wrongly typed arguments are
// errors ([prompt.ArgumentError]); what is inserted is data and never rendered
// again. It does no I/O and takes no lock.
func (p *Prompt) Render(args Args) (*Rendered, error) {
	now, s := time.Now(), p.snapshot
	age := s.age(now)
	if s.maxStale > 0 && age > s.maxStale {
		return nil, advise("Status says why the server was not reached; Options.MaxStale sets how long that may last", []error{ErrStale},
			"render %s: revision %s was last confirmed %s ago, %s are allowed", p.Address, short(s.Revision()), age.Round(time.Second), s.maxStale)
	}
	r, err := p.Prompt.Render(context.Background(), args)
	if err != nil {
		return nil, err
	}
	return &Rendered{
		Rendered: r, Address: p.address, Revision: s.Revision(), Release: s.release, Channel: s.stream.channel,
		Source: s.source, Age: age, Stale: s.stale(now),
	}, nil
}

// Rendered is a rendered prompt, and what it was rendered from.
type Rendered struct {
	*prompt.Rendered

	Address  string
	Revision string        // the commit
	Release  string        // the server's name for the release, "" for an embedded one
	Channel  string        // that was followed
	Source   Source        // where the release came from
	Age      time.Duration // since the channel was last known to offer it
	Stale    bool          // it has expired
}
