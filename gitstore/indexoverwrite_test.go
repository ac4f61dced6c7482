package gitstore

import (
	"bytes"
	"context"
	"crypto/sha1"
	"fmt"
	"testing"
)

// Files that only change are written over the bytes of the index; what comes out
// is what copying it entry by entry makes.
func TestOverwrittenIndexIsTheRebuiltOne(t *testing.T) {
	for version := 2; version <= 4; version++ {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			w := newWork(t)
			w.git("config", "index.version", fmt.Sprint(version))
			w.git("config", "index.recordEndOfIndexEntries", "true")
			w.git("config", "core.untrackedCache", "true")
			var paths []string
			for i := range 40 {
				paths = append(paths, fmt.Sprintf("p%d/s%d/x%d.yaml", i%3, i%7, i))
				w.write(paths[i], fmt.Sprint(i))
			}
			w.git("add", ".")
			w.git("commit", "-q", "-m", "m")
			w.git("status")
			overwritten := 0
			compare := func(paths ...string) {
				t.Helper()
				x, _, err := w.repo.readIndex()
				if err != nil {
					t.Fatal(err)
				}
				edits, root := w.rewritten(paths...)
				want, wantErr := x.rebuild(edits, root, nil)
				if got := x.overwrite(edits, root, nil); got != nil {
					overwritten++
					if wantErr != nil || !bytes.Equal(got.raw, want) {
						t.Fatalf("%v: overwritten\n%q\nrebuilt, %v\n%q", paths, got.raw, wantErr, want)
					}
					known, found := got.layout(), (&index{raw: want, version: got.version, count: got.count}).layout()
					if known.end != found.end || fmt.Sprint(known.entries) != fmt.Sprint(found.entries) {
						t.Fatal("what is known of the overwritten index is not what is found in it")
					}
				}
				w.commit(paths...)
				w.cachedTrees()
			}
			for round := range 8 {
				batch := paths[round*3 : round*5+1]
				for _, p := range batch {
					w.write(p, fmt.Sprint(round, p))
				}
				compare(batch...)
			}
			if simple := overwritten == 8; simple != (version < 4) {
				t.Fatalf("%d of 8 commits overwrote", overwritten)
			}
			overwritten = 0
			w.git("config", "core.untrackedCache", "keep")
			w.write("p0/new.yaml", "new")
			compare("p0/new.yaml")
			w.remove(paths[0])
			compare(paths[0])
			w.write("p1/user.txt", "staged")
			w.git("add", "p1/user.txt") // the trees of p1 and of the root are unknown from now on
			w.git("update-index", "--chmod=+x", paths[1])
			w.write(paths[1], "and changed")
			compare(paths[1])
			if overwritten != 0 {
				t.Fatal("an index was overwritten whose entries come, go or are staged")
			}
		})
	}
}

// rewritten is what a commit of the paths would do to the index.
func (w *work) rewritten(paths ...string) ([]*fileEdit, *folder) {
	w.t.Helper()
	var list []Edit
	for _, p := range paths {
		list = append(list, w.edit(p))
	}
	edits, _, err := w.repo.prepare(list, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	root := newFolder()
	for _, e := range edits {
		root.put(e)
	}
	tree, err := w.repo.treeOf(w.tip())
	if err != nil {
		w.t.Fatal(err)
	}
	rewriter := rewriter{objects: w.repo.objects}
	if err := rewriter.rewrite(root, tree, ""); err != nil {
		w.t.Fatal(err)
	}
	return edits, root
}

// A path is found in the index by halving, whatever the lengths of the names.
func TestFindEntry(t *testing.T) {
	w := newWork(t)
	c := NewCommit{Branch: "refs/heads/main", Message: "m", Author: ada}
	var paths []string
	for i := range 50 {
		paths = append(paths, fmt.Sprintf("%0*d/x.yaml", i%9+2, i))
		c.Edits = append(c.Edits, Edit{Path: paths[i], Content: []byte(paths[i])})
	}
	if _, err := w.repo.Commit(context.Background(), c); err != nil {
		t.Fatal(err)
	}
	x, _, err := w.repo.readIndex()
	if err != nil || x.layout().err != nil {
		t.Fatal(err, x.layout().err)
	}
	for _, p := range paths {
		if e, ok := x.find(p); !ok || string(e.path) != p || e.hash() != BlobHash([]byte(p)) {
			t.Errorf("%s: found %q, %v", p, e.path, ok)
		}
		if _, ok := x.find(p + "x"); ok {
			t.Errorf("%sx is found", p)
		}
	}
}

// The checksum of a large index is taken up where the first change lies, and is
// the one that a whole pass gives.
func TestChecksumIsTakenUp(t *testing.T) {
	w := newWork(t)
	c := NewCommit{Branch: "refs/heads/main", Message: "m", Author: ada}
	for i := range 9000 {
		c.Edits = append(c.Edits, Edit{Path: fmt.Sprintf("a-folder-with-a-name/%06d.yaml", i), Content: []byte("same")})
	}
	if _, err := w.repo.Commit(context.Background(), c); err != nil {
		t.Fatal(err)
	}
	for round, at := range []int{8999, 8999, 5000, 0, 3000, 8999, 6000} {
		x, _, err := w.repo.readIndex()
		if err != nil {
			t.Fatal(err)
		}
		if steps := (len(x.raw) - sha1.Size) / sumStep; steps < 3 || round > 0 && len(x.known.sums) != steps {
			t.Fatalf("round %d: %d states of the checksum are known of %d", round, len(x.known.sums), steps)
		}
		if sha1.Sum(x.body()) != [sha1.Size]byte(x.raw[len(x.raw)-sha1.Size:]) {
			t.Fatalf("round %d: the checksum is wrong", round)
		}
		edit := Edit{Path: c.Edits[at].Path, Content: fmt.Appendf(nil, "round %d", round)}
		if _, err := w.repo.Commit(context.Background(), NewCommit{
			Branch: "refs/heads/main", Tip: w.tip(), Message: "m", Author: ada, Edits: []Edit{edit},
		}); err != nil {
			t.Fatal(err)
		}
	}
	w.fsck()
}
