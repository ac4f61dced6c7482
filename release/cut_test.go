package release

import (
	"fmt"
	"slices"
	"testing"

	"github.com/anvilpeering/anvil/gitstore"
)

// Every so many releases the draft branch starts anew, and the chain before it
// stays until the next cut. No id changes, and deltas reach across.
func TestDraftIsCut(t *testing.T) {
	h := newHouse(t)
	h.log.cut = 4
	var releases []*Release
	for i := range 14 {
		r := h.save("support/triage/classify.yaml", text(fmt.Sprint(i)))
		releases = append(releases, r)
		if i == 6 {
			h.open() // the length of a chain is read back
			h.log.cut = 4
		}
		chain := i%4 + 1
		if n := h.gitReleases("rev-list", "--count", "support/draft"); n != fmt.Sprint(chain) {
			t.Fatalf("after %d releases draft has a chain of %s, want %d", i+1, n, chain)
		}
		kept := chain
		if i >= 4 {
			kept += 4
		}
		want := slices.Clone(releases[len(releases)-kept:])
		slices.Reverse(want)
		got := h.history("support", Draft)
		if !slices.EqualFunc(got, want, func(a, b *Release) bool { return *a == *b }) {
			t.Fatalf("after %d releases %d are listed, want %d", i+1, len(got), kept)
		}
		oldest := want[len(want)-1]
		same(t, h.read(h.artefact(r, oldest), h.full(oldest)), h.full(r))
	}
	if got := h.gitReleases("rev-list", "--count", "support/draft-previous"); got != "4" {
		t.Errorf("draft-previous has %s", got)
	}
	h.sound()
	h.gitReleases("gc", "-q", "--prune=now")
	if n := len(h.history("support", Draft)); n != 6 {
		t.Errorf("%d listed after gc", n)
	}
	h.open()
	if heads := h.log.Heads(); len(heads) != 1 || heads[0].ID != releases[13].ID {
		t.Errorf("heads %v", heads)
	}
	if _, err := h.log.Find("support", Draft, releases[0].ID); err == nil {
		t.Error("a release of a chain that was let go is found")
	}
	// Other channels keep all.
	h.log.cut = 4
	for range 6 {
		h.record(h.planFrom("production", releases[13]), "publish")
	}
	if n := len(h.history("support", "production")); n != 6 {
		t.Errorf("%d releases of production", n)
	}
}

// A process that dies between keeping the old chain and starting the new one
// has lost nothing and listed nothing twice.
func TestCutIsInterrupted(t *testing.T) {
	h := newHouse(t)
	h.log.cut = 3
	for i := range 6 {
		h.save("support/triage/classify.yaml", text(fmt.Sprint(i)))
	}
	want := h.history("support", Draft)[:3]
	tip := want[0].ID
	if err := h.log.keepChain(name{"support", Draft}, tip); err != nil {
		t.Fatal(err)
	}
	h.open()
	h.log.cut = 3
	got := h.history("support", Draft)
	if !slices.EqualFunc(got, want, func(a, b *Release) bool { return *a == *b }) {
		t.Fatalf("%d listed, want %d", len(got), len(want))
	}
	next := h.save("support/triage/classify.yaml", text("next"))
	if n := len(h.history("support", Draft)); n != 4 {
		t.Errorf("%d listed after the cut", n)
	}
	if got := h.gitReleases("rev-list", "--parents", "-1", "support/draft"); got != next.ID.String() {
		t.Errorf("the new chain has a parent: %s", got)
	}
	if got, _ := gitstore.ParseHash(h.gitReleases("rev-parse", "support/draft-previous")); got != tip {
		t.Errorf("draft-previous at %s, want %s", got, tip)
	}
	h.sound()
}
