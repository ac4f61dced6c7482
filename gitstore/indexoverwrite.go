package gitstore

import (
	"crypto/sha1"
	"encoding/binary"
	"hash"
	"math"
	"sort"
	"sync"
)

// layout is where things are in an index. It is found in one pass and then
// known: a commit that only changes files finds their entries by halving, and
// hands on what it knows to the index that it makes.
type layout struct {
	once     sync.Once
	entries  []uint32 // where each begins, of versions 2 and 3
	end      int      // where the extensions begin
	unmerged bool
	err      error
	sums     []hash.Cloner // the state of the checksum after each sumStep bytes, as far as it is known
}

const sumStep = 256 << 10

func (x *index) layout() *layout {
	l := &x.known
	l.once.Do(func() {
		known := x.version < 4 && len(x.raw) < math.MaxUint32
		if known {
			l.entries = make([]uint32, 0, x.count)
		}
		c := x.cursor()
		for {
			e, ok, err := c.next()
			if err != nil || !ok {
				l.err = err
				break
			}
			if known {
				l.entries = append(l.entries, uint32(e.pos))
			}
			l.unmerged = l.unmerged || e.stage() != 0
		}
		l.end = c.pos
	})
	return l
}

// find returns the entry of a path; the index must be of version 2 or 3 and its
// layout without an error.
func (x *index) find(path string) (indexEntry, bool) {
	entries := x.known.entries
	at := func(i int) indexEntry {
		c := cursor{index: x, pos: int(entries[i]), left: 1}
		e, _, _ := c.next() // the layout has read it before
		return e
	}
	i := sort.Search(len(entries), func(i int) bool { return string(at(i).path) >= path })
	if i == len(entries) {
		return indexEntry{}, false
	}
	e := at(i)
	return e, string(e.path) == path
}

// overwrite is patch for the common case, that files change which the index
// has: it copies the bytes and overwrites those of the entries and of the cached
// trees, so that only the copy and the checksum grow with the index. Whatever is
// not that simple is nil, and left to rebuild.
func (x *index) overwrite(edits []*fileEdit, root *folder, spare []byte) *index {
	l := x.layout()
	if l.err != nil || l.unmerged || l.entries == nil || len(x.raw) == 0 {
		return nil
	}
	list, err := x.extensions(l.end)
	if err != nil {
		return nil
	}
	raw := append(spare[:0], x.raw...)
	for i, e := range list {
		switch e.name {
		case "TREE":
			if rest, ok := overwriteTrees(raw[e.at:e.at+len(e.data)], root, 0); !ok || len(rest) > 0 {
				return nil
			}
		case "REUC", "UNTR", "FSMN", "IEOT":
		case "EOIE":
			if i != len(list)-1 {
				return nil
			}
		default:
			return nil
		}
	}
	first := len(raw)
	for _, e := range edits {
		old, ok := x.find(e.path)
		if !ok || e.removed || e.tip.mode == 0 || old.intentToAdd() {
			return nil
		}
		if h := old.hash(); h != e.tip.hash && h != e.hash {
			return nil
		}
		if m := old.mode(); m != e.tip.mode && m != e.mode {
			return nil
		}
		first = min(first, old.pos)
		fixed := raw[old.pos : old.pos+entryFixed]
		e.stat.put(fixed)
		binary.BigEndian.PutUint32(fixed[24:], uint32(e.mode))
		copy(fixed[40:], e.hash[:])
	}
	y := &index{raw: raw, version: x.version, count: x.count}
	y.known.once.Do(func() { y.known.entries, y.known.end = l.entries, l.end })
	if !x.unsummed() {
		y.sum(l.sums, first)
	}
	return y
}

// sum writes the checksum of an index whose first bytes are those of another:
// known are the states of that one's checksum, and it is taken up where they
// last agree.
func (x *index) sum(known []hash.Cloner, same int) {
	body := x.body()
	from := min(same/sumStep, len(known))
	x.known.sums = append([]hash.Cloner(nil), known[:from]...)
	sum := sha1.New()
	if from > 0 {
		sum = clone(known[from-1])
	}
	for at := from * sumStep; at < len(body); at += sumStep {
		part := body[at:min(at+sumStep, len(body))]
		sum.Write(part)
		if len(part) == sumStep {
			x.known.sums = append(x.known.sums, clone(sum.(hash.Cloner)))
		}
	}
	sum.Sum(body)
}

func clone(sum hash.Cloner) hash.Cloner {
	c, err := sum.Clone()
	if err != nil {
		panic(err) // SHA-1 of the standard library can
	}
	return c
}

// overwriteTrees gives the folders of a commit their new trees in the extension
// TREE, where no folder comes, goes or changes its number of files; false: it is
// not so, or a tree is no longer known.
func overwriteTrees(raw []byte, f *folder, depth int) (rest []byte, ok bool) {
	t, rest, err := parseCachedTree(raw)
	if err != nil || depth > treeDepth || f.delta != 0 || f.new.IsZero() || f.old.IsZero() {
		return nil, false
	}
	if t.entries >= 0 {
		if t.hash != f.old {
			return nil, false
		}
		copy(raw[len(raw)-len(rest)-len(t.hash):], f.new[:])
	}
	for range t.folders {
		child, _, err := parseCachedTree(rest)
		if err != nil {
			return nil, false
		}
		if sub := f.folders[string(child.name)]; sub != nil {
			rest, ok = overwriteTrees(rest, sub, depth+1)
		} else {
			rest, err = skipCachedTree(rest, depth+1)
			ok = err == nil
		}
		if !ok {
			return nil, false
		}
	}
	return rest, true
}
