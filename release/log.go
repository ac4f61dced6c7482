// Package release records and serves what a channel offers.
//
// # A release is a commit, and it is whole
//
// The releases repository is a bare git repository beside the server's state,
// one branch a project and channel (refs/heads/support/draft), written by
// nobody else. A release is a commit there whose tree is
//
//	manifest.json        the signed manifest, which names the revision
//	manifest.json.sig    its SSHSIG signature
//	content/…            the project's files and those of its dependency closure
//
// and whose parent is the release before. What a release needs is in its tree:
// rewriting or losing the authors' history takes nothing away from it, going
// back to an old release is a new release with the old content, a delta is the
// difference of two commits, and a clone of the repository is a copy of
// everything ever offered. Nothing else is kept anywhere: [Open] reads the
// heads back from the branches, and SHA256SUMS is derived from the blobs.
//
// # Planning and recording
//
// [Log.Plan] says what a release of a project at a revision would change, and
// refuses a project that does not check clean. [Log.PlanFrom] takes the content
// of an earlier release instead: publishing what another channel holds, rolling
// back. [Log.Record] signs and commits a plan. Who may do that, and when, is
// decided by the caller.
//
// A record costs what changed. The tree is edited, not rewritten, and SHA-256
// sums are remembered by blob, so that one saved file in ten thousand is one
// file read and hashed.
//
// # Serving
//
// [Log.Artefact] builds the bytes that clients fetch, a full bundle or a delta,
// from the releases repository alone. A release whose content does not match
// its manifest is never served: [ErrDamaged].
//
// A Log may be used by several goroutines. Exactly one Log in one process may
// record into a repository; a second one loses by compare-and-swap.
package release

import (
	"cmp"
	"errors"
	"log/slog"
	"maps"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sync/singleflight"

	"github.com/anvilpeering/anvil/bundle"
	"github.com/anvilpeering/anvil/gitstore"
	"github.com/anvilpeering/anvil/library"
)

const (
	// lifetime is from a release's creation to its expiry, renewWithin what is
	// left of it when the release is due for renewal.
	lifetime    = 30 * 24 * time.Hour
	renewWithin = 20 * 24 * time.Hour
	// cacheBytes bounds the artefacts that are kept in memory.
	cacheBytes = 256 << 20
)

// Draft is the channel that follows every good save. It alone is cut: each
// thousandth release starts without a parent, and the chain before it stays on
// the branch draft-previous until the next cut.
const Draft = "draft"

const (
	draftPrevious = "draft-previous"
	draftChain    = 1000 // releases on the draft branch before it is cut
)

// Options of a [Log].
type Options struct {
	// Organisation is the first part of every stream, as anvil.yaml names it.
	Organisation string
	// Signer signs manifests: an Ed25519 key. Without one a Log serves and
	// records nothing.
	Signer ssh.Signer
	// Generator is the version of Anvil that manifests name, empty for devel.
	Generator string
	// Now is the clock, nil for the computer's.
	Now func() time.Time
	// Logger is told of what was handled here. nil: silent.
	Logger *slog.Logger
}

// Log is the log of everything that an organisation's channels offered.
type Log struct {
	repo *gitstore.Repo
	lib  *library.Library
	o    Options
	log  *slog.Logger
	cut  int // length of a draft chain

	recording sync.Mutex // one release at a time
	channels  atomic.Pointer[map[name]*channel]
	opening   sync.Mutex // adds to channels

	digests   *digests
	sumsOf    *cache[gitstore.Hash, bundle.Sums] // by release
	artefacts *cache[pair, *Artefact]
	flight    singleflight.Group
	building  chan struct{} // bounds the bundles built at the same time
}

// name is a channel of a project.
type name struct{ project, channel string }

func (n name) String() string { return n.project + "/" + n.channel }
func (n name) ref() string    { return "refs/heads/" + n.project + "/" + n.channel }

