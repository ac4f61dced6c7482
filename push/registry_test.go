package push

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/anvilpeering/anvil/release"
	"github.com/anvilpeering/anvil/state"
)

var noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

func started(id string, at time.Time) state.Client {
	return state.Client{ClientKey: state.ClientKey{Token: "k", ID: id}, Project: "support", Channel: "draft", FirstSeen: at, LastSeen: at}
}

// What an acknowledgement notes while its client starts again is not lost.
func TestClientStartsAgain(t *testing.T) {
	r := newRegistry(nil)
	c := r.register(started("c1", noon))
	c.report.Store(&state.Report{State: "failed"})
	again := started("c1", noon.Add(time.Hour))
	again.App, again.Held = "checkout 2", state.Held{Release: "r"}
	if r.register(again) != c || r.count("k") != 1 || len(r.all()) != 1 {
		t.Fatal("it became another client")
	}
	about := c.about.Load()
	if about.App != "checkout 2" || !about.FirstSeen.Equal(noon) || c.held.Load().Release != "r" ||
		moment(c.seen.Load()) != noon.Add(time.Hour) || c.report.Load().State != "failed" {
		t.Errorf("about %+v, held %+v, report %+v", about, c.held.Load(), c.report.Load())
	}
}

// Between being found silent and being forgotten, a client may speak.
func TestWhoSpeaksIsNotForgotten(t *testing.T) {
	s, err := state.Open(t.Context(), filepath.Join(t.TempDir(), "anvil.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	p := &Push{state: s, clients: newRegistry(nil)}
	for _, id := range []string{"silent", "speaks"} {
		p.clients.register(started(id, noon))
	}
	speaks := func(c *client) bool { return c.key.ID == "speaks" }
	if err := p.forgetPart(t.Context(), p.clients.all(), speaks); err != nil {
		t.Fatal(err)
	}
	if left := p.clients.all(); len(left) != 1 || left[0].key.ID != "speaks" {
		t.Errorf("%d left", len(left))
	}
}

// Those who are woken together fetch one after the other; who comes alone, at once.
func TestWokenFetchesAreSpread(t *testing.T) {
	for _, c := range []struct {
		parked int64
		spread time.Duration
	}{
		{0, 0},
		{1000, 100 * time.Millisecond},
		{10_000, time.Second},
		{1_000_000, spreadMax},
	} {
		g, err := newGeneration(&release.Release{}, c.parked)
		if err != nil {
			t.Fatal(err)
		}
		if g.spread != c.spread {
			t.Errorf("%d parked: spread over %v, want %v", c.parked, g.spread, c.spread)
		}
	}
}
