package release

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anvilpeering/anvil/bundle"
	"github.com/anvilpeering/anvil/gitstore"
)

// From whatever release a client comes, it ends with the same bytes.
func TestEveryPairOfReleases(t *testing.T) {
	h := newHouse(t)
	random := rand.New(rand.NewPCG(3, 4))
	releases := []*Release{h.record(h.plan("support", Draft), "draft")}
	present := map[string]bool{}
	for i := range 8 {
		for range 1 + random.IntN(3) {
			path := fmt.Sprintf("support/s%d/n%d.yaml", random.IntN(2), random.IntN(4))
			if present[path] && random.IntN(3) == 0 {
				h.remove(path)
				present[path] = false
			} else {
				h.write(path, text(strings.Repeat(fmt.Sprint(random.IntN(9)), random.IntN(40))))
				present[path] = true
			}
		}
		if i%4 == 3 {
			h.write("shared/voice/_tone.yaml", fmt.Sprintf("template: Tone %d.\n", i))
		}
		h.commit("Edit")
		releases = append(releases, h.record(h.plan("support", Draft), "draft"))
		if i%3 == 0 {
			releases = append(releases, h.record(h.planFrom(Draft, releases[0]), "rollback"))
		}
	}
	held := make([]*bundle.Bundle, len(releases))
	for i, r := range releases {
		held[i] = h.full(r)
	}
	deltas := 0
	for i, from := range releases {
		for j, to := range releases {
			if from.Sequence > to.Sequence {
				continue
			}
			a := h.artefact(to, from)
			if a.Mode == ModeDelta {
				deltas++
			}
			same(t, h.read(a, held[i]), held[j])
		}
	}
	if deltas < len(releases) {
		t.Errorf("only %d deltas among %d releases", deltas, len(releases))
	}
	h.sound()
}

func TestFallbackToFull(t *testing.T) {
	h := newHouse(t)
	first := h.record(h.plan("support", Draft), "draft")
	other := h.record(h.plan("sales", Draft), "draft")
	production := h.record(h.planFrom("production", first), "publish")
	gone := *first
	gone.ID = gitstore.Hash{1}

	// One large file, all of it new: the delta carries as much as the bundle.
	random := rand.New(rand.NewPCG(5, 6))
	var noise strings.Builder
	for range 20_000 {
		fmt.Fprintf(&noise, "%016x", random.Uint64())
	}
	for _, path := range []string{"support/triage/greet.yaml", "support/triage/classify.yaml"} {
		h.remove(path)
	}
	large := h.save("support/triage/large.yaml", text(noise.String()))

	full := h.artefact(large, nil)
	if full.Mode != ModeFull || full.Fallback != "" || full.From != nil || full.To != large {
		t.Errorf("full bundle: %s %q", full.Mode, full.Fallback)
	}
	for _, c := range []struct {
		name     string
		from     *Release
		fallback string
	}{
		{"another project", other, FallbackUnrelated},
		{"another channel", production, FallbackUnrelated},
		{"not here", &gone, FallbackUnknown},
	} {
		a := h.artefact(large, c.from)
		if a.Mode != ModeFull || a.Fallback != c.fallback || a.From != nil || !bytes.Equal(a.Body, full.Body) || a.ETag != full.ETag {
			t.Errorf("%s: %s %q", c.name, a.Mode, a.Fallback)
		}
	}
	if a := h.artefact(large, nil); a.Fallback != "" {
		t.Error("a fallback sticks to the full bundle")
	}
	// From the large one to a small one, a delta that only deletes is smaller;
	// from the small one to the large one it depends on the bytes, and whatever
	// is sent is no larger than the full bundle.
	for _, pair := range [][2]*Release{{large, first}, {first, large}} {
		a := h.artefact(pair[1], pair[0])
		if whole := h.artefact(pair[1], nil); len(a.Body) > len(whole.Body) || (a.Mode == ModeFull) != (a.Fallback == FallbackLarger) {
			t.Errorf("%s of %d bytes, full %d, fallback %q", a.Mode, len(a.Body), len(whole.Body), a.Fallback)
		}
	}
	if _, err := h.log.Artefact(t.Context(), &gone, nil); !errors.Is(err, gitstore.ErrNotFound) {
		t.Errorf("a release that is not here: %v", err)
	}
}

