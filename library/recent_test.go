package library

import (
	"testing"

	"github.com/anvilpeering/anvil/gitstore"
)

// A kept tree goes by the commit that it was asked for last: the one before may
// have been rewritten and pruned since.
func TestKeptTreeGoesByItsLastCommit(t *testing.T) {
	tree, other := gitstore.Hash{1}, gitstore.Hash{2}
	first, amended := gitstore.Hash{3}, gitstore.Hash{4}
	r := &recent{limit: 2}
	r.add(tree, first, &snapshot{})
	r.add(other, gitstore.Hash{5}, &snapshot{})
	if _, ok := r.get(tree, amended); !ok {
		t.Fatal("not kept")
	}
	if newest := r.newest()[0]; newest.tree != tree || newest.rev != amended {
		t.Errorf("the newest is tree %s by %s", newest.tree, newest.rev)
	}
}
