package gitstore

import (
	"bytes"
	"fmt"
	"sort"
)

// Change is a path that differs between two commits: Before is zero when it was
// added, After when it was removed. Mode is the one after, or the one before of
// what was removed. A change of mode alone has equal hashes.
type Change struct {
	Path          string
	Before, After Hash
	Mode          Mode
}

// Diff returns what differs below a folder between two commits, sorted by path;
// the zero Hash is the empty tree. Equal trees are not opened: the cost grows
// with what differs. Submodules are left out, as in Walk.
func (r *Repo) Diff(a, b Hash, prefix string) ([]Change, error) {
	var trees [2]Hash
	for i, rev := range []Hash{a, b} {
		tree, err := r.treeOf(rev)
		if err != nil {
			return nil, fmt.Errorf("compare %s and %s: %w", a.Short(), b.Short(), err)
		}
		e, ok, err := r.entryAt(tree, prefix)
		if err != nil {
			return nil, fmt.Errorf("compare %s and %s: %w", a.Short(), b.Short(), err)
		}
		if ok && e.isTree() {
			trees[i] = e.hash
		}
	}
	found, err := r.objects.differences(trees[0], trees[1], slashed(prefix))
	if err != nil {
		return nil, fmt.Errorf("compare %s and %s: %w", a.Short(), b.Short(), err)
	}
	changes := make([]Change, 0, len(found))
	for _, d := range found {
		for _, n := range []*node{&d.before, &d.after} {
			if n.mode == ModeGitlink {
				*n = node{}
			}
		}
		if d.before == d.after {
			continue
		}
		c := Change{Path: d.path, Before: d.before.hash, After: d.after.hash, Mode: d.after.mode}
		if c.Mode == 0 {
			c.Mode = d.before.mode
		}
		changes = append(changes, c)
	}
	return changes, nil
}

// difference is a path that two trees hold differently; a zero node: not at all.
type difference struct {
	path          string
	before, after node
}

// differences compares two trees, submodules included, and sorts by path.
func (s *objects) differences(a, b Hash, prefix string) ([]difference, error) {
	d := differ{objects: s}
	if err := d.trees(a, b, prefix); err != nil {
		return nil, err
	}
	sort.Slice(d.found, func(i, j int) bool { return d.found[i].path < d.found[j].path })
	return d.found, nil
}

type differ struct {
	objects *objects
	found   []difference
}

// trees compares two trees entry by entry, in the order in which git sorts
// them.
func (d *differ) trees(a, b Hash, prefix string) error {
	if a == b {
		return nil
	}
	rawA, err := d.objects.rawTree(a)
	if err != nil {
		return err
	}
	rawB, err := d.objects.rawTree(b)
	if err != nil {
		return err
	}
	for {
		rawA, rawB = skipEqual(rawA, rawB)
		if len(rawA) == 0 && len(rawB) == 0 {
			return nil
		}
		var before, after treeEntry
		var restA, restB []byte
		if len(rawA) > 0 {
			if before, restA, err = nextEntry(rawA); err != nil {
				return err
			}
		}
		if len(rawB) > 0 {
			if after, restB, err = nextEntry(rawB); err != nil {
				return err
			}
		}
		order := 0
		switch {
		case len(rawA) == 0:
			order = 1
		case len(rawB) == 0:
			order = -1
		default:
			order = compareNames(before.name, before.isTree(), after.name, after.isTree())
		}
		switch {
		case order < 0:
			after, restB = treeEntry{}, rawB
		case order > 0:
			before, restA = treeEntry{}, rawA
		}
		if err := d.entries(before, after, prefix); err != nil {
			return err
		}
		rawA, rawB = restA, restB
	}
}

// skipEqual passes over the entries that two trees begin with in common.
func skipEqual(a, b []byte) ([]byte, []byte) {
	equal := 0 // bytes
	for n := min(len(a), len(b)); equal < n; {
		step := min(512, n-equal)
		if !bytes.Equal(a[equal:equal+step], b[equal:equal+step]) {
			for a[equal] == b[equal] {
				equal++
			}
			break
		}
		equal += step
	}
	at := 0
	for at < equal {
		size := bytes.IndexByte(a[at:equal], 0) + 1 + len(Hash{})
		if size == len(Hash{}) || at+size > equal {
			break
		}
		at += size
	}
	return a[at:], b[at:]
}

// entries compares two entries of one name and kind; one of them may be
// missing.
func (d *differ) entries(before, after treeEntry, prefix string) error {
	if before.hash == after.hash && before.mode == after.mode {
		return nil
	}
	name := before.name
	if after.mode != 0 {
		name = after.name
	}
	path := prefix + string(name)
	if before.isTree() || after.isTree() {
		return d.trees(before.hash, after.hash, path+"/")
	}
	d.found = append(d.found, difference{path, node{before.mode, before.hash}, node{after.mode, after.hash}})
	return nil
}

// compareNames orders the entries of a tree as git does: a folder as if its
// name ended with a slash.
func compareNames(a []byte, aTree bool, b []byte, bTree bool) int {
	n := min(len(a), len(b))
	if c := bytes.Compare(a[:n], b[:n]); c != 0 {
		return c
	}
	return int(tailByte(a, n, aTree)) - int(tailByte(b, n, bTree))
}

func tailByte(name []byte, n int, tree bool) byte {
	switch {
	case n < len(name):
		return name[n]
	case tree:
		return '/'
	}
	return 0
}
