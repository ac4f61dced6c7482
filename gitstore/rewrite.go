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
	entries, err := parseTree(raw)
	if err != nil {
		return fmt.Errorf("read tree %s: %w", old, err)
	}
	byName := make(map[string]treeEntry, len(f.files)+len(f.folders))
	kept := entries[:0:0]
	for _, e := range entries {
		name := string(e.name)
		_, inFiles := f.files[name]
		_, inFolders := f.folders[name]
		if inFiles || inFolders {
			byName[name] = e
		} else {
			kept = append(kept, e)
		}
	}
	for name, sub := range f.folders {
		e, ok := byName[name]
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
			kept = append(kept, treeEntry{ModeTree, []byte(name), sub.new})
		}
	}
	for name, edit := range f.files {
		e, ok := byName[name]
		tree := ok && e.isTree()
		if sub := f.folders[name]; tree && !edit.removed && (sub == nil || !sub.new.IsZero()) {
			return fmt.Errorf("%s is a folder at the tip", edit.path)
		} else if tree && edit.removed && sub == nil {
			kept = append(kept, e) // nothing to remove: it is no file
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
		kept = append(kept, treeEntry{edit.mode, []byte(name), edit.hash})
	}
	if len(kept) == 0 {
		return nil
	}
	sort.Slice(kept, func(i, j int) bool {
		return compareNames(kept[i].name, kept[i].isTree(), kept[j].name, kept[j].isTree()) < 0
	})
	var out []byte
	for i, e := range kept {
		if i > 0 && string(kept[i-1].name) == string(e.name) {
			return fmt.Errorf("%s%s is a file and a folder", prefix, e.name)
		}
		out = appendEntry(out, e.mode, string(e.name), e.hash)
	}
	o := objectOf(kindTree, out)
	f.new = o.hash
	if o.hash != old {
		w.made = append(w.made, o)
		w.objects.trees.put(o.hash, out, len(out)+100)
	}
	return nil
}
