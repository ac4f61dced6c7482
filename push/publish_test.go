package push_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/anvilpeering/anvil/protocol"
	"github.com/anvilpeering/anvil/push"
	"github.com/anvilpeering/anvil/release"
	"github.com/anvilpeering/anvil/state"
)

func (h *house) publish(project, channel, to string) *release.Release {
	h.t.Helper()
	r, err := h.Publish(h.t.Context(), push.PublishRequest{Project: project, Channel: channel, To: to}, "me")
	if err != nil {
		h.t.Fatal(err)
	}
	return r
}

func (h *house) audit() []state.Entry {
	h.t.Helper()
	all, err := h.store.Audit(h.t.Context(), 0, 1000)
	if err != nil {
		h.t.Fatal(err)
	}
	return all
}

func TestPublish(t *testing.T) {
	h, advance := at(t, push.Options{})
	h.tip(h.save(library1()))
	first := h.draft("support")

	one := h.publish("support", "production", "")
	if one.Channel != "production" || one.Revision != first.Revision || one.Reason != string(protocol.ReasonPublish) || one.ID == first.ID {
		t.Errorf("published %+v", one)
	}
	k := h.token("support", "production")
	if offer, ok := h.check(k, "", ""); !ok || offer.Release != one.ID.String() || offer.Reason != "publish" {
		t.Errorf("offer %+v", offer)
	}
	if again := h.publish("support", "production", ""); again.ID != one.ID {
		t.Error("the same was published again")
	}

	advance(time.Minute)
	h.tip(h.save(map[string]string{"support/triage/classify.yaml": prompt("two")}))
	second := h.draft("support")
	if h.log.Head("support", "production").ID != one.ID {
		t.Error("a save moved production")
	}
	two := h.publish("support", "production", "")
	if two.Revision != second.Revision || two.Sequence <= one.Sequence {
		t.Errorf("published %+v", two)
	}
	// Back to the first, by release, by revision, or by some digits of them.
	for i, to := range []string{first.ID.String(), first.Revision.String(), first.ID.String()[:8], first.Revision.String()[:8], one.ID.String(), one.ID.String()[:8]} {
		advance(time.Minute)
		back := h.publish("support", "production", to)
		if back.Revision != first.Revision || back.Sequence <= two.Sequence || i == 0 && back.ID == one.ID {
			t.Errorf("to %s: %+v", to, back)
		}
	}

	audit := h.audit()
	oldest := audit[len(audit)-1]
	if oldest.Who != "me" || oldest.What != "publish" || oldest.Project != "support" || oldest.Channel != "production" ||
		oldest.From != "" || oldest.To != one.ID.String() || oldest.Outcome != "ok" {
		t.Errorf("audit %+v", oldest)
	}
	if e := audit[len(audit)-2]; e.What != "token create" || e.To != k.ID {
		t.Errorf("audit %+v", e)
	}
	if e := audit[len(audit)-3]; e.Outcome != "unchanged" || e.From != e.To {
		t.Errorf("audit %+v", e)
	}

	releases, err := h.Releases(t.Context(), "support", "production", 2)
	if err != nil || len(releases) != 2 || releases[1].ID != two.ID {
		t.Errorf("releases %+v, %v", releases, err)
	}
	channels := h.Channels()
	if len(channels) != 3 || channels[2].Channel != "production" || channels[2].Head.Revision != first.Revision {
		t.Errorf("channels %+v", channels)
	}
}

// The same content at a later revision is another release: clients and people
// compare revisions.
func TestPublishOfAnotherRevision(t *testing.T) {
	h, advance := at(t, push.Options{})
	h.tip(h.save(library1()))
	one := h.publish("support", "production", "")
	advance(time.Minute)
	h.tip(h.save(map[string]string{"support/triage/classify.yaml": prompt("two")}))
	advance(time.Minute)
	back := h.save(map[string]string{"support/triage/classify.yaml": prompt("one")})
	h.tip(back)
	two := h.publish("support", "production", "")
	if two.ID == one.ID || two.Revision != back || two.Files != one.Files {
		t.Errorf("published %+v", two)
	}
}

