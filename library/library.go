// Package library holds the prompts at a revision.
//
// A [Library] looks at one organisation in a repository: the repository's root
// or a folder in it. Given a commit it answers with the checked prompts of that
// commit ([Library.At]) and with the blobs they were read from
// ([Library.Blobs]). Only files that are the organisation's own count
// ([prompt.Owns]); symbolic links and submodules are passed over, whatever they
// are called, because what they point to is not part of the commit.
//
// # Cache
//
// Prompts depend on content alone, so they are kept by the object id of the
// organisation's tree: commits that change nothing of it (a code change beside
// the prompts, an amended message, a revert) cost nothing. A tree that is not
// kept is built from the nearest one that is, by the difference between the two
// commits, so that following a branch costs what changed and not what there
// is. The [Options.Trees] last used are kept; work on one tree is done once,
// however many ask for it at the same time.
//
// A Library may be used by several goroutines. What it returns is shared and
// must not be modified.
package library

import (
	"errors"
	"fmt"
	"log/slog"

	"golang.org/x/sync/singleflight"

	"github.com/anvilpeering/anvil/gitstore"
	"github.com/anvilpeering/anvil/prompt"
)

// DefaultTrees is how many revisions a Library keeps unless told otherwise.
const DefaultTrees = 8

// Options of a [Library]. The zero value works.
type Options struct {
	// Trees is how many trees are kept, at least one. Zero means DefaultTrees.
	// Neighbouring trees share what did not change.
	Trees  int
	Logger *slog.Logger // nil: silent
}

// Library is the prompts of one organisation at any revision.
type Library struct {
	repo   *gitstore.Repo
	prefix string
	log    *slog.Logger

	recent *recent
	flight singleflight.Group // by tree
	empty  *snapshot
}

// Open looks at the organisation in the folder prefix of r: a slash-separated
// path from the repository's root, empty for the root itself.
func Open(r *gitstore.Repo, prefix string, o Options) *Library {
	if o.Trees <= 0 {
		o.Trees = DefaultTrees
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Library{
		repo:   r,
		prefix: prefix,
		log:    o.Logger,
		recent: &recent{limit: o.Trees},
		empty: &snapshot{
			tree:  prompt.Parse(func(func(string, []byte) bool) {}, prompt.Options{}),
			blobs: map[string]gitstore.Hash{},
		},
	}
}

// Repo is the repository that the library reads.
func (l *Library) Repo() *gitstore.Repo { return l.repo }

// Prefix is the organisation's folder in the repository, empty for its root.
func (l *Library) Prefix() string { return l.prefix }

// At returns the prompts at rev. The zero revision, and one in which the
// organisation's folder does not exist, hold none. A revision that the
// repository does not have is [gitstore.ErrNotFound].
func (l *Library) At(rev gitstore.Hash) (*prompt.Tree, error) {
	s, err := l.at(rev)
	if err != nil {
		return nil, err
	}
	return s.tree, nil
}

// Blobs returns the organisation's own files at rev: path, seen from the
// organisation's root, to blob. The map is shared: do not modify it.
func (l *Library) Blobs(rev gitstore.Hash) (map[string]gitstore.Hash, error) {
	s, err := l.at(rev)
	if err != nil {
		return nil, err
	}
	return s.blobs, nil
}

// Read returns the content of a blob.
func (l *Library) Read(blob gitstore.Hash) ([]byte, error) {
	return l.repo.Blob(blob)
}

func (l *Library) at(rev gitstore.Hash) (*snapshot, error) {
	if rev.IsZero() {
		return l.empty, nil
	}
	if _, err := l.repo.CommitAt(rev); err != nil {
		return nil, fmt.Errorf("read revision %s: %w", rev.Short(), err)
	}
	tree, err := l.repo.TreeAt(rev, l.prefix)
	if errors.Is(err, gitstore.ErrNotFound) {
		return l.empty, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read revision %s: %w", rev.Short(), err)
	}
	if s, ok := l.recent.get(tree, rev); ok {
		return s, nil
	}
	v, err, _ := l.flight.Do(tree.String(), func() (any, error) {
		if s, ok := l.recent.get(tree, rev); ok {
			return s, nil
		}
		s, err := l.build(rev)
		if err != nil {
			return nil, err
		}
		l.recent.add(tree, rev, s)
		return s, nil
	})
	if err != nil {
		return nil, fmt.Errorf("read prompts at %s: %w", rev.Short(), err)
	}
	return v.(*snapshot), nil
}
