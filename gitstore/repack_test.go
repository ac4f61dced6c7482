package gitstore

import (
	"fmt"
	"math/rand/v2"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

// Whoever reads goes on reading, whatever git does to the packs meanwhile: packs of
// other names, a multi-pack-index, cruft packs, all loose or all packed.
func TestReadersSurviveRepacking(t *testing.T) {
	w := newWork(t)
	s := &stream{}
	last := 0
	for i := range 60 {
		l := treeLayout{}
		for n := range 20 {
			l[fmt.Sprintf("set%d/p%d.yaml", n%4, n)] = leaf{"100644", fmt.Sprintf("%d of %d\n%s", n, min(i, n*3), strings.Repeat("line\n", n))}
		}
		if last == 0 {
			last = s.commit("refs/heads/main", l)
		} else {
			last = s.commit("refs/heads/main", l, last)
		}
	}
	w.load(s)
	var revs []Hash
	for c, err := range w.repo.Log(w.rev("main"), "") {
		if err != nil {
			t.Fatal(err)
		}
		revs = append(revs, c.Hash)
	}
	done := make(chan struct{})
	var group sync.WaitGroup
	for reader := range 3 {
		group.Go(func() {
			r := rand.New(rand.NewPCG(uint64(reader), 1))
			for read := 0; ; read++ {
				select {
				case <-done:
					if read < 20 {
						t.Errorf("a reader read only %d commits", read)
					}
					return
				default:
				}
				if read%50 == 49 { // as one that was just started
					other, err := Open(w.dir, Options{Logger: quiet()})
					if err != nil {
						t.Error(err)
						return
					}
					readAll(t, other, revs[r.IntN(len(revs))])
					_ = other.Close()
					continue
				}
				readAll(t, w.repo, revs[r.IntN(len(revs))])
			}
		})
	}
	for _, args := range [][]string{
		{"repack", "-q", "-a", "-d"},
		{"multi-pack-index", "write"},
		{"repack", "-q", "-a", "-d", "-f", "--depth=3", "--write-midx"},
		{"repack", "-q", "-d", "--geometric=2", "--write-midx"},
		{"gc", "-q", "--cruft", "--prune=now"},
		{"maintenance", "run", "--task=loose-objects", "--task=incremental-repack", "--quiet"},
		{"repack", "-q", "-A", "-d", "--max-pack-size=1m"},
		{"pack-refs", "--all"},
		{"gc", "-q", "--prune=now"},
	} {
		if out, err := w.tryGit(args...); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	// All loose again, the packs gone from under the readers.
	unpack := `set -e
git init -q --bare .git/away
for p in .git/objects/pack/*.pack; do git --git-dir=.git/away unpack-objects -q < $p; done
cp -r .git/away/objects/?? .git/objects/
rm -f .git/objects/pack/*
rm -r .git/away`
	cmd := exec.Command("sh", "-c", unpack)
	cmd.Dir = w.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	w.git("repack", "-q", "-a", "-d")
	close(done)
	group.Wait()
}

func readAll(t *testing.T, repo *Repo, rev Hash) {
	for e, err := range repo.Walk(rev, "") {
		if err != nil {
			t.Errorf("walk %s: %v", rev.Short(), err)
			return
		}
		if content, err := repo.Blob(e.Hash); err != nil || BlobHash(content) != e.Hash {
			t.Errorf("read %s: %v", e.Path, err)
			return
		}
	}
}
