package gitstore

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// ErrSeveralBases: two histories have more than one best common ancestor, as after
// merges in both directions at once.
var ErrSeveralBases = errors.New("several merge bases")

// Version is a path as one commit has it; the zero Version is none.
type Version struct {
	Path string
	Mode Mode
	Hash Hash
}

// MergeFile merges the contents of a regular file that both sides changed, and
// reports whether that could be done. base is nil when both sides added the file.
// path is where the merged file will be.
type MergeFile func(path string, base, ours, theirs []byte) (merged []byte, ok bool, err error)

// Merge is what merging theirs into ours comes to.
type Merge struct {
	// Edits turn the tree of ours into the merge, sorted by path. With conflicts
	// they are what can be merged all the same: at the paths of the conflicts ours is
	// left as it is.
	Edits     []Edit
	Conflicts []Conflict // sorted by path
}

// Conflict is what cannot be merged without a person.
type Conflict struct {
	Kind ConflictKind
	// Path is where ours has the file, or else base, or theirs.
	Path               string
	Base, Ours, Theirs Version
}

// ConflictKind says why.
type ConflictKind string

// The kinds of conflicts.
const (
	ConflictContent ConflictKind = "content"         // both changed it, and MergeFile could not merge it
	ConflictAdded   ConflictKind = "add/add"         // both added another one, and MergeFile could not merge them
	ConflictDeleted ConflictKind = "modify/delete"   // one changed or moved it and the other deleted it
	ConflictRenamed ConflictKind = "rename"          // both renamed it, or one did to where the other has something
	ConflictType    ConflictKind = "type"            // of a file, a symbolic link and a submodule, they are two
	ConflictMode    ConflictKind = "mode"            // one made it executable, and the other another one that is not
	ConflictFolder  ConflictKind = "file and folder" // where one has a file, the other has a folder
)

// MergeBase returns the one best common ancestor of two commits, zero when their
// histories are unrelated. Where there are several, ErrSeveralBases with a Hint: which
// of them both sides started from is a guess that is not made here.
func (r *Repo) MergeBase(a, b Hash) (Hash, error) {
	bases, err := r.Bases(a, b)
	switch {
	case err != nil:
		return Hash{}, err
	case len(bases) == 0:
		return Hash{}, nil
	case len(bases) > 1:
		return Hash{}, &hinted{
			fmt.Errorf("merge %s and %s: %w: %d", a.Short(), b.Short(), ErrSeveralBases, len(bases)),
			"merge by hand with: git merge " + b.Short(),
		}
	}
	return bases[0], nil
}

// Merge merges three commits; the zero Hash is the empty tree. Only what differs
// between base and a side is looked at.
//
// What one side left alone is taken from the other; what both made alike is taken
// once. Two versions of a regular file go to merge, and what else differs is a
// conflict. A file that a side moved (it took it away and added exactly one of the
// same content, of which there was one before) is merged with what the other side made
// of it at the old path, at the new one; a file that was moved and changed at once is
// deleted at one path and added at the other.
func (r *Repo) Merge(base, ours, theirs Hash, merge MergeFile) (*Merge, error) {
	out, err := r.merge(base, ours, theirs, merge)
	if err != nil {
		return nil, fmt.Errorf("merge %s and %s: %w", ours.Short(), theirs.Short(), err)
	}
	return out, nil
}

func (r *Repo) merge(base, ours, theirs Hash, merge MergeFile) (*Merge, error) {
	m := &merger{repo: r, merge: merge, edits: map[string]Edit{}, settled: map[string]bool{}, arrived: map[string]arrival{}}
	var trees [3]Hash
	for i, rev := range []Hash{base, ours, theirs} {
		tree, err := r.treeOf(rev)
		if err != nil {
			return nil, err
		}
		trees[i] = tree
	}
	m.tree = trees[1]
	var err error
	if m.ours, err = r.side(trees[0], trees[1]); err == nil {
		m.theirs, err = r.side(trees[0], trees[2])
	}
	if err != nil {
		return nil, err
	}
	if err := m.run(); err != nil {
		return nil, err
	}
	out := &Merge{Conflicts: m.conflicts}
	for _, path := range slices.Sorted(maps.Keys(m.edits)) {
		out.Edits = append(out.Edits, m.edits[path])
	}
	slices.SortFunc(out.Conflicts, func(a, b Conflict) int { return strings.Compare(a.Path, b.Path) })
	return out, nil
}

// side is what a side changed since base.
type side struct {
	changes map[string]difference
	moved   map[string]string // from the old path to the new one
}