func TestDeltaThatSavesNothing(t *testing.T) {
	h := newHouse(t)
	for _, path := range []string{"support/triage/greet.yaml", "support/triage/set.yaml"} {
		h.remove(path)
	}
	first := h.record(h.releasable("support"), "draft")
	// Many files go, all others change: the operations weigh more than what is left.
	for i := range 60 {
		h.write(fmt.Sprintf("support/long-name-of-a-set-%02d/and-of-a-prompt-%02d.yaml", i, i), text(fmt.Sprint(i)))
	}
	h.commit("Many")
	many := h.record(h.plan("support", Draft), "draft")
	for i := range 60 {
		h.remove(fmt.Sprintf("support/long-name-of-a-set-%02d/and-of-a-prompt-%02d.yaml", i, i))
	}
	h.write("support/triage/classify.yaml", text("changed"))
	h.write("support/project.yaml", "name: Changed\n")
	h.commit("Few")
	few := h.record(h.plan("support", Draft), "draft")
	for _, from := range []*Release{first, many} {
		a := h.artefact(few, from)
		if whole := h.artefact(few, nil); len(a.Body) > len(whole.Body) || (a.Mode == ModeFull) != (a.Fallback == FallbackLarger) {
			t.Errorf("%s of %d bytes, full %d, fallback %q", a.Mode, len(a.Body), len(whole.Body), a.Fallback)
		}
		h.read(a, h.full(from))
	}
}

// releasable commits what is in the folder and plans it for draft.
func (h *house) releasable(project string) *Plan {
	h.t.Helper()
	h.commit("Edit")
	return h.plan(project, Draft)
}

// What a reader would refuse is never signed, and what is at the edge is read.
func TestWhatIsSignedCanBeRead(t *testing.T) {
	h := newHouse(t)
	h.record(h.plan("support", Draft), "draft")
	for name, content := range map[string]string{
		"repeats itself": "template: |\n" + strings.Repeat("  the same line over and over\n", 9_000),
		"is large":       "template: |\n" + strings.Repeat("  x\n", bundle.MaxFile/4-3),
		"is Unicode":     "template: 'Grüße, 世界 🌍'\n",
		"is as short":    "template: x",
	} {
		t.Run(name, func(t *testing.T) {
			h.write("support/triage/classify.yaml", content)
			rev := h.commit("Edit")
			before := h.log.Head("support", Draft)
			p, err := h.log.Plan(t.Context(), "support", Draft, rev)
			if unfit := (*UnfitError)(nil); errors.As(err, &unfit) {
				return // the checker refuses it already
			}
			if err != nil {
				t.Fatal(err)
			}
			r := h.record(p, "draft")
			same(t, h.read(h.artefact(r, before), h.full(before)), h.full(r))
		})
	}
	t.Run("is too large", func(t *testing.T) {
		before := h.log.Head("support", Draft)
		h.write("support/triage/classify.yaml", "template: |\n"+strings.Repeat("  x\n", bundle.MaxFile/4))
		rev := h.commit("Edit")
		p, err := h.log.Plan(t.Context(), "support", Draft, rev)
		if err == nil {
			_, err = h.log.Record(t.Context(), p, "draft")
		}
		var unfit *UnfitError
		if !errors.As(err, &unfit) || unfit.Problems[0].Path != "support/triage/classify.yaml" {
			t.Errorf("recorded all the same: %v", err)
		}
		if h.log.Head("support", Draft) != before {
			t.Error("the head moved")
		}
	})
}

// A release whose files are not those that were signed is not served.
func TestDamagedReleaseIsNotServed(t *testing.T) {
	h := newHouse(t)
	first := h.record(h.plan("support", Draft), "draft")
	good := h.save("support/triage/classify.yaml", text("good"))
	h.close()
	// The same manifest over other content, as a broken disk or a hand would leave it.
	evil := h.gitReleases("hash-object", "-w", h.authors+"/README.md")
	index := "GIT_INDEX_FILE=" + t.TempDir() + "/index"
	script := fmt.Sprintf("export %s; git read-tree %s && git update-index --cacheinfo 100644,%s,content/support/triage/classify.yaml && "+
		"git commit-tree -p %s -m \"$(git log -1 --format=%%B %s)\" $(git write-tree)", index, good.ID, evil, first.ID, good.ID)
	id := h.shell(script)
	h.gitReleases("update-ref", "refs/heads/support/draft", id)
	h.open()
	bad := h.log.Head("support", Draft)
	if bad.ID.String() != id {
		t.Fatalf("head %s, want %s", bad.ID, id)
	}
	for _, from := range []*Release{nil, first} {
		if _, err := h.log.Artefact(t.Context(), bad, from); !errors.Is(err, ErrDamaged) || hint(err) == "" {
			t.Errorf("served all the same: %v", err)
		}
	}
	// As a base it is as good as unknown; the next release makes it whole again.
	h.write("support/triage/classify.yaml", text("mended"))
	h.commit("Mend")
	mended := h.record(h.plan("support", Draft), "draft")
	if a := h.artefact(mended, bad); a.Mode != ModeFull || a.Fallback != FallbackUnknown {
		t.Errorf("%s %q", a.Mode, a.Fallback)
	}
	h.full(mended)
}

