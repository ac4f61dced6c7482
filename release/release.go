package release

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/anvilpeering/anvil/bundle"
	"github.com/anvilpeering/anvil/gitstore"
)

// Release is what a channel offered from one moment on. It is immutable.
type Release struct {
	// ID is the commit in the releases repository: an opaque token for
	// everybody else, compared for equality only.
	ID       gitstore.Hash `json:"release"`
	Project  string        `json:"project"`
	Channel  string        `json:"channel"`
	Revision gitstore.Hash `json:"revision"` // of the authors' repository
	// Sequence rises with every release of the channel, about Unix seconds.
	Sequence int64     `json:"sequence"`
	Created  time.Time `json:"created"`
	Expires  time.Time `json:"expires"`
	Reason   string    `json:"reason"` // why it was recorded, one of protocol's
	Files    int       `json:"files"`
	Bytes    int64     `json:"bytes"` // of all files together
	// ManifestID is the SHA-256 of the manifest in hexadecimal digits: the id
	// that a client can verify.
	ManifestID string `json:"manifest"`
}

// Paths in a release's tree.
const (
	manifestPath  = "manifest.json"
	signaturePath = "manifest.json.sig"
	contentFolder = "content"
	contentPrefix = contentFolder + "/"
)

// Trailers of a release's commit message.
const (
	trailerRevision = "Anvil-Revision"
	trailerReason   = "Anvil-Reason"
)

// message is the commit message of r: the same release always has the same.
func (r *Release) message() string {
	return fmt.Sprintf("%s/%s %d\n\n%s: %s\n%s: %s\n", r.Project, r.Channel, r.Sequence,
		trailerRevision, r.Revision, trailerReason, r.Reason)
}

// trailers reads the revision and the reason back from a commit message.
func trailers(message string) (revision gitstore.Hash, reason string, err error) {
	for line := range strings.Lines(message) {
		key, value, _ := strings.Cut(strings.TrimRight(line, "\r\n"), ": ")
		switch key {
		case trailerRevision:
			if revision, err = gitstore.ParseHash(value); err != nil {
				return revision, "", fmt.Errorf("read trailers: %w", err)
			}
		case trailerReason:
			reason = value
		}
	}
	if revision.IsZero() || reason == "" {
		return revision, "", errors.New("read trailers: not the message of a release")
	}
	return revision, reason, nil
}

// signed is a manifest as it was signed.
type signed struct {
	*bundle.Manifest
	raw, signature []byte
}

// manifest reads what was signed for the release of a commit. Every release has
// another manifest than the one before, so the difference from the parent finds
// it without listing the content.
func (l *Log) manifest(commit *gitstore.Commit) (*signed, error) {
	var parent gitstore.Hash
	if len(commit.Parents) > 0 {
		parent = commit.Parents[0]
	}
	changes, err := l.repo.Diff(parent, commit.Hash, "")
	if err != nil {
		return nil, fmt.Errorf("read manifest of release %s: %w", commit.Hash.Short(), err)
	}
	var files [2][]byte
	for i, path := range []string{manifestPath, signaturePath} {
		at, ok := slices.BinarySearchFunc(changes, path, func(c gitstore.Change, path string) int {
			return strings.Compare(c.Path, path)
		})
		if !ok || changes[at].After.IsZero() {
			return nil, fmt.Errorf("%w: %s has no %s of its own", ErrDamaged, commit.Hash.Short(), path)
		}
		if files[i], err = l.repo.Blob(changes[at].After); err != nil {
			return nil, fmt.Errorf("read %s of release %s: %w", path, commit.Hash.Short(), err)
		}
	}
	m, err := bundle.ParseManifest(files[0])
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return &signed{m, files[0], files[1]}, nil
}

// load reads a release of a channel back from its commit.
func (l *Log) load(n name, id gitstore.Hash) (*Release, error) {
	commit, err := l.repo.CommitAt(id)
	if err != nil {
		return nil, fmt.Errorf("read release %s: %w", id.Short(), err)
	}
	revision, reason, err := trailers(commit.Message)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrDamaged, id.Short(), err)
	}
	m, err := l.manifest(commit)
	if err != nil {
		return nil, err
	}
	if want := l.Stream(n.project, n.channel); m.Stream != want {
		return nil, &hinted{
			fmt.Errorf("%w: %s is of stream %q, not %q", ErrDamaged, id.Short(), m.Stream, want),
			"the releases belong to another organisation: has its name in anvil.yaml changed? Clients follow a stream by name; change it back, or begin with an empty state folder",
		}
	}
	if m.Revision != revision.String() {
		return nil, fmt.Errorf("%w: %s names revision %s, its manifest %s", ErrDamaged, id.Short(), revision, m.Revision)
	}
	return newRelease(n, id, m, revision, reason), nil
}

func newRelease(n name, id gitstore.Hash, m *signed, revision gitstore.Hash, reason string) *Release {
	return &Release{
		ID:         id,
		Project:    n.project,
		Channel:    n.channel,
		Revision:   revision,
		Sequence:   m.Sequence,
		Created:    m.Created,
		Expires:    m.Expires,
		Reason:     reason,
		Files:      m.Content.Files,
		Bytes:      m.Content.Bytes,
		ManifestID: bundle.ManifestID(m.raw),
	}
}
