package push_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/anvilpeering/anvil/protocol"
	"github.com/anvilpeering/anvil/push"
	"github.com/anvilpeering/anvil/release"
	"github.com/anvilpeering/anvil/state"
)

// at is a house whose clock moves only when the test says so.
func at(t *testing.T, o push.Options) (h *house, advance func(time.Duration)) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	o.Now = clock
	h = newHouse(t, o)
	h.clock = clock
	h.open()
	return h, func(d time.Duration) { now = now.Add(d) }
}

// run runs the server until stop is called.
func (h *house) run() (stop func()) {
	ctx, cancel := context.WithCancel(h.t.Context())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	return func() {
		h.t.Helper()
		cancel()
		if err := <-done; err != nil {
			h.t.Error(err)
		}
	}
}

func TestTipReleasesWhatChanged(t *testing.T) {
	h, advance := at(t, push.Options{})
	first := h.save(library1())
	h.tip(first)
	support, sales := h.draft("support"), h.draft("sales")
	if support.Revision != first || support.Reason != string(protocol.ReasonDraft) {
		t.Errorf("released %+v", support)
	}

	advance(time.Minute)
	second := h.save(map[string]string{"support/triage/classify.yaml": prompt("two")})
	h.tip(second)
	if got := h.draft("support"); got.Revision != second || got.Sequence <= support.Sequence {
		t.Errorf("support offers %+v", got)
	}
	if got := h.draft("sales"); got != sales {
		t.Errorf("sales was released again: %+v", got)
	}

	advance(time.Minute)
	h.tip(h.save(map[string]string{"README.md": "about\n"}))
	if got := h.draft("support"); got.Revision != second {
		t.Error("a file that is no prompt made a release")
	}
	h.tip(second)
	if got := h.draft("support"); got.Revision != second {
		t.Error("the same tip made a release")
	}
}

func TestUnfitProjectWaitsAlone(t *testing.T) {
	h, advance := at(t, push.Options{})
	h.tip(h.save(library1()))
	good := h.draft("support")

	advance(time.Minute)
	broken := h.save(map[string]string{
		"support/triage/classify.yaml": "template: '{{ mesage }}'\n",
		"sales/mail/offer.yaml":        prompt("better"),
	})
	h.tip(broken)
	if h.draft("support") != good {
		t.Error("a broken project was released")
	}
	if h.draft("sales").Revision != broken {
		t.Error("the other project was not released")
	}
	waiting := h.Waiting()
	if len(waiting) != 1 || waiting[0].Project != "support" || waiting[0].Revision != broken || len(waiting[0].Problems) == 0 {
		t.Fatalf("waiting %+v", waiting)
	}
	if p := waiting[0].Problems[0]; p.Path != "support/triage/classify.yaml" || p.Line != 1 || p.Rule == "" {
		t.Errorf("problem %s", p)
	}

	since := waiting[0].Since
	advance(time.Minute)
	h.tip(h.save(map[string]string{"support/triage/classify.yaml": "template: '{{ mesage }} {{ other }}'\n"}))
	if got := h.Waiting(); len(got) != 1 || !got[0].Since.Equal(since) {
		t.Errorf("waiting %+v", got)
	}

	advance(time.Minute)
	mended := h.save(map[string]string{"support/triage/classify.yaml": prompt("mended")})
	h.tip(mended)
	if len(h.Waiting()) != 0 || h.draft("support").Revision != mended {
		t.Errorf("still waiting: %+v", h.Waiting())
	}
}

// What fails is said, and tried again once it can work.
func TestFailedReleaseIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, push.Options{})
		tip := h.save(library1())
		h.keyless = true
		h.open()
		if err := h.Tip(t.Context(), tip); err != nil {
			t.Errorf("got %v", err)
		}
		w := h.Waiting()
		if len(w) != 2 || !strings.Contains(w[0].Reason, release.ErrNoSigner.Error()) || w[0].Hint == "" || len(w[0].Problems) != 0 {
			t.Errorf("waiting %+v", w)
		}

		h.keyless = false
		locked := errors.New("the agent is locked")
		var tries atomic.Int64
		var unlocked atomic.Bool
		h.sign = func() error {
			if tries.Add(1); unlocked.Load() {
				return nil
			}
			return locked
		}
		h.open()
		if err := h.Tip(t.Context(), tip); err != nil || !strings.Contains(h.Waiting()[0].Reason, locked.Error()) {
			t.Errorf("got %v, waiting %+v", err, h.Waiting())
		}
		stop := h.run()
		tries.Store(0)
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := tries.Load(); n < 2*4 || n > 2*6 {
			t.Errorf("two projects were tried %d times in a minute", n)
		}
		unlocked.Store(true)
		time.Sleep(11 * time.Second)
		synctest.Wait()
		if len(h.Waiting()) != 0 || h.draft("support").Revision != tip || h.draft("sales").Revision != tip {
			t.Errorf("unlocked, and still waiting: %+v", h.Waiting())
		}
		stop()
		h.close()
	})
}