func TestDamagedHeadIsNotServed(t *testing.T) {
	for name, script := range map[string]string{
		"not a release":        "git commit-tree -m hello $(git mktree </dev/null)",
		"a release of nothing": "git commit-tree -m \"$(git log -1 --format=%B support/draft)\" $(git mktree </dev/null)",
		"another's manifest":   "git commit-tree -m \"$(git log -1 --format=%B support/draft)\" sales/draft^{tree}",
		"another revision":     "git commit-tree -m \"$(git log -1 --format=%B sales/draft | sed 's/Revision: ../Revision: 00/')\" support/draft^{tree}",
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.record(h.plan("support", Draft), "draft")
			h.record(h.plan("sales", Draft), "draft")
			h.close()
			h.gitReleases("update-ref", "refs/heads/support/draft", h.shell(script))
			releases, err := gitstore.Open(h.releases, gitstore.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer releases.Close()
			log, err := Open(releases, nil, Options{Organisation: "acme"})
			if err != nil {
				t.Fatal(err)
			}
			damaged := log.Damaged()
			if len(damaged) != 1 || !errors.Is(damaged[0], ErrDamaged) || damaged[0].Project != "support" || damaged[0].Channel != Draft || damaged[0].Hint() == "" {
				t.Errorf("damaged: %v", damaged)
			}
			sales := log.Head("sales", Draft)
			if sales == nil || log.Head("support", Draft) != nil {
				t.Errorf("heads: %v %v", sales, log.Head("support", Draft))
			}
			if _, err := log.PlanFrom(t.Context(), "production", sales); err != nil {
				t.Errorf("the other project: %v", err)
			}
			h.gitReleases("update-ref", "-d", "refs/heads/sales/draft")
			_, err = Open(releases, nil, Options{Organisation: "acme"})
			if d := (*DamageError)(nil); !errors.As(err, &d) || !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "support/draft") || d.Hint() == "" {
				t.Errorf("opened with nothing but damage: %v", err)
			}
		})
	}
}

// A power cut may leave a branch as an empty file, which git itself cannot
// delete. Nothing may be recorded over it unseen: its clients' past is gone.
func TestEmptyBranchIsDamaged(t *testing.T) {
	h := newHouse(t)
	h.record(h.plan("support", Draft), "draft")
	h.record(h.plan("sales", Draft), "draft")
	h.close()
	file := filepath.Join(h.releases, "refs", "heads", "support", "draft")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file+".lock", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	h.open()
	damaged := h.log.Damaged()
	if len(damaged) != 1 || damaged[0].Project != "support" || !strings.Contains(damaged[0].Hint(), file) || h.log.Head("sales", Draft) == nil {
		t.Fatalf("damaged: %v", damaged)
	}
	if _, err := h.log.Plan(t.Context(), "support", Draft, h.tip()); !errors.Is(err, ErrDamaged) {
		t.Errorf("planned over it: %v", err)
	}
	h.close()
	for _, f := range []string{file, file + ".lock"} {
		if err := os.Remove(f); err != nil { // as the hint says
			t.Fatal(err)
		}
	}
	h.open()
	if damaged := h.log.Damaged(); len(damaged) != 0 {
		t.Errorf("still damaged: %v", damaged)
	}
	h.record(h.plan("support", Draft), "draft")
}

