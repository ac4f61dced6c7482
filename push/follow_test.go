package push_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/anvilpeering/anvil/protocol"
	"github.com/anvilpeering/anvil/push"
	"github.com/anvilpeering/anvil/release"
)

func TestRegister(t *testing.T) {
	h, _ := at(t, push.Options{ClientsPerToken: 2})
	k := h.token("support", "draft")
	valid := protocol.Registration{ClientID: "c1", App: "checkout 1.2", Protocol: []int{1, 2}, Modes: []protocol.Mode{"delta", "full"}}

	answer, created, err := h.Register(t.Context(), k, valid)
	if err != nil || !created {
		t.Fatalf("register: %v, %v", created, err)
	}
	if answer.Stream != "acme/support/draft" || answer.Protocol != 1 || answer.Poll.WaitMax != 50 || answer.Lease != 30*24*3600 {
		t.Errorf("answer %+v", answer)
	}
	if _, created, err := h.Register(t.Context(), k, valid); err != nil || created {
		t.Errorf("again: %v, %v", created, err)
	}
	passing := valid
	passing.ClientID, passing.Ephemeral = "c2", true
	if answer, _, err = h.Register(t.Context(), k, passing); err != nil || answer.Lease != 24*3600 {
		t.Errorf("ephemeral: %+v, %v", answer, err)
	}
	third := valid
	third.ClientID = "c3"
	if _, _, err := h.Register(t.Context(), k, third); !errors.Is(err, push.ErrFull) {
		t.Errorf("one too many: %v", err)
	}

	var old *push.ProtocolError
	tooNew := valid
	tooNew.Protocol = []int{2, 3}
	if _, _, err := h.Register(t.Context(), k, tooNew); !errors.As(err, &old) || old.Min != 1 || old.Max != 1 {
		t.Errorf("no version in common: %v", err)
	}
	for name, change := range map[string]func(*protocol.Registration){
		"no id":           func(r *protocol.Registration) { r.ClientID = "" },
		"id with a slash": func(r *protocol.Registration) { r.ClientID = "../c1" },
		"long id":         func(r *protocol.Registration) { r.ClientID = strings.Repeat("x", 129) },
		"no full bundles": func(r *protocol.Registration) { r.Modes = []protocol.Mode{"delta"} },
		"held is no hash": func(r *protocol.Registration) { r.Held = &protocol.Held{Release: "x"} },
		"negative sequence": func(r *protocol.Registration) {
			r.Held = &protocol.Held{Release: strings.Repeat("a", 40), Sequence: -1}
		},
		"app that moves the cursor": func(r *protocol.Registration) { r.App = "a\x1b[2J" },
		"labels without end": func(r *protocol.Registration) {
			r.Labels = map[string]string{}
			for i := range 30 {
				r.Labels[fmt.Sprint(i)] = strings.Repeat("x", 190)
			}
		},
		"endless label": func(r *protocol.Registration) { r.Labels = map[string]string{"a": strings.Repeat("x", 300)} },
	} {
		r := valid
		change(&r)
		if _, _, err := h.Register(t.Context(), k, r); !errors.Is(err, push.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	admin := h.authenticate(push.NewToken{Name: "ops", Role: push.RoleAdmin})
	if _, _, err := h.Register(t.Context(), admin, valid); !errors.Is(err, push.ErrForbidden) {
		t.Errorf("an admin is no client: %v", err)
	}
}

// check asks without waiting.
func (h *house) check(k push.Token, client, held string) (protocol.Offer, bool) {
	h.t.Helper()
	a, err := h.Check(h.t.Context(), k, push.CheckRequest{Client: client, Held: held})
	if err != nil {
		h.t.Fatal(err)
	}
	if a.Stay() {
		return protocol.Offer{}, false
	}
	var offer protocol.Offer
	d := json.NewDecoder(bytes.NewReader(a.Body))
	d.DisallowUnknownFields()
	if err := d.Decode(&offer); err != nil {
		h.t.Fatalf("%v in %s", err, a.Body)
	}
	if want := `"` + offer.Release + `"`; len(a.ETag) != 1 || a.ETag[0] != want {
		h.t.Errorf("etag %v, want %s", a.ETag, want)
	}
	return offer, true
}

func TestOffer(t *testing.T) {
	h, advance := at(t, push.Options{})
	k := h.token("support", "draft")
	_, err := h.Check(t.Context(), k, push.CheckRequest{})
	if !errors.Is(err, push.ErrNothing) || hint(err) == "" {
		t.Errorf("nothing yet: %v (%s)", err, hint(err))
	}
	if _, err := h.Check(t.Context(), k, push.CheckRequest{Client: "c1"}); !errors.Is(err, push.ErrForgotten) {
		t.Errorf("not registered: %v", err)
	}

	h.tip(h.save(library1()))
	first := h.draft("support")
	h.register(k, "c1", nil)
	offer, ok := h.check(k, "c1", "")
	if !ok || offer.Release != first.ID.String() || offer.Revision != first.Revision.String() || offer.Sequence != first.Sequence ||
		!offer.Created.Equal(first.Created) || !offer.Expires.Equal(first.Expires) || offer.Reason != "draft" || offer.FetchAfter != 0 {
		t.Errorf("offer %+v of %+v", offer, first)
	}
	if _, ok := h.check(k, "c1", first.ID.String()); ok {
		t.Error("offered what it holds")
	}
	if got := h.client("c1"); got.Held == nil || got.Held.Release != first.ID.String() || got.Health != push.HealthCurrent {
		t.Errorf("If-None-Match says applied: %+v", got)
	}

	advance(time.Minute)
	h.tip(h.save(map[string]string{"support/triage/classify.yaml": prompt("two")}))
	if got := h.client("c1"); got.Health != push.HealthBehind {
		t.Errorf("health %s", got.Health)
	}
	if offer, ok := h.check(k, "c1", first.ID.String()); !ok || offer.Release != h.draft("support").ID.String() {
		t.Errorf("offer %+v", offer)
	}
	// Nobody needs an id, and an unknown release is not an answer to anything.
	for _, held := range []string{"", strings.Repeat("0", 40), "not a hash"} {
		if _, ok := h.check(k, "", held); !ok {
			t.Errorf("held %q: nothing offered", held)
		}
	}
}

// A server that was set back offers nothing that a client would refuse.
func TestNeverALowerSequence(t *testing.T) {
	h, _ := at(t, push.Options{})
	h.tip(h.save(library1()))
	r := h.draft("support")
	k := h.token("support", "draft")
	future := protocol.Registration{
		ClientID: "c1", Protocol: []int{1},
		Held: &protocol.Held{Release: strings.Repeat("a", 40), Revision: strings.Repeat("b", 40), Sequence: r.Sequence + 1},
	}
	if _, _, err := h.Register(t.Context(), k, future); err != nil {
		t.Fatal(err)
	}
	for _, held := range []string{"", future.Held.Release} {
		if offer, ok := h.check(k, "c1", held); ok {
			t.Errorf("held %.6q: offered %+v", held, offer)
		}
	}
	// It lost its cache and says so: now it takes what there is.
	h.register(k, "c1", nil)
	if _, ok := h.check(k, "c1", ""); !ok {
		t.Error("nothing offered to a client that holds nothing")
	}
}

func TestPollIsWoken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, push.Options{})
		h.tip(h.save(library1()))
		first := h.draft("support").ID.String()
		k := h.token("support", "draft")
		h.register(k, "c1", nil)
		poll := func(held string, wait time.Duration) (push.Answer, time.Duration, error) {
			start := time.Now()
			a, err := h.Check(t.Context(), k, push.CheckRequest{Client: "c1", Held: held, Wait: wait})
			return a, time.Since(start), err
		}

		a, took, err := poll(first, 3*time.Second)
		if err != nil || !a.Stay() || took != 3*time.Second {
			t.Errorf("nothing new: %v after %v, %v", a, took, err)
		}
		if seen := h.client("c1").LastSeen; time.Since(seen) >= time.Millisecond {
			t.Errorf("who waited was last seen %v ago", time.Since(seen))
		}
		a, took, err = poll(first, time.Hour)
		if err != nil || !a.Stay() || took > protocol.WaitMax || took < protocol.WaitMax*7/10 {
			t.Errorf("the longest wait: %v after %v, %v", a, took, err)
		}

		type result struct {
			a    push.Answer
			took time.Duration
			err  error
		}
		woken := make(chan result)
		go func() {
			a, took, err := poll(first, 30*time.Second)
			woken <- result{a, took, err}
		}()
		synctest.Wait()
		time.Sleep(7 * time.Second)
		h.tip(h.save(map[string]string{"support/triage/classify.yaml": prompt("two")}))
		r := <-woken
		if r.err != nil || r.a.Stay() || r.took != 7*time.Second {
			t.Errorf("woken with %v after %v, %v", r.a, r.took, r.err)
		}

		// Whoever lets a poll go gets no error for it.
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		second := h.draft("support").ID.String()
		if a, err := h.Check(ctx, k, push.CheckRequest{Held: second, Wait: time.Minute}); err != nil || !a.Stay() {
			t.Errorf("gone: %v, %v", a, err)
		}
		stop := make(chan struct{})
		time.AfterFunc(time.Second, func() { close(stop) })
		if a, err := h.Check(t.Context(), k, push.CheckRequest{Held: second, Wait: time.Minute, Stop: stop}); err != nil || !a.Stay() {
			t.Errorf("stopped: %v, %v", a, err)
		}
		time.AfterFunc(time.Second, func() {
			if err := h.RevokeToken(t.Context(), k.ID, "me"); err != nil {
				t.Error(err)
			}
		})
		if _, err := h.Check(t.Context(), k, push.CheckRequest{Held: second, Wait: time.Minute}); !errors.Is(err, push.ErrUnauthenticated) {
			t.Errorf("revoked: %v", err)
		}
		h.close()
	})
}

