package gitstore

import (
	"bytes"
	"fmt"
	"sort"
	"strconv"
)

// The extension TREE caches which tree each folder of the index is: per folder
// its name, a zero byte, how many entries it has (-1: unknown), how many
// folders follow, and its hash unless unknown; then those folders.

// cachedTree is the head of one folder in the extension.
type cachedTree struct {
	name    string
	entries int
	folders int
	hash    Hash
}

func parseCachedTree(raw []byte) (t cachedTree, rest []byte, err error) {
	name, rest, ok := bytes.Cut(raw, []byte{0})
	line, rest, ok2 := bytes.Cut(rest, []byte("\n"))
	entries, folders, ok3 := bytes.Cut(line, []byte(" "))
	if !ok || !ok2 || !ok3 {
		return t, nil, fmt.Errorf("%w: cached trees", errIndex)
	}
	t.name = string(name)
	if t.entries, err = strconv.Atoi(string(entries)); err == nil {
		t.folders, err = strconv.Atoi(string(folders))
	}
	if err != nil || t.folders < 0 || t.folders > len(rest) {
		return t, nil, fmt.Errorf("%w: cached trees", errIndex)
	}
	if t.entries >= 0 {
		if len(rest) < len(t.hash) {
			return t, nil, fmt.Errorf("%w: cached trees", errIndex)
		}
		t.hash, rest = Hash(rest[:20]), rest[20:]
	}
	return t, rest, nil
}

func (t cachedTree) append(out []byte) []byte {
	out = append(out, t.name...)
	out = append(out, 0)
	out = strconv.AppendInt(out, int64(t.entries), 10)
	out = append(out, ' ')
	out = strconv.AppendInt(out, int64(t.folders), 10)
	out = append(out, '\n')
	if t.entries >= 0 {
		out = append(out, t.hash[:]...)
	}
	return out
}

const treeDepth = 4096 // of folders; git's own limit

// patchTrees gives the folders of a commit their new trees in the extension. A
// folder whose cached tree was the tip's gets the commit's; of any other the
// tree is unknown from now on, because the user staged something in it.
func patchTrees(raw []byte, root *folder) ([]byte, error) {
	out, rest, err := patchCachedTree(make([]byte, 0, len(raw)+256), raw, root, 0)
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("%w: cached trees", errIndex)
	}
	return out, err
}

func patchCachedTree(out, raw []byte, f *folder, depth int) (_, rest []byte, err error) {
	t, rest, err := parseCachedTree(raw)
	if err != nil {
		return nil, nil, err
	}
	if depth > treeDepth {
		return nil, nil, fmt.Errorf("%w: cached trees", errIndex)
	}
	valid := t.entries >= 0 && t.hash == f.old
	var below [][]byte // the folders that stay
	seen := map[string]bool{}
	for range t.folders {
		child, _, err := parseCachedTree(rest)
		if err != nil {
			return nil, nil, err
		}
		seen[child.name] = true
		sub := f.folders[child.name]
		after, err := skipCachedTree(rest, depth+1)
		if err != nil {
			return nil, nil, err
		}
		switch {
		case sub == nil:
			below = append(below, rest[:len(rest)-len(after)])
		case !sub.new.IsZero():
			patched, _, err := patchCachedTree(nil, rest, sub, depth+1)
			if err != nil {
				return nil, nil, err
			}
			below = append(below, patched)
		}
		rest = after
	}
	if !valid {
		t.entries = -1
	} else {
		t.entries, t.hash = t.entries+f.delta, f.new
		if f.new.IsZero() {
			t.hash = emptyTree
		}
		for name, sub := range f.folders {
			if !seen[name] && sub.old.IsZero() && !sub.new.IsZero() {
				below = append(below, appendTree(nil, name, sub))
			}
		}
		sort.SliceStable(below, func(i, j int) bool { return cachedBefore(below[i], below[j]) })
	}
	t.folders = len(below)
	out = t.append(out)
	for _, b := range below {
		out = append(out, b...)
	}
	return out, rest, nil
}

// cachedBefore orders folders as git keeps them in memory: shorter names first.
func cachedBefore(a, b []byte) bool {
	a, _, _ = bytes.Cut(a, []byte{0})
	b, _, _ = bytes.Cut(b, []byte{0})
	if len(a) != len(b) {
		return len(a) < len(b)
	}
	return bytes.Compare(a, b) < 0
}

func skipCachedTree(raw []byte, depth int) ([]byte, error) {
	t, rest, err := parseCachedTree(raw)
	if err != nil || depth > treeDepth {
		return nil, fmt.Errorf("%w: cached trees", errIndex)
	}
	for range t.folders {
		if rest, err = skipCachedTree(rest, depth+1); err != nil {
			return nil, err
		}
	}
	return rest, nil
}

// appendTree writes a folder that is new, all of it.
func appendTree(out []byte, name string, f *folder) []byte {
	var names []string
	for sub, below := range f.folders {
		if !below.new.IsZero() {
			names = append(names, sub)
		}
	}
	sort.Slice(names, func(i, j int) bool { return cachedBefore([]byte(names[i]), []byte(names[j])) })
	out = cachedTree{name, f.delta, len(names), f.new}.append(out)
	for _, sub := range names {
		out = appendTree(out, sub, f.folders[sub])
	}
	return out
}