// Whoever failed is not tried again sooner because others are busy.
func TestRetryIsNotHurried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, push.Options{})
		stop := h.run()
		full, calls := errors.New("disk full"), 0
		h.sign = func() error {
			// The first project of both tips: sales.
			if calls++; calls == 1 || calls == 3 {
				return full
			}
			return nil
		}
		if err := h.Tip(t.Context(), h.save(library1())); err != nil || len(h.Waiting()) != 1 {
			t.Fatalf("got %v, waiting %+v", err, h.Waiting())
		}
		time.Sleep(100 * time.Millisecond)
		second := h.save(map[string]string{"support/triage/classify.yaml": prompt("two")})
		if err := h.Tip(t.Context(), second); err != nil || len(h.Waiting()) != 1 {
			t.Fatalf("got %v", err)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if h.draft("support").Revision != second {
			t.Error("support was not released in its time")
		}
		if h.log.Head("sales", release.Draft) != nil {
			t.Error("sales was tried again with support")
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if h.draft("sales").Revision != second {
			t.Error("sales was not tried again")
		}
		stop()
		h.close()
	})
}

// A great tip takes its time. Who polls meanwhile is written down all the same.
func TestGreatTipHoldsNobodyUp(t *testing.T) {
	h := newHouse(t, push.Options{FlushEvery: time.Millisecond})
	h.tip(h.save(library1()))
	k := h.token("support", "draft")
	h.register(k, "c1", nil)
	listing, listed := make(chan struct{}), make(chan struct{})
	h.list = func() { close(listing); <-listed }
	tipped := make(chan error)
	tip := h.save(map[string]string{"support/triage/classify.yaml": prompt("two")})
	go func() { tipped <- h.Tip(t.Context(), tip) }()
	<-listing
	stop := h.run()
	for range 3 {
		time.Sleep(2 * time.Millisecond) // so that it is seen at another time
		h.check(k, "c1", "")
		seen, deadline := h.client("c1").LastSeen, time.Now().Add(20*time.Second)
		for {
			written, err := h.store.Clients(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if !written[0].LastSeen.Before(seen) {
				break
			}
			if time.Now().After(deadline) {
				t.Fatal("not written down")
			}
			time.Sleep(time.Millisecond)
		}
	}
	close(listed)
	if err := <-tipped; err != nil {
		t.Error(err)
	}
	stop()
}

func TestProjectThatIsGone(t *testing.T) {
	h, advance := at(t, push.Options{})
	h.tip(h.save(library1()))
	last := h.draft("sales")

	advance(time.Minute)
	h.tip(h.save(map[string]string{"sales/project.yaml": "", "sales/mail/offer.yaml": ""}))
	if h.draft("sales") != last {
		t.Error("its clients lost their release")
	}
	if w := h.Waiting(); len(w) != 1 || w[0].Project != "sales" {
		t.Errorf("waiting %+v", w)
	}

	advance(time.Minute)
	h.tip(h.save(map[string]string{"sales/project.yaml": "name: Sales\n", "sales/mail/offer.yaml": prompt("again")}))
	if len(h.Waiting()) != 0 || h.draft("sales") == last {
		t.Error("it came back and was not released")
	}
}

// An accident upstream must not take most of a project away from its clients.
func TestGreatDeletionWaits(t *testing.T) {
	for _, c := range []struct {
		name     string
		of, gone int
		moved    bool // there are as many others instead
		waits    string
	}{
		{"all but one", 13, 12, false, "12 of its 13 prompts"},
		{"all of a small project", 8, 8, false, "8 of its 8 prompts"},
		{"the only one", 1, 1, false, "1 of its 1 prompts"},
		{"most of a small project", 8, 7, false, ""},
		{"ten", 13, 10, false, ""},
		{"less than half", 24, 11, false, ""},
		{"all of a small project, to another set", 8, 8, true, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, advance := at(t, push.Options{})
			files, change := map[string]string{"anvil.yaml": "organisation: acme\nformat: 1\n", "support/project.yaml": "name: Support\n"}, map[string]string{}
			for i := range c.of {
				path := fmt.Sprintf("support/triage/p%02d.yaml", i)
				files[path] = prompt("text")
				if i < c.gone {
					change[path] = ""
				}
				if c.moved {
					change[fmt.Sprintf("support/other/p%02d.yaml", i)] = prompt("text")
				}
			}
			h.tip(h.save(files))
			full := h.draft("support")
			advance(time.Minute)
			h.tip(h.save(change))
			w := h.Waiting()
			if c.waits == "" {
				if len(w) != 0 || h.draft("support") == full {
					t.Errorf("waits: %+v", w)
				}
				return
			}
			if h.draft("support") != full {
				t.Error("released")
			}
			if len(w) != 1 || !strings.Contains(w[0].Reason, c.waits) || !strings.Contains(w[0].Hint, "anvil accept support") {
				t.Errorf("waiting %+v", w)
			}
		})
	}
}