// Releases come while hundreds ask, wait, and ask again. Everybody must see the
// last one; who slept through it would wait ten seconds and be told to stay.
func TestNoWakeUpIsLost(t *testing.T) {
	h := newHouse(t, push.Options{DraftEvery: time.Nanosecond})
	h.tip(h.save(library1()))
	k := h.token("support", "draft")
	const clients, releases = 500, 40
	var last atomic.Pointer[string] // the revision of the last release, known before it is made
	follow := func(client string, late bool) {
		for held := ""; ; {
			a, err := h.Check(t.Context(), k, push.CheckRequest{Client: client, Held: held, Wait: 10 * time.Second})
			if err != nil || a.Stay() {
				t.Errorf("%s, holding %.7s: %v, %v", client, held, a, err)
				return
			}
			held = strings.Trim(a.ETag[0], `"`)
			if revision := last.Load(); revision != nil && bytes.Contains(a.Body, []byte(*revision)) {
				return
			}
			if late {
				time.Sleep(time.Millisecond)
			}
		}
	}
	var following sync.WaitGroup
	for i := range clients {
		client := fmt.Sprint("c", i)
		h.register(k, client, nil)
		following.Go(func() { follow(client, i%7 == 0) })
	}
	for i := range releases {
		tip := h.save(map[string]string{"support/triage/classify.yaml": prompt(fmt.Sprint("text ", i))})
		if i == releases-1 {
			revision := tip.String()
			last.Store(&revision)
		}
		h.tip(tip)
	}
	following.Wait()
}

