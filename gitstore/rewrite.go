package gitstore

import (
	"fmt"
	"sort"
	"strings"
)

// A commit's edits, by folder. Rewriting reads the tip's tree of each folder on
// the way to a changed path and no other, and notes for each what the index
// needs to keep its cached trees valid.
type folder struct {
	old, new Hash // of its tree; zero when there is none
	delta    int  // how many more files it holds now, at any depth
	files    map[string]*fileEdit
	folders  map[string]*folder
}

// fileEdit is an edit as it will be written.
type fileEdit struct {
	path    string
	removed bool
	mode    Mode
	hash    Hash
	stat    fileStat
	tip     node // what the tip holds at the path
}

func newFolder() *folder {
	return &folder{files: map[string]*fileEdit{}, folders: map[string]*folder{}}
}

// put files an edit under its path.
func (f *folder) put(e *fileEdit) {
	at := f
	rest := e.path
	for {
		name, below, ok := strings.Cut(rest, "/")
		if !ok {
			at.files[name] = e
			return
		}
		next := at.folders[name]
		if next == nil {
			next = newFolder()
			at.folders[name] = next
		}
		at, rest = next, below
	}
}

// newObject is an object that a commit writes.
type newObject struct {
	hash Hash
	kind kind
	data []byte
}

func objectOf(k kind, data []byte) newObject { return newObject{hashObject(k, data), k, data} }

// rewriter makes the trees of a commit.
type rewriter struct {
	objects *objects
	made    []newObject
}

// rewrite gives a folder, whose tree is old, its edits. A folder without
// entries has no tree.
func (w *rewriter) rewrite(f *folder, old Hash, prefix string) error {
	f.old = old
	raw, err := w.objects.rawTree(old)
	if err != nil {
		return err
	}
	tip := make(map[string]treeEntry, len(f.files)+len(f.folders)) // what the old tree has of the names that are edited
	for rest := raw; len(rest) > 0; {
		var e treeEntry
		if e, rest, err = nextEntry(rest); err != nil {
			return fmt.Errorf("read tree %s: %w", old, err)
		}
		if f.edits(e.name) {
			tip[string(e.name)] = e
		}
	}
	added := make([]treeEntry, 0, len(f.files)+len(f.folders))
	for name, sub := range f.folders {
		e, ok := tip[name]
		var below Hash
		switch edit := f.files[name]; {
		case ok && e.isTree():
			below = e.hash
		case ok && (edit == nil || !edit.removed):
			return fmt.Errorf("%s%s is no folder at the tip", prefix, name)
		}
		if err := w.rewrite(sub, below, prefix+name+"/"); err != nil {
			return err
		}
		f.delta += sub.delta
		if !sub.new.IsZero() {
			added = append(added, treeEntry{ModeTree, []byte(name), sub.new})
		}
	}
	for name, edit := range f.files {
		e, ok := tip[name]
		tree := ok && e.isTree()
		sub := f.folders[name]
		full := sub != nil && !sub.new.IsZero()
		switch {
		case tree && !edit.removed && (sub == nil || full):
			return fmt.Errorf("%s is a folder at the tip", edit.path)
		case !edit.removed && full:
			return fmt.Errorf("%s is a file and a folder", edit.path)
		case tree && edit.removed && sub == nil:
			added = append(added, e) // nothing to remove: it is no file
			continue
		}
		if ok && !tree {
			edit.tip = node{e.mode, e.hash}
			f.delta--
		}
		if edit.removed {
			continue
		}
		f.delta++
		if edit.mode == 0 {
			edit.mode = ModeFile
			if edit.tip.mode == ModeExecutable {
				edit.mode = ModeExecutable
			}
		}
		added = append(added, treeEntry{edit.mode, []byte(name), edit.hash})
	}
	out, err := f.splice(raw, added)
	if err != nil {
		return fmt.Errorf("read tree %s: %w", old, err)
	}
	if len(out) == 0 {
		return nil
	}
	o := objectOf(kindTree, out)
	f.new = o.hash
	if o.hash != old {
		w.made = append(w.made, o)
		w.objects.trees.put(o.hash, out, len(out)+100)
	}
	return nil
}

func (f *folder) edits(name []byte) bool {
	if _, ok := f.files[string(name)]; ok {
		return true
	}
	_, ok := f.folders[string(name)]
	return ok
}

// splice returns a raw tree with the entries that the folder does not edit, as
// they are, and the others among them.
func (f *folder) splice(raw []byte, added []treeEntry) ([]byte, error) {
	sort.Slice(added, func(i, j int) bool { return before(added[i], added[j]) })
	out := make([]byte, 0, len(raw)+len(added)*64)
	copied := 0 // up to where raw is in out
	flush := func(to int) {
		out = append(out, raw[copied:to]...)
		copied = to
	}
	for at := 0; at < len(raw); {
		e, rest, err := nextEntry(raw[at:])
		if err != nil {
			return nil, err
		}
		end := len(raw) - len(rest)
		for len(added) > 0 && before(added[0], e) {
			flush(at)
			out = appendEntry(out, added[0])
			added = added[1:]
		}
		if f.edits(e.name) {
			flush(at)
			copied = end
		}
		at = end
	}
	flush(len(raw))
	for _, e := range added {
		out = appendEntry(out, e)
	}
	return out, nil
}

func before(a, b treeEntry) bool {
	return compareNames(a.name, a.isTree(), b.name, b.isTree()) < 0
}
