package gitstore

import (
	"bytes"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"path"
	"sort"
	"strings"
)

// patch returns the index with the edits of a commit in it, and nothing else
// changed: whatever the user staged on other paths stays. edits are sorted by
// path; root says what became of the folders' trees.
//
// A path that the user staged with other content than the commit gives it, is a
// StagedError. A mode that the user staged stays staged beside the new content.
// What is made may lie in the bytes of spare.
func (x *index) patch(edits []*fileEdit, root *folder, spare []byte) (*index, error) {
	if patched := x.overwrite(edits, root, spare); patched != nil {
		return patched, nil
	}
	raw, err := x.rebuild(edits, root, spare)
	if err != nil {
		return nil, err
	}
	return framed(raw)
}

// rebuild is patch for any edits: the entries are copied one by one.
func (x *index) rebuild(edits []*fileEdit, root *folder, spare []byte) ([]byte, error) {
	if size := len(x.raw) + len(edits)*120 + 4096; cap(spare) < size {
		spare = make([]byte, 0, size)
	}
	p := patcher{index: x, out: append(spare[:0], make([]byte, indexHeader)...), edits: edits}
	p.parents = parentsOf(edits)
	end, err := p.entries()
	if err != nil {
		return nil, err
	}
	if len(p.staged) > 0 {
		return nil, &StagedError{Paths: p.staged}
	}
	copy(p.out, "DIRC")
	binary.BigEndian.PutUint32(p.out[4:], x.version)
	binary.BigEndian.PutUint32(p.out[8:], p.count)
	if err := p.extensions(end, root); err != nil {
		return nil, err
	}
	if x.unsummed() {
		return append(p.out, make([]byte, sha1.Size)...), nil
	}
	sum := sha1.Sum(p.out)
	return append(p.out, sum[:]...), nil
}

type patcher struct {
	index   *index
	out     []byte
	count   uint32
	edits   []*fileEdit
	parents []string // folders of paths that are added, sorted
	above   []string // added paths that the entries now visited may lie below
	staged  []string
	moved   bool   // entries were added or removed, so that positions changed
	copied  int    // up to where the old entries are in out
	lastIn  []byte // of version 4: the path before in the old index
	lastOut []byte // and in the new one
}

// parentsOf lists the folders of the paths that are not removed: an index may
// hold no file of such a name.
func parentsOf(edits []*fileEdit) []string {
	set := map[string]bool{}
	for _, e := range edits {
		for dir := path.Dir(e.path); !e.removed && dir != "." && !set[dir]; dir = path.Dir(dir) {
			set[dir] = true
		}
	}
	list := make([]string, 0, len(set))
	for dir := range set {
		list = append(list, dir)
	}
	sort.Strings(list)
	return list
}

// entries copies the entries with the edits among them and returns where the
// extensions begin.
func (p *patcher) entries() (int, error) {
	c := p.index.cursor()
	p.copied = indexHeader
	for {
		e, ok, err := c.next()
		if err != nil {
			return 0, fmt.Errorf("read index: %w", err)
		}
		if !ok {
			break
		}
		if e.stage() != 0 {
			return 0, busy("unmerged paths")
		}
		for len(p.edits) > 0 && p.edits[0].path < string(e.path) {
			p.flush(e.pos)
			p.insert(p.edits[0])
			p.edits = p.edits[1:]
		}
		if len(p.edits) > 0 && p.edits[0].path == string(e.path) {
			p.flush(e.pos)
			p.replace(e, p.edits[0])
			p.edits = p.edits[1:]
			p.copied = e.end
			continue
		}
		p.collide(e)
		if p.index.version == 4 {
			p.recompress(e)
			p.copied = e.end
		}
		p.count++
	}
	p.flush(c.pos)
	for _, e := range p.edits {
		p.insert(e)
	}
	return c.pos, nil
}

// flush copies the old entries up to pos.
func (p *patcher) flush(pos int) {
	if pos > p.copied {
		p.out = append(p.out, p.index.raw[p.copied:pos]...)
		p.copied = pos
	}
}

// collide notes an entry that stays and would be a file where the commit has a
// folder, or the other way round. The tip has no such file, so the user has
// staged it.
func (p *patcher) collide(e indexEntry) {
	for len(p.parents) > 0 && p.parents[0] < string(e.path) {
		p.parents = p.parents[1:]
	}
	if len(p.parents) > 0 && p.parents[0] == string(e.path) {
		p.staged = append(p.staged, string(e.path))
	}
	for len(p.above) > 0 {
		last := p.above[len(p.above)-1]
		rest, ok := strings.CutPrefix(string(e.path), last)
		if ok {
			if rest[0] == '/' {
				p.staged = append(p.staged, string(e.path))
			}
			return
		}
		p.above = p.above[:len(p.above)-1]
	}
}