func TestBundle(t *testing.T) {
	h, advance := at(t, push.Options{})
	h.tip(h.save(library1()))
	first := h.draft("support")
	advance(time.Minute)
	h.tip(h.save(map[string]string{"support/triage/classify.yaml": prompt(strings.Repeat("two ", 500))}))
	second, sales := h.draft("support"), h.draft("sales")
	k := h.token("support", "draft")

	for _, c := range []struct {
		name, to, from string
		mode           string
		fallback       protocol.Fallback
		exact          bool
	}{
		{"full", second.ID.String(), "", "full", "", true},
		{"of a revision", first.Revision.String(), "", "full", "", false},
		{"from an unknown release", second.ID.String(), strings.Repeat("a", 40), "full", protocol.FallbackUnknown, true},
		{"from another channel's", second.ID.String(), sales.ID.String(), "full", protocol.FallbackChannel, true},
		{"same content", second.ID.String(), second.ID.String(), "", "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, err := h.Bundle(t.Context(), k, push.BundleRequest{To: c.to, From: c.from})
			if err != nil {
				t.Fatal(err)
			}
			if c.mode != "" && d.Mode != c.mode || d.Exact != c.exact || c.fallback != "" && d.Fallback != string(c.fallback) || len(d.Body) == 0 || d.ETag == "" {
				t.Errorf("mode %s, exact %v, fallback %q, %d bytes", d.Mode, d.Exact, d.Fallback, len(d.Body))
			}
		})
	}
	for _, c := range []struct {
		name, to, from string
		kind           error
	}{
		{"no release", strings.Repeat("a", 40), "", push.ErrNotFound},
		{"another project's", sales.ID.String(), "", push.ErrNotFound},
		{"no hash", "HEAD", "", push.ErrInvalid},
		{"nothing", "", "", push.ErrInvalid},
		{"from no hash", second.ID.String(), "HEAD~1", push.ErrInvalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := h.Bundle(t.Context(), k, push.BundleRequest{To: c.to, From: c.from}); !errors.Is(err, c.kind) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestAcknowledge(t *testing.T) {
	h, advance := at(t, push.Options{})
	h.tip(h.save(library1()))
	first := h.draft("support")
	advance(time.Minute)
	h.tip(h.save(map[string]string{"support/triage/classify.yaml": prompt("two")}))
	second := h.draft("support")
	k := h.token("support", "draft")
	h.register(k, "c1", nil)
	say := func(r *release.Release, state protocol.State, code protocol.Code) protocol.Acknowledgement {
		return protocol.Acknowledgement{ClientID: "c1", Release: r.ID.String(), Revision: r.Revision.String(), State: state, Code: code}
	}
	for _, c := range []struct {
		name   string
		acks   []protocol.Acknowledgement
		health push.Health
		held   *release.Release
	}{
		{"nothing said", nil, push.HealthBehind, nil},
		{"failed on the one before", []protocol.Acknowledgement{say(first, "failed", "compile")}, push.HealthBehind, nil},
		{"received and applied", []protocol.Acknowledgement{say(first, "received", ""), say(first, "applied", "")}, push.HealthBehind, first},
		{"failed", []protocol.Acknowledgement{say(second, "failed", "compile")}, push.HealthFailing, first},
		{"a late word of the one before", []protocol.Acknowledgement{say(first, "received", "")}, push.HealthFailing, first},
		{"applied in the end", []protocol.Acknowledgement{say(second, "applied", "")}, push.HealthCurrent, second},
		{"said again", []protocol.Acknowledgement{say(first, "applied", "")}, push.HealthCurrent, second},
	} {
		if err := h.Acknowledge(t.Context(), k, c.acks); err != nil {
			t.Fatal(c.name, err)
		}
		got := h.client("c1")
		if got.Health != c.health || (got.Held == nil) != (c.held == nil) || c.held != nil && got.Held.Release != c.held.ID.String() {
			t.Errorf("%s: %s, holds %+v", c.name, got.Health, got.Held)
		}
	}

	stranger := say(second, "applied", "")
	stranger.ClientID = "c2"
	for _, code := range []protocol.Code{"a\x1b[2J", "UPPER", "two words", protocol.Code(strings.Repeat("x", 33))} {
		if err := h.Acknowledge(t.Context(), k, []protocol.Acknowledgement{say(second, "failed", code)}); !errors.Is(err, push.ErrInvalid) {
			t.Errorf("code %q: %v", code, err)
		}
	}
	if err := h.Acknowledge(t.Context(), k, []protocol.Acknowledgement{stranger}); !errors.Is(err, push.ErrForgotten) {
		t.Errorf("not registered: %v", err)
	}
	other := h.token("support", "draft")
	if err := h.Acknowledge(t.Context(), other, []protocol.Acknowledgement{say(second, "failed", "compile")}); !errors.Is(err, push.ErrForgotten) {
		t.Errorf("another token speaks for it: %v", err)
	}
	unknown := say(second, "applied", "")
	unknown.Release = strings.Repeat("a", 40)
	if err := h.Acknowledge(t.Context(), k, []protocol.Acknowledgement{unknown}); err != nil || h.client("c1").Held.Release != second.ID.String() {
		t.Errorf("a release that never was: %v", err)
	}
	for name, change := range map[string]func(*protocol.Acknowledgement){
		"no release":    func(a *protocol.Acknowledgement) { a.Release = "" },
		"no hash":       func(a *protocol.Acknowledgement) { a.Release = "x" },
		"unknown state": func(a *protocol.Acknowledgement) { a.State = "fine" },
		"no client":     func(a *protocol.Acknowledgement) { a.ClientID = "" },
		"minus bytes":   func(a *protocol.Acknowledgement) { a.Bytes = -1 },
	} {
		a := say(second, "applied", "")
		change(&a)
		if err := h.Acknowledge(t.Context(), k, []protocol.Acknowledgement{a}); !errors.Is(err, push.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := h.Acknowledge(t.Context(), k, make([]protocol.Acknowledgement, 1000)); !errors.Is(err, push.ErrInvalid) {
		t.Errorf("a thousand at once: %v", err)
	}
	long := say(second, "failed", "compile")
	long.Message = "\x1b[2J" + strings.Repeat("ä", 5000)
	if err := h.Acknowledge(t.Context(), k, []protocol.Acknowledgement{long}); err != nil {
		t.Error(err)
	}
	if got := h.client("c1").Report.Message; len(got) > 2048 || !strings.HasPrefix(got, "[2Jä") || !strings.HasSuffix(got, "ä") {
		t.Errorf("kept a message of %d bytes: %.10q", len(got), got)
	}
}
