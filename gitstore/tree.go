package gitstore

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"
)

// Mode is the kind of a tree entry, as git writes it in octal.
type Mode uint32

// The modes that git uses.
const (
	ModeTree       Mode = 0o040000
	ModeFile       Mode = 0o100644
	ModeExecutable Mode = 0o100755
	ModeSymlink    Mode = 0o120000
	ModeGitlink    Mode = 0o160000
)

// Entry is a blob of a tree. Path is slash-separated from the root of the
// repository.
type Entry struct {
	Path string
	Mode Mode
	Hash Hash
}

// treeEntry is one line of a raw tree; name points into it.
type treeEntry struct {
	mode Mode
	name []byte
	hash Hash
}

func (e treeEntry) isTree() bool { return e.mode == ModeTree }

var errTree = errors.New("damaged tree")

// nextEntry reads the first entry of a raw tree: mode in octal, space, name,
// zero byte, hash.
func nextEntry(raw []byte) (e treeEntry, rest []byte, err error) {
	space := bytes.IndexByte(raw, ' ')
	if space < 5 || space > 6 {
		return e, nil, errTree
	}
	for _, c := range raw[:space] {
		if c < '0' || c > '7' {
			return e, nil, errTree
		}
		e.mode = e.mode<<3 | Mode(c-'0')
	}
	raw = raw[space+1:]
	end := bytes.IndexByte(raw, 0)
	if e.mode == 0 || end < 1 || len(raw) < end+21 || bytes.IndexByte(raw[:end], '/') >= 0 {
		return e, nil, errTree
	}
	e.name = raw[:end]
	copy(e.hash[:], raw[end+1:])
	return e, raw[end+21:], nil
}

// appendEntry is the inverse of nextEntry.
func appendEntry(raw []byte, e treeEntry) []byte {
	raw = strconv.AppendUint(raw, uint64(e.mode), 8)
	raw = append(raw, ' ')
	raw = append(raw, e.name...)
	raw = append(raw, 0)
	return append(raw, e.hash[:]...)
}

// findEntry looks a name up in a raw tree.
func findEntry(raw []byte, name string) (treeEntry, bool, error) {
	for len(raw) > 0 {
		space := bytes.IndexByte(raw, ' ')
		size := bytes.IndexByte(raw[space+1:], 0)
		end := space + 1 + size + 1 + len(Hash{})
		if space < 0 || size < 0 || end > len(raw) {
			return treeEntry{}, false, errTree
		}
		if string(raw[space+1:space+1+size]) == name {
			e, _, err := nextEntry(raw)
			return e, err == nil, err
		}
		raw = raw[end:]
	}
	return treeEntry{}, false, nil
}

// rawTree returns the bytes of a tree, which are shared; the zero Hash is the
// empty tree.
func (s *objects) rawTree(h Hash) ([]byte, error) {
	if h.IsZero() || h == emptyTree {
		return nil, nil
	}
	if raw, ok := s.trees.get(h); ok {
		return raw, nil
	}
	raw, err := s.readKind(h, kindTree)
	if err != nil {
		return nil, err
	}
	s.trees.put(h, raw, len(raw)+100)
	return raw, nil
}

// emptyTree is the hash of a tree without entries; git knows it without storing
// it.
var emptyTree = hashObject(kindTree, nil)

// treeOf returns the tree of a commit, zero for the zero Hash.
func (r *Repo) treeOf(rev Hash) (Hash, error) {
	if rev.IsZero() {
		return Hash{}, nil
	}
	c, err := r.CommitAt(rev)
	if err != nil {
		return Hash{}, err
	}
	return c.Tree, nil
}

// entryAt follows a path down from a tree. The empty path is the tree itself.
func (r *Repo) entryAt(tree Hash, path string) (treeEntry, bool, error) {
	e := treeEntry{mode: ModeTree, hash: tree}
	for name := range strings.SplitSeq(path, "/") {
		if name == "" {
			continue
		}
		if !e.isTree() {
			return treeEntry{}, false, nil
		}
		raw, err := r.objects.rawTree(e.hash)
		if err != nil {
			return treeEntry{}, false, err
		}
		var ok bool
		if e, ok, err = findEntry(raw, name); err != nil || !ok {
			return treeEntry{}, false, err
		}
	}
	return e, true, nil
}

// TreeAt returns the hash of the tree of a folder at a commit, ErrNotFound when
// there is no such folder. The folder "" is the root.
func (r *Repo) TreeAt(rev Hash, path string) (Hash, error) {
	tree, err := r.treeOf(rev)
	if err != nil {
		return Hash{}, err
	}
	e, ok, err := r.entryAt(tree, path)
	if err != nil {
		return Hash{}, fmt.Errorf("find %s at %s: %w", path, rev.Short(), err)
	}
	if !ok || !e.isTree() || e.hash.IsZero() {
		return Hash{}, fmt.Errorf("find folder %q at %s: %w", path, rev.Short(), ErrNotFound)
	}
	return e.hash, nil
}

// Walk yields the blobs below a folder of a commit in the order of their paths:
// files, executables and symbolic links, told apart by Mode. Submodules are
// left out. A folder that is not there, and the zero Hash, hold nothing. After
// an error nothing more is yielded.
func (r *Repo) Walk(rev Hash, prefix string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		tree, err := r.treeOf(rev)
		if err != nil {
			yield(Entry{}, err)
			return
		}
		e, ok, err := r.entryAt(tree, prefix)
		if err != nil {
			yield(Entry{}, err)
			return
		}
		if ok && e.isTree() {
			r.walk(e.hash, slashed(prefix), yield)
		}
	}
}

// slashed returns the beginning of every path in the folder.
func slashed(prefix string) string {
	prefix = strings.Trim(prefix, "/")
	if prefix == "" {
		return ""
	}
	return prefix + "/"
}

func (r *Repo) walk(tree Hash, prefix string, yield func(Entry, error) bool) bool {
	raw, err := r.objects.rawTree(tree)
	if err != nil {
		yield(Entry{}, err)
		return false
	}
	for len(raw) > 0 {
		var e treeEntry
		if e, raw, err = nextEntry(raw); err != nil {
			yield(Entry{}, fmt.Errorf("read tree %s: %w", tree, err))
			return false
		}
		path := prefix + string(e.name)
		switch e.mode {
		case ModeTree:
			if !r.walk(e.hash, path+"/", yield) {
				return false
			}
		case ModeGitlink:
		default:
			if !yield(Entry{Path: path, Mode: e.mode, Hash: e.hash}, nil) {
				return false
			}
		}
	}
	return true
}

// Blob returns the content of a blob. The caller owns it.
func (r *Repo) Blob(h Hash) ([]byte, error) { return r.objects.readKind(h, kindBlob) }