func TestArtefactIsMadeOnce(t *testing.T) {
	h := newHouse(t)
	first := h.record(h.plan("support", Draft), "draft")
	second := h.save("support/triage/classify.yaml", text("second"))
	for _, from := range []*Release{nil, first} {
		all := make([]*Artefact, 32)
		var group sync.WaitGroup
		for i := range all {
			group.Go(func() {
				var err error
				if all[i], err = h.log.Artefact(t.Context(), second, from); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		for _, a := range all {
			if &a.Body[0] != &all[0].Body[0] {
				t.Fatal("the same artefact was made twice")
			}
		}
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	third := h.save("support/triage/classify.yaml", text("third"))
	if _, err := h.log.Artefact(done, third, nil); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	h.full(third)
}

func TestArtefactsAreBoundedByBytes(t *testing.T) {
	kept := newArtefacts(10_000)
	key := func(i int) pair { return pair{to: gitstore.Hash{byte(i)}} }
	has := func(i int) bool { _, ok := kept.get(key(i)); return ok }
	for i := range 10 {
		kept.put(key(i), &Artefact{Body: make([]byte, 2_000)})
		if !has(0) {
			t.Fatalf("what is used is dropped after %d", i)
		}
		if kept.bytes > kept.limit || len(kept.byKey) != kept.order.Len() {
			t.Fatalf("%d bytes, %d of %d", kept.bytes, len(kept.byKey), kept.order.Len())
		}
	}
	if has(1) || !has(9) || kept.order.Len() != 3 {
		t.Errorf("%d kept", kept.order.Len())
	}
	kept.put(key(11), &Artefact{Body: make([]byte, 20_000)})
	if has(11) || !has(9) {
		t.Error("one that is larger than the room drives the others out")
	}
}

func TestDigestsAreForgotten(t *testing.T) {
	d := newDigests()
	d.bound = 4
	live := content{{"a", gitstore.Hash{1}}, {"b", gitstore.Hash{2}}}
	for i := range 4 {
		d.put(gitstore.Hash{byte(i)}, digest{size: int64(i)})
	}
	all := func(yield func(content) bool) {
		// A head's content may have to be read first. Nobody waits for that.
		if d.mu.TryLock() {
			d.mu.Unlock()
		} else {
			t.Error("locked while the contents of the heads are asked for")
		}
		yield(live)
	}
	if d.forget(all); len(d.byBlob) != 4 {
		t.Error("forgets too early")
	}
	d.put(gitstore.Hash{9}, digest{})
	if d.forget(all); len(d.byBlob) != 2 || d.bound != fewestDigests {
		t.Errorf("%d kept, bound %d", len(d.byBlob), d.bound)
	}
	if g, ok := d.get(gitstore.Hash{2}); !ok || g.size != 2 {
		t.Error("forgets what a head holds")
	}
}

// A record is what digests become too many by, so it forgets.
func TestRecordForgetsDigests(t *testing.T) {
	h := newHouse(t)
	h.record(h.plan("support", Draft), "draft")
	stray := gitstore.Hash{1}
	h.log.digests.put(stray, digest{})
	h.log.digests.bound = 1
	h.save("support/triage/classify.yaml", text("two"))
	if _, kept := h.log.digests.get(stray); kept {
		t.Error("a digest that no head holds is kept")
	}
}

// Readers see a channel before or after a release, never in between.
func TestReadersDoNotWait(t *testing.T) {
	h := newHouse(t)
	first := h.record(h.plan("support", Draft), "draft")
	done := make(chan struct{})
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				head := h.log.Head("support", Draft)
				if found, err := h.log.Find("support", Draft, head.ID); err != nil || *found != *head {
					t.Errorf("find the head: %+v, %v", found, err)
					return
				}
				if _, err := h.log.Artefact(t.Context(), head, first); err != nil {
					t.Error(err)
					return
				}
				sequence := head.Sequence
				if h.log.Head("support", Draft).Sequence < sequence {
					t.Error("the head went back")
				}
				for r, err := range h.log.History("support", Draft) {
					if err != nil || r.Sequence < first.Sequence {
						t.Error(err)
					}
					break
				}
			}
		})
	}
	for i := range 10 {
		h.save("support/triage/classify.yaml", text(fmt.Sprint(i)))
		if i == 5 {
			h.clock.advance(time.Hour)
			if _, err := h.log.Renew(t.Context(), "support", Draft, "renewal"); err != nil {
				t.Error(err)
			}
		}
	}
	close(done)
	group.Wait()
	h.full(h.log.Head("support", Draft))
	h.sound()
}
