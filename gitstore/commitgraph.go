package gitstore

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	commitgraph "github.com/go-git/go-git/v5/plumbing/format/commitgraph/v2"
)

const (
	// graphFrom is how many commits a walk reads one by one before it asks for a
	// commit-graph: reading the file costs as much as some hundreds of commits.
	graphFrom    = 256
	graphMaximum = 1 << 30 // bytes of a file; larger ones are left alone
	graphLayers  = 64      // of a chain
)

// ancestry reads what a walk needs of commits: hash, parents and the committer's
// date. Walks that go far take it from the commit-graph that git keeps (gitformat-
// commit-graph), where there is a good one; what it does not hold is read as ever.
type ancestry struct {
	repo  *Repo
	read  int
	graph commitgraph.Index // nil: none, or not yet
}

func (a *ancestry) commit(h Hash) (*Commit, error) {
	if a.read++; a.read == graphFrom {
		a.graph = a.repo.commitGraph()
	}
	if a.graph == nil {
		return a.repo.CommitAt(h)
	}
	at, err := a.graph.GetIndexByHash(plumbing.Hash(h))
	if err != nil {
		return a.repo.CommitAt(h)
	}
	data, err := a.graph.GetCommitDataByIndex(at)
	if err != nil {
		a.graph = nil // damaged
		return a.repo.CommitAt(h)
	}
	c := &Commit{Hash: h, Parents: make([]Hash, len(data.ParentHashes)), Committer: Signature{When: data.When}}
	for i, p := range data.ParentHashes {
		c.Parents[i] = Hash(p)
	}
	return c, nil
}

// commitGraph opens the commit-graph, a file or a chain of them, nil where there is
// none that can be used. A shallow clone has none: its commits have other parents.
func (r *Repo) commitGraph() commitgraph.Index {
	if _, err := os.Lstat(filepath.Join(r.commonDir, "shallow")); !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	info := filepath.Join(r.commonDir, "objects", "info")
	if graph, err := openGraph(filepath.Join(info, "commit-graph"), nil); err == nil {
		return graph
	}
	chain, err := os.ReadFile(filepath.Join(info, "commit-graphs", "commit-graph-chain"))
	if err != nil {
		return nil
	}
	var graph commitgraph.Index
	for i, name := range strings.Fields(string(chain)) {
		if _, err := ParseHash(name); err != nil || i == graphLayers {
			return nil
		}
		if graph, err = openGraph(filepath.Join(info, "commit-graphs", "graph-"+name+".graph"), graph); err != nil {
			return nil
		}
	}
	return graph
}

func openGraph(path string, below commitgraph.Index) (commitgraph.Index, error) {
	stat, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if stat.Size() > graphMaximum {
		return nil, errors.New("commit-graph is too large")
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return commitgraph.OpenFileIndexWithParent(inMemory{bytes.NewReader(raw)}, below)
}

// inMemory is a file that was read whole; there is nothing to close.
type inMemory struct{ *bytes.Reader }

func (inMemory) Close() error { return nil }
