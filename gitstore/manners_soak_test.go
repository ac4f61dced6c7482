//go:build soak

package gitstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"
)

// A save a second beside a user who adds and commits every five to ten, among ten
// thousand files: the user's commands go through, and no save waits much longer than
// the longest of them took.
func TestSoakManners(t *testing.T) {
	seed := soakSeed(t)
	w := newWork(t)
	s := &stream{}
	l := treeLayout{}
	for i := range 10_000 {
		l[fmt.Sprintf("p%d/s%d/f%d.yaml", i%5, i%500, i)] = leaf{"100644", fmt.Sprintf("name: %d\ntemplate: |\n  Text %d.\n", i, i)}
	}
	s.commit("refs/heads/main", l)
	w.load(s)
	w.git("reset", "-q", "--hard")
	w.open()

	var mu sync.Mutex
	var longest, waited time.Duration // of the user's commands, of our saves
	commands, refused, saves := 0, 0, 0
	end := time.Now().Add(soakTime(t))
	var group sync.WaitGroup
	group.Go(func() {
		r := rand.New(rand.NewPCG(seed, 1))
		time.Sleep(1500 * time.Millisecond) // the first save reads all there is
		for n := 0; time.Now().Before(end); n++ {
			path := fmt.Sprintf("user/f%d.txt", r.IntN(20))
			w.write(path, fmt.Sprintf("%d\n", n))
			for _, args := range [][]string{{"status", "--porcelain"}, {"add", path}, {"commit", "-q", "-m", fmt.Sprintf("user %d", n)}} {
				begin := time.Now()
				_, err := w.tryGit(args...)
				took := time.Since(begin)
				mu.Lock()
				commands++
				longest = max(longest, took)
				if err != nil {
					refused++
					t.Logf("git %s: %v", args[0], err)
				}
				mu.Unlock()
			}
			time.Sleep(5*time.Second + time.Duration(r.IntN(5000))*time.Millisecond)
		}
	})
	group.Go(func() {
		r := rand.New(rand.NewPCG(seed, 2))
		for n := 0; time.Now().Before(end); n++ {
			next := time.Now().Add(time.Second)
			i := r.IntN(10_000)
			path := fmt.Sprintf("p%d/s%d/f%d.yaml", i%5, i%500, i)
			w.write(path, fmt.Sprintf("name: %d\ntemplate: |\n  Save %d.\n", i, n))
			begin := time.Now()
			for !saved(t, w, path) {
				time.Sleep(20 * time.Millisecond) // as the daemon does
			}
			mu.Lock()
			saves++
			waited = max(waited, time.Since(begin))
			mu.Unlock()
			time.Sleep(time.Until(next))
		}
	})
	group.Wait()
	t.Logf("%d of %d commands were refused, the longest took %v; %d saves, the longest waited %v", refused, commands, longest, saves, waited)
	if refused > max(1, commands/100) { // in a short run one is by chance
		t.Errorf("%d of %d commands of the user were refused", refused, commands)
	}
	if waited > longest+2*time.Second {
		t.Errorf("a save waited %v, and the user's longest command took %v", waited, longest)
	}
	if saves < 10 {
		t.Errorf("%d saves", saves)
	}
	w.whole()
}

// saved commits a path, and reports whether that could be done now.
func saved(t *testing.T, w *work, path string) bool {
	state, err := w.repo.State()
	if err != nil {
		t.Errorf("state: %v", err)
		return true
	}
	if state.Busy != "" {
		return false
	}
	_, err = w.repo.Commit(context.Background(), NewCommit{Branch: state.Branch, WorkTree: true, Tip: state.Tip, Message: "update " + path, Author: ada, Edits: []Edit{w.edit(path)}})
	if err == nil || errors.Is(err, ErrMoved) || errors.Is(err, ErrBusy) {
		return err == nil
	}
	t.Errorf("our commit: %v", err)
	return true
}