func (r *Repo) side(base, tree Hash) (side, error) {
	found, err := r.objects.differences(base, tree, "")
	if err != nil {
		return side{}, err
	}
	s := side{changes: make(map[string]difference, len(found)), moved: map[string]string{}}
	gone, added := map[node][]string{}, map[node][]string{}
	for _, d := range found {
		s.changes[d.path] = d
		switch {
		case d.after == node{}:
			gone[d.before] = append(gone[d.before], d.path)
		case d.before == node{}:
			added[d.after] = append(added[d.after], d.path)
		}
	}
	for content, from := range gone {
		if to := added[content]; len(from) == 1 && len(to) == 1 && isFile(content.mode) {
			s.moved[from[0]] = to[0]
		}
	}
	return s, nil
}

func isFile(m Mode) bool { return m == ModeFile || m == ModeExecutable }

// merger merges the changes of both sides into edits of ours.
type merger struct {
	repo         *Repo
	merge        MergeFile
	tree         Hash // of ours
	ours, theirs side
	edits        map[string]Edit
	conflicts    []Conflict
	settled      map[string]bool // new paths of files that were moved, which need no further look
	arrived      map[string]arrival
}

func (m *merger) run() error {
	paths := slices.Sorted(maps.Keys(m.theirs.changes))
	gone := func(path string) bool {
		return m.ours.changes[path].after == node{} || m.theirs.changes[path].after == node{}
	}
	// What was taken away comes first: it may have been moved, and settles then what
	// happens at its new path.
	for _, first := range []bool{true, false} {
		for _, path := range paths {
			if _, both := m.ours.changes[path]; both && gone(path) == first && !m.settled[path] {
				if err := m.both(path); err != nil {
					return err
				}
			}
		}
	}
	for _, path := range paths {
		if _, both := m.ours.changes[path]; !both && !m.settled[path] {
			m.take(path, m.theirs.changes[path].after)
		}
	}
	return m.folders()
}

// take puts what theirs has.
func (m *merger) take(path string, n node) {
	if n == (node{}) {
		m.edits[path] = Edit{Path: path, Removed: true}
		return
	}
	m.edits[path] = Edit{Path: path, Blob: n.hash, Mode: n.mode}
}

func (m *merger) conflict(kind ConflictKind, base, ours, theirs Version) {
	at := ours.Path
	for _, v := range []Version{base, theirs} {
		if at == "" {
			at = v.Path
		}
	}
	m.conflicts = append(m.conflicts, Conflict{kind, at, base, ours, theirs})
}

func version(path string, n node) Version {
	if n == (node{}) {
		return Version{}
	}
	return Version{path, n.mode, n.hash}
}

// both merges a path that both sides changed.
func (m *merger) both(path string) error {
	ours, theirs := m.ours.changes[path], m.theirs.changes[path]
	if ours.after == theirs.after {
		m.moved(path, ours.before)
		return nil
	}
	switch {
	case ours.after == node{}:
		return m.away(path, ours.before, m.ours.moved[path], theirs.after, false)
	case theirs.after == node{}:
		return m.away(path, theirs.before, m.theirs.moved[path], ours.after, true)
	}
	return m.file(path, ours.before, ours.after, theirs.after, path)
}

// moved finds a file that both sides moved to different paths, or that one moved and
// the other deleted.
func (m *merger) moved(path string, base node) {
	toOurs, toTheirs := m.ours.moved[path], m.theirs.moved[path]
	if toOurs == toTheirs {
		return
	}
	kind := ConflictRenamed
	if toOurs == "" || toTheirs == "" {
		kind = ConflictDeleted
	}
	at := func(to string) Version {
		if to == "" {
			return Version{}
		}
		m.settled[to] = true
		return version(to, base)
	}
	m.conflict(kind, version(path, base), at(toOurs), at(toTheirs))
}

// away merges a file that one side took away, perhaps to another path, and the other
// made something else of.
func (m *merger) away(path string, base node, to string, other node, mine bool) error {
	ours, theirs := node{}, other // who has what at the old path
	if mine {
		ours, theirs = other, node{}
	}
	if to == "" {
		m.conflict(ConflictDeleted, version(path, base), version(path, ours), version(path, theirs))
		return nil
	}
	m.settled[to] = true
	_, inOurs := m.ours.changes[to]
	_, inTheirs := m.theirs.changes[to]
	switch {
	case inOurs && inTheirs:
		m.conflict(ConflictRenamed, version(path, base), m.present(path, ours, to, !mine, base), m.present(path, theirs, to, mine, base))
	case !isFile(other.mode):
		m.conflict(ConflictType, version(path, base), m.present(path, ours, to, !mine, base), m.present(path, theirs, to, mine, base))
	case mine: // theirs moved what ours changed
		m.edits[path] = Edit{Path: path, Removed: true}
		m.take(to, other)
		m.arrived[to] = arrival{path, base, ours, node{}}
	default: // ours moved what theirs changed
		m.take(to, other)
		m.arrived[to] = arrival{path, base, node{}, theirs}
	}
	return nil
}

