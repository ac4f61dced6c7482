package library

import (
	"slices"
	"sync"

	"github.com/anvilpeering/anvil/gitstore"
)

// recent keeps the snapshots that were used last, the newest first. There are
// only a few of them, so a slice does.
type recent struct {
	limit int

	mu   sync.Mutex
	kept []keptSnapshot
}

// keptSnapshot remembers a commit that has the tree, because differences are
// taken between commits. It is the one asked for last: an older one may have
// been rewritten and pruned since.
type keptSnapshot struct {
	tree gitstore.Hash
	rev  gitstore.Hash
	*snapshot
}

func (r *recent) get(tree, rev gitstore.Hash) (*snapshot, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := slices.IndexFunc(r.kept, func(k keptSnapshot) bool { return k.tree == tree })
	if i < 0 {
		return nil, false
	}
	found := r.kept[i]
	found.rev = rev
	copy(r.kept[1:i+1], r.kept[:i])
	r.kept[0] = found
	return found.snapshot, true
}

func (r *recent) add(tree, rev gitstore.Hash, s *snapshot) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.kept = slices.Insert(r.kept, 0, keptSnapshot{tree: tree, rev: rev, snapshot: s})
	if len(r.kept) > r.limit {
		clear(r.kept[r.limit:])
		r.kept = r.kept[:r.limit]
	}
}

// newest returns the kept snapshots, the last used first.
func (r *recent) newest() []keptSnapshot {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.kept)
}