// insert adds an entry for an edit of a path that the index does not have.
func (p *patcher) insert(e *fileEdit) {
	if e.removed {
		return
	}
	if e.tip.mode != 0 {
		p.staged = append(p.staged, e.path) // the user staged its removal
		return
	}
	fixed := make([]byte, entryFixed)
	binary.BigEndian.PutUint16(fixed[60:], uint16(min(len(e.path), flagNameMask)))
	p.emit(e, e.mode, fixed)
	p.above = append(p.above, e.path)
	p.moved = true
}

// replace puts an edit in the place of an entry.
func (p *patcher) replace(old indexEntry, e *fileEdit) {
	if h := old.hash(); !old.intentToAdd() && h != e.tip.hash && (e.removed || h != e.hash) {
		p.staged = append(p.staged, e.path)
		return
	}
	mode := e.mode
	if m := old.mode(); !e.removed && !old.intentToAdd() && m != e.tip.mode && m != mode {
		if m != ModeFile && m != ModeExecutable {
			p.staged = append(p.staged, e.path)
			return
		}
		mode = m // the user staged it, as with git update-index --chmod=+x: it stays staged
	}
	p.lastIn = old.path
	if e.removed {
		p.moved = true
		return
	}
	fixed := bytes.Clone(old.fixed)
	if len(fixed) > entryFixed {
		extended := binary.BigEndian.Uint16(fixed[62:]) &^ flagIntentToAdd
		binary.BigEndian.PutUint16(fixed[62:], extended)
		if extended == 0 {
			fixed = fixed[:entryFixed]
			binary.BigEndian.PutUint16(fixed[60:], old.flags()&^flagExtended)
			p.moved = true // the entries after it begin elsewhere
		}
	}
	p.emit(e, mode, fixed)
}

// emit writes an entry whose flags are set already.
func (p *patcher) emit(e *fileEdit, mode Mode, fixed []byte) {
	e.stat.put(fixed)
	binary.BigEndian.PutUint32(fixed[24:], uint32(mode))
	copy(fixed[40:], e.hash[:])
	p.count++
	if p.index.version == 4 {
		p.compress(fixed, []byte(e.path))
		return
	}
	p.out = append(p.out, fixed...)
	p.out = append(p.out, e.path...)
	size := len(fixed) + len(e.path)
	p.out = append(p.out, make([]byte, (size+8)&^7-size)...)
}

// recompress copies an entry of version 4, whose path is written against the
// one before it.
func (p *patcher) recompress(e indexEntry) {
	if bytes.Equal(p.lastIn, p.lastOut) {
		p.out = append(p.out, p.index.raw[e.pos:e.end]...)
		p.lastOut = e.path
	} else {
		p.compress(e.fixed, e.path)
	}
	p.lastIn = e.path
}

func (p *patcher) compress(fixed, name []byte) {
	common := 0
	for common < len(name) && common < len(p.lastOut) && name[common] == p.lastOut[common] {
		common++
	}
	p.out = append(p.out, fixed...)
	p.out = appendOffsetVarint(p.out, len(p.lastOut)-common)
	p.out = append(p.out, name[common:]...)
	p.out = append(p.out, 0)
	p.lastOut = name
}

// extensions copies what still holds after the edits. The cached trees are
// patched. What knows entries by position, or which files are untracked, is
// dropped when entries came or went; git makes it again.
func (p *patcher) extensions(pos int, root *folder) error {
	list, err := p.index.extensions(pos)
	if err != nil {
		return err
	}
	begin := len(p.out)
	var heads []byte
	put := func(name string, data []byte) {
		head := binary.BigEndian.AppendUint32([]byte(name), uint32(len(data)))
		heads = append(heads, head...)
		p.out = append(append(p.out, head...), data...)
	}
	tree, end := false, false
	for _, e := range list {
		switch e.name {
		case "TREE":
			patched, err := patchTrees(e.data, root)
			if err != nil {
				return err
			}
			put(e.name, patched)
			tree = true
		case "REUC":
			put(e.name, e.data)
		case "UNTR", "FSMN":
			if !p.moved {
				put(e.name, e.data)
			}
		case "IEOT":
			if !p.moved && p.index.version < 4 {
				put(e.name, e.data)
			}
		case "EOIE":
			end = true
		}
	}
	if !tree && p.index.count == 0 && root.old.IsZero() && !root.new.IsZero() {
		put("TREE", appendTree(nil, "", root))
	}
	if end {
		sum := sha1.Sum(heads)
		put("EOIE", append(binary.BigEndian.AppendUint32(nil, uint32(begin)), sum[:]...))
	}
	return nil
}