// arrival is where a moved file came from, and what it was there.
type arrival struct {
	from               string
	base, ours, theirs node
}

// present is the version of a side that has n at the old path, or base at the new one
// when it moved it.
func (m *merger) present(path string, n node, to string, moved bool, base node) Version {
	if moved {
		return version(to, base)
	}
	return version(path, n)
}

// file merges three versions of an entry, of which base may be none.
func (m *merger) file(path string, base, ours, theirs node, to string) error {
	conflict := func(kind ConflictKind) error {
		m.conflict(kind, version(path, base), version(path, ours), version(path, theirs))
		return nil
	}
	if !isFile(ours.mode) || !isFile(theirs.mode) {
		switch {
		case kindOf(ours.mode) != kindOf(theirs.mode):
			return conflict(ConflictType)
		case base == node{}:
			return conflict(ConflictAdded)
		}
		return conflict(ConflictContent)
	}
	mode, ok := pick(base.mode, ours.mode, theirs.mode)
	if base != (node{}) && !isFile(base.mode) {
		mode, ok = ours.mode, ours.mode == theirs.mode
	}
	if !ok {
		return conflict(ConflictMode)
	}
	hash, ok := pick(base.hash, ours.hash, theirs.hash)
	if ok {
		m.take(to, node{mode, hash})
		return nil
	}
	var contents [3][]byte
	for i, n := range []node{base, ours, theirs} {
		if !isFile(n.mode) {
			continue
		}
		content, err := m.repo.Blob(n.hash)
		if err != nil {
			return err
		}
		contents[i] = content
	}
	merged, ok, err := m.merge(to, contents[0], contents[1], contents[2])
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", to, err)
	case !ok && base == node{}:
		return conflict(ConflictAdded)
	case !ok:
		return conflict(ConflictContent)
	}
	m.edits[to] = Edit{Path: to, Content: merged, Mode: mode}
	return nil
}

// pick takes the one of two values that differs from what it was.
func pick[T comparable](base, ours, theirs T) (T, bool) {
	switch {
	case ours == theirs, theirs == base:
		return ours, true
	case ours == base:
		return theirs, true
	}
	return ours, false
}

// kindOf tells files, links and submodules apart.
func kindOf(m Mode) Mode { return m & 0o170000 }

// folders finds what would be a file and a folder at once.
func (m *merger) folders() error {
	for _, path := range slices.Sorted(maps.Keys(m.edits)) {
		e := m.edits[path]
		if e.Removed {
			continue
		}
		blocked, err := m.blocked(path)
		if err != nil {
			return err
		}
		if blocked == "" {
			continue
		}
		theirs := m.theirs.changes[path]
		delete(m.edits, path)
		if a, ok := m.arrived[blocked]; ok && blocked != path { // the file in the way stays as ours has it, too
			delete(m.edits, blocked)
			delete(m.arrived, blocked)
			m.conflict(ConflictFolder, version(a.from, a.base), m.present(a.from, a.ours, blocked, a.ours == node{}, a.base), version(a.from, a.theirs))
		}
		if a, ok := m.arrived[path]; ok { // then neither half of the move is made
			delete(m.edits, a.from)
			m.conflict(ConflictFolder, version(a.from, a.base), m.present(a.from, a.ours, path, a.ours == node{}, a.base), m.present(a.from, a.theirs, path, a.theirs == node{}, a.base))
			continue
		}
		for from, to := range m.theirs.moved {
			if to == path { // what moved here stays where ours has it
				delete(m.edits, from)
			}
		}
		ours := Version{}
		if n, err := m.repo.nodeAt(m.tree, blocked); err != nil {
			return err
		} else if n.mode != ModeTree {
			ours = version(blocked, n)
		}
		m.conflict(ConflictFolder, version(path, theirs.before), ours, version(path, theirs.after))
	}
	return nil
}

// blocked returns what stands in the way of a file at path: a file where it needs a
// folder, or files in a folder of its own name.
func (m *merger) blocked(path string) (string, error) {
	for i := range path {
		if path[i] != '/' {
			continue
		}
		above := path[:i]
		n, err := m.repo.nodeAt(m.tree, above)
		if err != nil {
			return "", err
		}
		edit, edited := m.edits[above]
		if edited && !edit.Removed || !edited && n.mode != 0 && n.mode != ModeTree {
			return above, nil
		}
	}
	n, err := m.repo.nodeAt(m.tree, path)
	if err != nil || n.mode != ModeTree {
		return "", err
	}
	found, err := m.repo.objects.differences(Hash{}, n.hash, path+"/")
	if err != nil {
		return "", err
	}
	for _, d := range found {
		if e, ok := m.edits[d.path]; !ok || !e.Removed {
			return path, nil
		}
	}
	return "", nil
}
