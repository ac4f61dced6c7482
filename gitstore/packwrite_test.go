package gitstore

import (
	"fmt"
	"path/filepath"
	"testing"
)

// A commit of many objects, which go in as one pack, dies at each operation in
// turn: the repository is whole, the commit is there or is not, and the next one
// goes through.
func TestCrashWhilePacking(t *testing.T) {
	w := newWork(t)
	var paths []string
	for i := range 2 * packFromSynced {
		paths = append(paths, fmt.Sprintf("p%d/x%d.yaml", i%5, i))
		w.write(paths[i], "first\n")
	}
	w.commit(paths...)
	outcomes := map[bool]int{}
	for n := 1; ; n++ {
		for _, p := range paths {
			w.write(p, fmt.Sprintln(n, p))
		}
		before := w.tip()
		dead := diesAt(n)
		w.repo.disk.sync = true
		w.repo.disk.before = dead.before
		_, err := w.tryCommit(paths...)
		w.open()
		after := w.tip()
		outcomes[after != before]++
		if err == nil && after == before {
			t.Fatalf("step %d: acknowledged and lost", n)
		}
		if after == before {
			w.commit(paths...)
		}
		if got := w.status(); got != "" {
			t.Fatalf("step %d: git status:\n%s", n, got)
		}
		w.noLocks()
		if dead.ops < n {
			break
		}
	}
	w.whole()
	packs, err := filepath.Glob(filepath.Join(w.dir, ".git", "objects", "pack", "*.idx"))
	if err != nil || len(packs) == 0 || outcomes[true] < 3 || outcomes[false] < 10 {
		t.Fatalf("%d packs, %v; died before and after the swap: %v", len(packs), err, outcomes)
	}
}
