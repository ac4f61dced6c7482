package push_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/anvilpeering/anvil/protocol"
	"github.com/anvilpeering/anvil/push"
	"github.com/anvilpeering/anvil/release"
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
		err := h.Tip(t.Context(), tip)
		if !errors.Is(err, release.ErrNoSigner) {
			t.Errorf("got %v", err)
		}
		w := h.Waiting()
		if len(w) != 2 || w[0].Reason == "" || w[0].Hint == "" || len(w[0].Problems) != 0 {
			t.Errorf("waiting %+v", w)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := h.Run(ctx); err != nil {
			t.Error(err)
		}
		if n := strings.Count(h.logged.String(), "draft not released"); n < 4 || n > 6 {
			t.Errorf("tried %d times in a minute", n)
		}
		h.close()
	})
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
	h, advance := at(t, push.Options{})
	files, gone := library1(), map[string]string{}
	for i := range 12 {
		path := fmt.Sprintf("support/triage/p%02d.yaml", i)
		files[path], gone[path] = prompt("text"), ""
	}
	h.tip(h.save(files))
	full := h.draft("support")

	advance(time.Minute)
	h.tip(h.save(gone))
	if h.draft("support") != full {
		t.Fatal("released")
	}
	w := h.Waiting()
	if len(w) != 1 || !strings.Contains(w[0].Reason, "12 of its 13 prompts") || !strings.Contains(w[0].Hint, "anvil accept support") {
		t.Fatalf("waiting %+v", w)
	}

	if waited, err := h.Accept(t.Context(), "support", "me"); err != nil || !waited {
		t.Fatalf("accept: %v, %v", waited, err)
	}
	if h.draft("support").Files != full.Files-12 || len(h.Waiting()) != 0 {
		t.Errorf("offers %d files, waiting %+v", h.draft("support").Files, h.Waiting())
	}
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