// channel is one line of releases.
type channel struct {
	name
	head    atomic.Pointer[head] // nil: offers nothing yet
	damaged *DamageError         // the head could not be read at Open

	mu      sync.Mutex
	history *history // nil until somebody asks
}

// Open reads the heads of all channels from the repository releases, which is
// bare and holds nothing else. A head that cannot be read is a [DamageError] of
// its channel, and no failure of Open unless there is no other channel. lib is
// where revisions are planned from; it may be nil for a Log that only serves.
// Its errors stand alone: the caller says that releases were opened.
func Open(releases *gitstore.Repo, lib *library.Library, o Options) (*Log, error) {
	if err := checkName("organisation", o.Organisation); err != nil {
		return nil, err
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.Generator = cmp.Or(o.Generator, "devel")
	l := &Log{
		repo:      releases,
		lib:       lib,
		o:         o,
		log:       o.Logger,
		cut:       draftChain,
		digests:   newDigests(),
		sumsOf:    newSumsCache(),
		artefacts: newArtefacts(cacheBytes),
		building:  make(chan struct{}, runtime.GOMAXPROCS(0)),
	}
	channels, err := l.readChannels()
	if err != nil {
		return nil, err
	}
	l.channels.Store(&channels)
	// One branch may be broken; when all are, they are somebody else's, or the
	// repository is.
	broken := l.Damaged()
	if len(broken) > 0 && len(broken) == len(channels) {
		return nil, broken[0]
	}
	for _, d := range broken {
		l.log.Error("channel is damaged and offers nothing", "project", d.Project, "channel", d.Channel, "error", d.Cause, "hint", d.Hint())
	}
	return l, nil
}

// readChannels reads the head of every channel.
func (l *Log) readChannels() (map[name]*channel, error) {
	refs, err := l.repo.Refs(headsPrefix)
	if err != nil {
		return nil, err
	}
	channels := make(map[name]*channel)
	for _, ref := range refs {
		n, ok := parseRef(ref.Name)
		if !ok || n.channel == draftPrevious {
			continue
		}
		c := &channel{name: n}
		channels[n] = c
		r, err := l.load(n, ref.Hash)
		if err != nil {
			c.damaged = &DamageError{Project: n.project, Channel: n.channel, Cause: err, repository: l.repo.CommonDir()}
			continue
		}
		c.head.Store(&head{Release: r})
	}
	// Refs passes over a branch without a commit, as an empty file left by a
	// power cut. Here it is a channel that loses its clients.
	files, err := filepath.Glob(filepath.Join(globQuote(l.repo.CommonDir()), "refs", "heads", "*", "*"))
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		n := name{filepath.Base(filepath.Dir(file)), filepath.Base(file)}
		if checkBoth(n.project, n.channel) != nil || channels[n] != nil {
			continue
		}
		if _, err := l.repo.Tip(n.ref()); err != nil && !errors.Is(err, gitstore.ErrNotFound) {
			channels[n] = &channel{name: n, damaged: &DamageError{
				Project: n.project, Channel: n.channel, Cause: err, repository: l.repo.CommonDir(), file: file,
			}}
		}
	}
	return channels, nil
}

// globQuote makes [filepath.Glob] take a folder's name as it is written.
func globQuote(folder string) string {
	if filepath.Separator == '\\' {
		return strings.ReplaceAll(folder, "[", "[[]") // there is no other escape
	}
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(folder)
}

// Organisation is the organisation whose releases these are.
func (l *Log) Organisation() string { return l.o.Organisation }

// Stream names what a channel's manifests are for and signatures are matched
// with: organisation/project/channel.
func (l *Log) Stream(project, channel string) string {
	return l.o.Organisation + "/" + project + "/" + channel
}

// Head returns what a channel offers, nil when it offers nothing yet. It takes
// no lock.
func (l *Log) Head(project, channel string) *Release {
	c := (*l.channels.Load())[name{project, channel}]
	if c == nil {
		return nil
	}
	if h := c.head.Load(); h != nil {
		return h.Release
	}
	return nil
}