func TestPublishRefuses(t *testing.T) {
	h, _ := at(t, push.Options{})
	h.tip(h.save(library1()))
	for _, c := range []struct {
		name string
		q    push.PublishRequest
		kind error
		hint string
	}{
		{"to draft", push.PublishRequest{Project: "support", Channel: "draft"}, push.ErrInvalid, "production"},
		{"unknown project", push.PublishRequest{Project: "suport", Channel: "production"}, push.ErrNothing, "sales, support"},
		{"unknown release", push.PublishRequest{Project: "support", Channel: "production", To: strings.Repeat("a", 40)}, push.ErrNotFound, "anvil releases list support draft"},
		{"unknown digits", push.PublishRequest{Project: "support", Channel: "production", To: "abcdef0"}, push.ErrNotFound, "anvil releases list support draft"},
		{"too few digits", push.PublishRequest{Project: "support", Channel: "production", To: "abc"}, push.ErrNotFound, "anvil releases"},
		{"a branch", push.PublishRequest{Project: "support", Channel: "production", To: "main"}, push.ErrNotFound, "anvil releases"},
		{"another project's", push.PublishRequest{Project: "support", Channel: "production", To: h.draft("sales").ID.String()}, push.ErrNotFound, ""},
		{"a path", push.PublishRequest{Project: "../support", Channel: "production"}, push.ErrInvalid, ""},
		{"no channel", push.PublishRequest{Project: "support"}, push.ErrInvalid, ""},
		{"the chain of draft", push.PublishRequest{Project: "support", Channel: "draft-previous"}, nil, "another name"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := h.Publish(t.Context(), c.q, "me")
			if err == nil || c.kind != nil && !errors.Is(err, c.kind) || !strings.Contains(hint(err), c.hint) {
				t.Errorf("got %v\nhint: %s", err, hint(err))
			}
		})
	}
	if e := h.audit()[0]; e.Outcome != "refused" || e.To != "" {
		t.Errorf("audit %+v", e)
	}
}

// What was published can be published again though the authors' history is gone.
func TestPublishNeedsNoAuthors(t *testing.T) {
	h, advance := at(t, push.Options{})
	h.tip(h.save(library1()))
	first := h.draft("support")
	advance(time.Minute)
	files := library1()
	files["support/triage/classify.yaml"] = prompt("rewritten")
	h.tip(h.rewrite(files))
	if r := h.publish("support", "production", first.Revision.String()); r.Revision != first.Revision || r.Files != first.Files {
		t.Errorf("published %+v", r)
	}
}

func TestRestart(t *testing.T) {
	h, _ := at(t, push.Options{})
	h.tip(h.save(library1()))
	secret, made, err := h.CreateToken(t.Context(), push.NewToken{Name: "checkout", Role: push.RoleClient, Project: "support", Channel: "draft"})
	if err != nil {
		t.Fatal(err)
	}
	gone, revoked, err := h.CreateToken(t.Context(), push.NewToken{Name: "old", Role: push.RoleAdmin})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.RevokeToken(t.Context(), revoked.ID, "me"); err != nil {
		t.Fatal(err)
	}
	k, err := h.Authenticate(secret)
	if err != nil {
		t.Fatal(err)
	}
	h.register(k, "c1", h.draft("support"))

	h.open()
	k, err = h.Authenticate(secret)
	if err != nil || k.ID != made.ID {
		t.Fatalf("token after a restart: %v", err)
	}
	if _, ok := h.check(k, "c1", h.draft("support").ID.String()); ok {
		t.Error("offered what it holds")
	}
	if got := h.client("c1"); got.Health != push.HealthCurrent || got.Held == nil {
		t.Errorf("client %+v", got)
	}
	for _, text := range []string{gone, secret[:20] + "-" + secret[21:], "", "anv_"} {
		if _, err := h.Authenticate(text); !errors.Is(err, push.ErrUnauthenticated) || hint(err) == "" {
			t.Errorf("%.8q: %v", text, err)
		}
	}
	if err := h.RevokeToken(t.Context(), made.ID, "me"); err != nil {
		t.Fatal(err)
	}
	// A request that was admitted before is no way back in.
	if _, _, err := h.Register(t.Context(), k, protocol.Registration{ClientID: "c2", Protocol: []int{1}}); !errors.Is(err, push.ErrUnauthenticated) {
		t.Errorf("register with a revoked token: %v", err)
	}
	if n := len(h.Clients()); n != 0 {
		t.Errorf("%d clients of a revoked token", n)
	}
	if err := h.RevokeToken(t.Context(), "nobody", "me"); !errors.Is(err, push.ErrNotFound) {
		t.Errorf("revoke nobody: %v", err)
	}
	tokens, err := h.Tokens(t.Context())
	if err != nil || len(tokens) != 2 {
		t.Errorf("tokens %+v, %v", tokens, err)
	}
	for _, k := range tokens {
		if k.Revoked.IsZero() {
			t.Errorf("token %+v", k)
		}
	}
}

