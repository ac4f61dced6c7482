package gitstore

import (
	"bytes"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
)

// What is patched must be read back as it was meant, whatever the bytes; and no
// bytes may bring the reader down.
func FuzzIndexPatch(f *testing.F) {
	w := newWork(f)
	for _, version := range []string{"2", "3", "4"} {
		w.write("a/x.yaml", "1\n")
		w.write("a/b/y.yaml", "2\n")
		w.write("c.yaml", version)
		w.git("config", "index.version", version)
		w.git("update-index", "--index-version", version)
		w.git("add", ".")
		w.git("commit", "-q", "-m", "m")
		w.write("later.yaml", version)
		w.git("add", "-N", "later.yaml")
		raw, err := os.ReadFile(filepath.Join(w.dir, ".git", "index"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw, "a/x.yaml", "a/n/new.yaml", false)
		f.Add(raw, "c.yaml", "a/b/y.yaml", true)
	}
	f.Fuzz(func(t *testing.T, raw []byte, one, two string, remove bool) {
		x, err := framed(raw)
		if err != nil || x.version < 2 || x.version > 4 || int64(x.count)*(entryFixed+2) > int64(len(raw)) {
			return
		}
		if !validPath(one) || !validPath(two) || one == two {
			return
		}
		before, err := listIndex(x)
		if err != nil {
			return
		}
		edits := []*fileEdit{
			{path: one, mode: ModeFile, hash: BlobHash([]byte(one)), removed: remove},
			{path: two, mode: ModeExecutable, hash: BlobHash([]byte(two))},
		}
		root := newFolder()
		for _, e := range edits {
			if old, ok := before[e.path]; ok {
				e.tip = node{old.mode, old.hash}
			}
			root.put(e)
		}
		sort.Slice(edits, func(i, j int) bool { return edits[i].path < edits[j].path })
		sorted := x.sorted()
		patched, err := x.patch(edits, root, nil)
		if err != nil || !sorted {
			return
		}
		if rebuilt, err := x.rebuild(edits, root, nil); err != nil || !bytes.Equal(rebuilt, patched.raw) {
			t.Fatalf("overwritten: %q, rebuilt: %q, %v", patched.raw, rebuilt, err)
		}
		again, err := framed(patched.raw)
		if err != nil {
			t.Fatal(err)
		}
		after, err := listIndex(again)
		if err != nil {
			t.Fatalf("the patched index: %v", err)
		}
		for _, e := range edits {
			delete(before, e.path)
			if !e.removed {
				before[e.path] = node{e.mode, e.hash}
			}
		}
		if len(before) != len(after) {
			t.Fatalf("%d entries, want %d", len(after), len(before))
		}
		for path, want := range before {
			if after[path] != want {
				t.Fatalf("%q is %v, want %v", path, after[path], want)
			}
		}
	})
}

func listIndex(x *index) (map[string]node, error) {
	files := map[string]node{}
	c := x.cursor()
	for {
		e, ok, err := c.next()
		if err != nil {
			return nil, err
		}
		if !ok {
			_, err := x.extensions(c.pos)
			return files, err
		}
		files[string(e.path)] = node{e.mode(), e.hash()}
	}
}

// sorted reports whether the paths ascend, as they do in every index that git
// wrote.
func (x *index) sorted() bool {
	last := []byte(nil)
	for c := x.cursor(); ; {
		e, ok, err := c.next()
		if err != nil || !ok {
			return err == nil
		}
		if bytes.Compare(last, e.path) >= 0 {
			return false
		}
		last = bytes.Clone(e.path)
	}
}

func FuzzTree(f *testing.F) {
	raw := appendEntry(nil, treeEntry{ModeFile, []byte("a.yaml"), BlobHash(nil)})
	f.Add(appendEntry(raw, treeEntry{ModeTree, []byte("b"), emptyTree}))
	f.Fuzz(func(t *testing.T, raw []byte) {
		for rest := raw; len(rest) > 0; {
			e, after, err := nextEntry(rest)
			if err != nil {
				return
			}
			again := appendEntry(nil, e)
			line := bytes.TrimLeft(rest[:len(rest)-len(after)], "0") // old tools padded the mode
			if !bytes.Equal(again, line) {
				t.Fatalf("%q became %q", line, again)
			}
			rest = after
		}
	})
}

func FuzzRefs(f *testing.F) {
	f.Add([]byte("# pack-refs with: peeled fully-peeled sorted \n" + strings.Repeat("1", 40) + " refs/heads/a\n" +
		strings.Repeat("2", 40) + " refs/tags/b\n^" + strings.Repeat("3", 40) + "\n"))
	f.Add([]byte("ref: refs/heads/main\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if h, target, err := parseLooseRef(raw); err == nil && target == "" && h.IsZero() && !bytes.HasPrefix(raw, []byte("0")) {
			t.Fatal("a ref without a value")
		}
		list, err := parsePackedRefs(raw)
		if err != nil {
			return
		}
		for _, r := range list.sorted {
			rest, err := parsePackedRefs(withoutRef(raw, r.Name))
			if err != nil {
				t.Fatalf("without %q: %v", r.Name, err)
			}
			if _, ok := rest.find(r.Name); ok {
				t.Fatalf("%q is still there", r.Name)
			}
		}
	})
}

func FuzzConfig(f *testing.F) {
	f.Add([]byte("[a \"b\"]\n\tc = d \\\n e ; f\n[g]\n\th\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		values, err := parseConfig(raw)
		if err != nil {
			return
		}
		for _, v := range values {
			if !strings.Contains(v.key, ".") {
				t.Fatalf("key %q has no section", v.key)
			}
		}
	})
}

func FuzzObjects(f *testing.F) {
	var loose bytes.Buffer
	deflate(&loose, objectHeader(kindBlob, 3), []byte("abc"))
	f.Add(loose.Bytes())
	f.Add([]byte("tree " + strings.Repeat("1", 40) + "\nauthor A <a> 1 +0000\n\nm"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if o, err := parseLoose(raw); err == nil && o.kind == 0 {
			t.Fatal("an object of no kind")
		}
		if c, err := parseCommit(raw); err == nil {
			if again, err := parseCommit(encodeCommit(c)); err != nil || again.Tree != c.Tree || len(again.Parents) != len(c.Parents) {
				t.Fatalf("%q: %v", encodeCommit(c), err)
			}
		}
	})
}

func FuzzWildmatch(f *testing.F) {
	f.Add("a/**/b*[!x-z]?", "a/c/d/bcc")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if wildmatch(pattern, text) && pattern == "" && text != "" {
			t.Fatal("nothing matches something")
		}
	})
}