// Damaged returns the channels whose offer could not be read, sorted by project
// and channel.
func (l *Log) Damaged() []*DamageError {
	var all []*DamageError
	for _, c := range *l.channels.Load() {
		if c.damaged != nil {
			all = append(all, c.damaged)
		}
	}
	slices.SortFunc(all, func(a, b *DamageError) int {
		return cmp.Or(cmp.Compare(a.Project, b.Project), cmp.Compare(a.Channel, b.Channel))
	})
	return all
}

// Heads returns what every channel offers, sorted by project and channel.
func (l *Log) Heads() []*Release {
	channels := *l.channels.Load()
	heads := make([]*Release, 0, len(channels))
	for _, c := range channels {
		if h := c.head.Load(); h != nil {
			heads = append(heads, h.Release)
		}
	}
	slices.SortFunc(heads, func(a, b *Release) int {
		return cmp.Or(cmp.Compare(a.Project, b.Project), cmp.Compare(a.Channel, b.Channel))
	})
	return heads
}

// Due returns the heads that want [Log.Renew]: with no more than 20 of their 30
// days left, or signed by another key than this Log's, which clients may not
// trust any more.
func (l *Log) Due() []*Release {
	horizon := l.o.Now().Add(renewWithin)
	return slices.DeleteFunc(l.Heads(), func(r *Release) bool { return r.Expires.After(horizon) && l.Signed(r) })
}

// Signed reports whether a release is signed by this Log's key. What cannot be
// told is taken for signed: signing it anew would fail as well.
func (l *Log) Signed(r *Release) bool {
	if l.o.Signer == nil {
		return true
	}
	trust, err := bundle.ParseTrust([]byte(bundle.AllowedSigner(l.o.Organisation+"/*", l.o.Signer.PublicKey()) + "\n"))
	if err != nil {
		return true
	}
	commit, err := l.repo.CommitAt(r.ID)
	if err != nil {
		return true
	}
	m, err := l.manifest(commit)
	if err != nil {
		return true
	}
	_, err = trust.Verify(l.Stream(r.Project, r.Channel), bundle.ManifestNamespace, m.raw, m.signature, l.o.Now())
	return err == nil
}

// channel returns the channel of a name, making it when there is none.
func (l *Log) channel(n name) *channel {
	if c := (*l.channels.Load())[n]; c != nil {
		return c
	}
	l.opening.Lock()
	defer l.opening.Unlock()
	before := *l.channels.Load()
	if c := before[n]; c != nil {
		return c
	}
	after := maps.Clone(before)
	c := &channel{name: n}
	after[n] = c
	l.channels.Store(&after)
	return c
}

const headsPrefix = "refs/heads/"

func parseRef(ref string) (name, bool) {
	project, channel, ok := strings.Cut(strings.TrimPrefix(ref, headsPrefix), "/")
	return name{project, channel}, ok && !strings.Contains(channel, "/")
}

// checkName says whether an organisation, a project or a channel can be part
// of a stream and of a branch. kind is the word for it in the error.
func checkName(kind, s string) error {
	ok := s != "" && len(s) <= 100 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789._-") == "" &&
		!strings.ContainsAny(s[:1], "._-") && !strings.Contains(s, "..") &&
		!strings.HasSuffix(s, ".") && !strings.HasSuffix(s, ".lock")
	if !ok {
		return &nameError{kind: kind, name: s}
	}
	return nil
}

// CheckProject refuses what cannot be the name of a project, with a hint.
func CheckProject(name string) error { return checkName("project", name) }

// CheckChannel refuses what cannot be the name of a channel, with a hint.
func CheckChannel(name string) error {
	if name == draftPrevious {
		return &nameError{kind: "channel", name: name}
	}
	return checkName("channel", name)
}

func checkBoth(project, channel string) error {
	if err := CheckProject(project); err != nil {
		return err
	}
	return CheckChannel(channel)
}