// A month passes: silent clients are forgotten, releases are renewed, and who
// polls all the time stays.
func TestRunThroughAMonth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, push.Options{FlushEvery: 12 * time.Hour, SweepEvery: 12 * time.Hour})
		h.tip(h.save(library1()))
		one := h.publish("support", "production", "")
		k := h.token("support", "production")
		h.register(k, "steady", one)
		h.register(k, "silent", one)
		if _, _, err := h.Register(t.Context(), k, protocol.Registration{ClientID: "passing", Protocol: []int{1}, Ephemeral: true}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- h.Run(ctx) }()

		seen := map[int]int{} // day → clients
		held := one.ID.String()
		for day := range 35 {
			for range 12 {
				time.Sleep(2 * time.Hour)
				if offer, ok := h.check(k, "steady", held); ok {
					if offer.Reason != protocol.ReasonRenewal || offer.Revision != one.Revision.String() {
						t.Errorf("day %d: offer %+v", day, offer)
					}
					held = offer.Release
				}
			}
			synctest.Wait()
			seen[day] = len(h.Clients())
		}
		if seen[0] != 3 || seen[3] != 2 || seen[28] != 2 || seen[33] != 1 {
			t.Errorf("clients by day: %v", seen)
		}
		head := h.log.Head("support", "production")
		if time.Until(head.Expires) < 19*24*time.Hour || head.Reason != string(protocol.ReasonRenewal) {
			t.Errorf("head %+v", head)
		}
		var renewals int
		for _, e := range h.audit() {
			if e.What == "renew" && e.Channel == "production" {
				renewals++
			}
		}
		if renewals != 3 {
			t.Errorf("%d renewals in 35 days", renewals)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		clients, err := h.store.Clients(t.Context())
		if err != nil || len(clients) != 1 || clients[0].Held.Release != held || time.Since(clients[0].LastSeen) > time.Second {
			t.Errorf("written down: %+v, %v", clients, err)
		}
		tokens, err := h.store.Tokens(t.Context())
		if err != nil || tokens[0].LastUsed.IsZero() {
			t.Errorf("tokens: %+v, %v", tokens, err)
		}
		h.close()
	})
}

func TestOldAcknowledgementsGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, push.Options{Keep: 3, SweepEvery: time.Minute})
		h.tip(h.save(library1()))
		k := h.token("support", "draft")
		h.register(k, "c1", nil)
		for _, state := range []protocol.State{"received", "verified", "failed", "rolled_back", "applied"} {
			err := h.Acknowledge(t.Context(), k, []protocol.Acknowledgement{{ClientID: "c1", Release: h.draft("support").ID.String(), State: state}})
			if err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		if err := h.Run(ctx); err != nil {
			t.Error(err)
		}
		all, err := h.store.Acknowledgements(t.Context(), state.ClientKey{Token: k.ID, ID: "c1"}, 100)
		if err != nil || len(all) != 3 || all[0].State != "applied" {
			t.Errorf("%+v, %v", all, err)
		}
		h.close()
	})
}