// Somebody says that it was meant: once, and under a name.
func TestGreatDeletionIsAccepted(t *testing.T) {
	h, advance := at(t, push.Options{})
	empty := map[string]string{"support/triage/classify.yaml": ""}
	again := map[string]string{"support/triage/classify.yaml": prompt("again")}
	accept := func() (waited bool) {
		t.Helper()
		waited, err := h.Accept(t.Context(), "support", "ada")
		if err != nil {
			t.Fatal(err)
		}
		return waited
	}
	last := func() state.Entry { return h.audit()[0] }
	h.tip(h.save(library1()))
	full := h.draft("support")
	advance(time.Minute)
	h.tip(h.save(empty))
	if h.draft("support") != full {
		t.Fatal("released")
	}
	if !accept() || h.draft("support").Files != full.Files-1 || len(h.Waiting()) != 0 {
		t.Errorf("offers %d files, waiting %+v", h.draft("support").Files, h.Waiting())
	}
	if e := last(); e.What != "accept" || e.Who != "ada" || e.Project != "support" || e.Channel != "draft" || e.Outcome != "ok" ||
		e.From != full.ID.String() || e.To != h.draft("support").ID.String() {
		t.Errorf("audit %+v", e)
	}

	// The next accident is another one, however soon it comes.
	advance(time.Minute)
	h.tip(h.save(again))
	advance(time.Minute)
	h.tip(h.save(empty))
	if len(h.Waiting()) != 1 {
		t.Error("a second deletion passed on the word for the first")
	}
	advance(time.Minute)
	h.tip(h.save(again))

	// It may be said before the tip comes, for a while.
	advance(time.Minute)
	before := h.draft("support")
	if accept() {
		t.Error("nothing waited")
	}
	if e := last(); e.What != "accept" || e.Outcome != "ok" || e.From != before.ID.String() || e.To != "" {
		t.Errorf("audit %+v", e)
	}
	advance(9 * time.Minute)
	h.tip(h.save(empty))
	if len(h.Waiting()) != 0 || h.draft("support") == before {
		t.Error("it waits though it was accepted")
	}
	advance(time.Minute)
	h.tip(h.save(again))
	accept()
	advance(11 * time.Minute)
	h.tip(h.save(empty))
	if len(h.Waiting()) != 1 {
		t.Error("the word of eleven minutes ago still holds")
	}

	// A project whose folder is gone has nothing to release.
	advance(time.Minute)
	h.tip(h.save(map[string]string{"support/project.yaml": ""}))
	advance(time.Minute)
	gone := h.Waiting()
	if accept() || len(gone) != 1 || h.Waiting()[0].Reason != gone[0].Reason {
		t.Errorf("waiting %+v", h.Waiting())
	}
}

// A project that goes while a release of it is due is not looked for then.
func TestProjectGoesWhileItIsDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, push.Options{})
		stop := h.run()
		h.tip(h.save(library1()))
		first := h.draft("sales")
		h.tip(h.save(map[string]string{"sales/mail/offer.yaml": prompt("better")}))
		h.tip(h.save(map[string]string{"sales/project.yaml": "", "sales/mail/offer.yaml": ""}))
		before := h.Waiting()
		time.Sleep(5 * time.Second)
		synctest.Wait()
		after := h.Waiting()
		if len(before) != 1 || len(after) != 1 || after[0].Reason != before[0].Reason || h.draft("sales") != first {
			t.Errorf("waiting %+v, then %+v", before, after)
		}
		stop()
		h.close()
	})
}

func TestRewrittenHistoryIsAnOrdinaryTip(t *testing.T) {
	h, advance := at(t, push.Options{})
	h.tip(h.save(library1()))
	before := h.draft("support")

	advance(time.Minute)
	files := library1()
	files["support/triage/classify.yaml"] = prompt("rewritten")
	h.tip(h.rewrite(files))
	after := h.draft("support")
	if after.Reason != string(protocol.ReasonRewritten) || after.Sequence <= before.Sequence {
		t.Errorf("released %+v", after)
	}
	if _, err := h.log.Artefact(t.Context(), after, before); err != nil {
		t.Errorf("delta over the rewrite: %v", err)
	}
}

// The first save is out at once; a storm of them makes one release a second,
// and the last one is never passed over.
func TestDraftsAreAtMostOneASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, push.Options{})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- h.Run(ctx) }()

		h.tip(h.save(library1()))
		first := h.draft("support")
		var last string
		for i := range 35 {
			time.Sleep(100 * time.Millisecond)
			last = fmt.Sprintf("text %d", i)
			h.tip(h.save(map[string]string{"support/triage/classify.yaml": prompt(last)}))
		}
		time.Sleep(1100 * time.Millisecond)
		synctest.Wait()

		var count int
		for r, err := range h.log.History("support", release.Draft) {
			if err != nil {
				t.Fatal(err)
			}
			if r.Created.Before(first.Created) {
				t.Errorf("release %+v", r)
			}
			count++
		}
		if count < 4 || count > 6 {
			t.Errorf("%d releases in 4.6 seconds", count)
		}
		tip, err := h.authors.Tip(branch)
		if err != nil {
			t.Fatal(err)
		}
		if h.draft("support").Revision != tip {
			t.Error("the last save was not released")
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		h.close()
	})
}
