package library

import (
	"maps"
	"runtime"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/anvilpeering/anvil/gitstore"
	"github.com/anvilpeering/anvil/prompt"
)

// snapshot is what one tree holds. It is immutable.
type snapshot struct {
	tree  *prompt.Tree
	blobs map[string]gitstore.Hash
}

const (
	// nearEnough ends the search for a nearer snapshot: so few changes cost
	// less than looking further.
	nearEnough = 32
	// compared is how many kept snapshots are compared with a new revision.
	compared = 4
	// readAhead is how many files are read at once, which bounds the memory
	// that a first look at a large organisation takes.
	readAhead = 256
)

func (l *Library) build(rev gitstore.Hash) (*snapshot, error) {
	base, changes, ok := l.nearest(rev)
	if !ok {
		return l.fresh(rev)
	}
	return l.neighbour(base, changes)
}

// nearest finds the kept snapshot that differs least from rev. It finds none
// when reading everything anew is less work, or when the commits of those kept
// are gone from the repository.
func (l *Library) nearest(rev gitstore.Hash) (base *snapshot, changes []gitstore.Change, ok bool) {
	kept := l.recent.newest()
	for _, k := range kept[:min(len(kept), compared)] {
		diff, err := l.repo.Diff(k.rev, rev, l.prefix)
		if err != nil {
			l.log.Debug("no difference from a kept revision", "kept", k.rev.Short(), "revision", rev.Short(), "error", err)
			continue
		}
		if len(diff) > len(k.blobs)/2+nearEnough {
			continue
		}
		if !ok || len(diff) < len(changes) {
			base, changes, ok = k.snapshot, diff, true
		}
		if len(changes) <= nearEnough {
			break
		}
	}
	return base, changes, ok
}

// neighbour applies changes to base.
func (l *Library) neighbour(base *snapshot, changes []gitstore.Change) (*snapshot, error) {
	blobs := maps.Clone(base.blobs)
	var edits []prompt.Change
	var files []file
	for _, c := range changes {
		path, own := l.own(c.Path)
		if !own {
			continue
		}
		if c.After.IsZero() || !regular(c.Mode) {
			// A file that became a link is gone as a file.
			if _, had := blobs[path]; had {
				delete(blobs, path)
				edits = append(edits, prompt.Change{Path: path, Removed: true})
			}
			continue
		}
		if blobs[path] == c.After {
			continue // only its mode changed
		}
		blobs[path] = c.After
		files = append(files, file{path, c.After})
	}
	err := l.read(files, func(path string, content []byte) bool {
		edits = append(edits, prompt.Change{Path: path, Content: content})
		return true
	})
	if err != nil {
		return nil, err
	}
	return &snapshot{tree: base.tree.With(edits...), blobs: blobs}, nil
}

// fresh reads everything at rev.
func (l *Library) fresh(rev gitstore.Hash) (*snapshot, error) {
	blobs := make(map[string]gitstore.Hash)
	var files []file
	for e, err := range l.repo.Walk(rev, l.prefix) {
		if err != nil {
			return nil, err
		}
		path, own := l.own(e.Path)
		if !own || !regular(e.Mode) {
			continue
		}
		blobs[path] = e.Hash
		files = append(files, file{path, e.Hash})
	}
	var failed error
	tree := prompt.Parse(func(yield func(string, []byte) bool) {
		failed = l.read(files, yield)
	}, prompt.Options{})
	if failed != nil {
		return nil, failed
	}
	return &snapshot{tree: tree, blobs: blobs}, nil
}

// own turns a path of the repository into one of the organisation, and says
// whether it is one of its own files.
func (l *Library) own(path string) (string, bool) {
	if l.prefix != "" {
		var inside bool
		path, inside = strings.CutPrefix(path, l.prefix+"/")
		if !inside {
			return "", false
		}
	}
	return path, prompt.Owns(path)
}

type file struct {
	path string
	blob gitstore.Hash
}

// read hands the files to yield in their order, reading ahead on several
// processors.
func (l *Library) read(files []file, yield func(path string, content []byte) bool) error {
	contents := make([][]byte, min(len(files), readAhead))
	for len(files) > 0 {
		n := min(len(files), readAhead)
		var group errgroup.Group
		group.SetLimit(runtime.GOMAXPROCS(0))
		for i, f := range files[:n] {
			group.Go(func() (err error) {
				contents[i], err = l.repo.Blob(f.blob)
				return err
			})
		}
		if err := group.Wait(); err != nil {
			return err
		}
		for i, f := range files[:n] {
			if !yield(f.path, contents[i]) {
				return nil
			}
		}
		files = files[n:]
	}
	return nil
}

// regular says whether a tree entry is a file, executable or not.
func regular(m gitstore.Mode) bool { return m&0o170000 == 0o100000 }
