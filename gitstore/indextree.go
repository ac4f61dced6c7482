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
	name    []byte // in the extension
	entries int
	folders int
	hash    Hash
}

var errCachedTree = fmt.Errorf("%w: cached trees", errIndex)

func parseCachedTree(raw []byte) (t cachedTree, rest []byte, err error) {
	end := bytes.IndexByte(raw, 0)
	if end < 0 {
		return t, nil, errCachedTree
	}
	t.name, rest = raw[:end:end], raw[end+1:]
	var ok, ok2 bool
	t.entries, rest, ok = cachedNumber(rest, ' ')
	t.folders, rest, ok2 = cachedNumber(rest, '\n')
	if !ok || !ok2 || t.folders < 0 || t.folders > len(rest) {
		return t, nil, errCachedTree
	}
	if t.entries >= 0 {
		if len(rest) < len(t.hash) {
			return t, nil, errCachedTree
		}
		t.hash, rest = Hash(rest[:20]), rest[20:]
	}
	return t, rest, nil
}

// cachedNumber reads a decimal number up to the byte that ends it. An index has
// one folder for each few files: this is read more often than anything else.
func cachedNumber(raw []byte, end byte) (n int, rest []byte, ok bool) {
	sign, i := 1, 0
	if len(raw) > 0 && raw[0] == '-' {
		sign, i = -1, 1
	}
	for from := i; i < len(raw) && i < from+10; i++ {
		c := raw[i]
		switch {
		case c == end && i > from:
			return sign * n, raw[i+1:], true
		case !isDigit(c):
			return 0, nil, false
		}
		n = n*10 + int(c-'0')
	}
	return 0, nil, false
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
		err = errCachedTree
	}
	return out, err
}

func patchCachedTree(out, raw []byte, f *folder, depth int) (_, rest []byte, err error) {
	t, rest, err := parseCachedTree(raw)
	if err != nil {
		return nil, nil, err
	}
	if depth > treeDepth {
		return nil, nil, errCachedTree
	}
	valid := t.entries >= 0 && t.hash == f.old
	var below [][]byte // the folders that stay
	seen := map[string]bool{}
	for range t.folders {
		child, _, err := parseCachedTree(rest)
		if err != nil {
			return nil, nil, err
		}
		seen[string(child.name)] = true
		sub := f.folders[string(child.name)]
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
		return nil, errCachedTree
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
	out = cachedTree{[]byte(name), f.delta, len(names), f.new}.append(out)
	for _, sub := range names {
		out = appendTree(out, sub, f.folders[sub])
	}
	return out
}
