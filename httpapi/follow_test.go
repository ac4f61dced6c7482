package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anvilpeering/anvil/bundle"
	"github.com/anvilpeering/anvil/httpapi"
	"github.com/anvilpeering/anvil/protocol"
	"github.com/anvilpeering/anvil/push"
)

// The walk of a client, header by header.
func TestFollow(t *testing.T) {
	h := newHouse(t, httpapi.Options{})
	token := h.token(push.RoleClient, "support", "production")

	reg := protocol.Registration{ClientID: "c1", App: "checkout", Protocol: []int{1}, Modes: []protocol.Mode{"delta", "full"}}
	a := h.do("POST", protocol.PathRegister, token, reg)
	var registered protocol.Registered
	a.decode(t, &registered)
	if a.StatusCode != http.StatusCreated || registered.Stream != "acme/support/production" || registered.Poll.WaitMax != 50 {
		t.Errorf("register: %d %+v", a.StatusCode, registered)
	}
	if a := h.do("POST", protocol.PathRegister, token, reg); a.StatusCode != http.StatusOK {
		t.Errorf("register again: %d", a.StatusCode)
	}

	a = h.do("GET", protocol.PathCheck, token, nil, "Anvil-Client", "c1")
	if p := a.problem(t); p.Status != http.StatusNotFound || !strings.Contains(p.Hint(), "anvil publish support production") {
		t.Errorf("nothing yet: %+v", p)
	}

	h.begin()
	var published struct{ Release, Revision string }
	h.local("POST", "/api/v1/publish", push.PublishRequest{Project: "support", Channel: "production"}).decode(t, &published)
	first := h.head("support", "production")
	if published.Release != first.ID.String() || published.Revision != first.Revision.String() {
		t.Errorf("published %+v", published)
	}

	a = h.do("GET", protocol.PathCheck, token, nil, "Anvil-Client", "c1")
	var offer protocol.Offer
	a.decode(t, &offer)
	if offer.Release != first.ID.String() || a.Header.Get("ETag") != quoted(first) || a.Header.Get("Cache-Control") != "no-store" || a.Header.Get("Preference-Applied") != "" {
		t.Errorf("check: %+v, %v", offer, a.Header)
	}
	a = h.do("GET", protocol.PathCheck, token, nil, "Anvil-Client", "c1", "If-None-Match", quoted(first), "Prefer", "wait=0")
	if a.StatusCode != http.StatusNotModified || a.Header.Get("ETag") != quoted(first) || a.Header.Get("Preference-Applied") != "wait=0" || len(a.body) != 0 {
		t.Errorf("unchanged: %d, %v", a.StatusCode, a.Header)
	}

	a = h.do("GET", protocol.PathBundle+"?to="+first.ID.String(), token, nil, "Anvil-Client", "c1", "Accept-Encoding", "gzip")
	if a.StatusCode != http.StatusOK || a.Header.Get("Content-Type") != "application/zip" || a.Header.Get("Content-Encoding") != "" ||
		a.Header.Get("Anvil-Release") != first.ID.String() || a.Header.Get("Anvil-Revision") != first.Revision.String() ||
		a.Header.Get("Anvil-Mode") != "full" || a.Header.Get("Anvil-From") != "" || a.Header.Get("Anvil-Fallback") != "" ||
		a.Header.Get("Cache-Control") != "private, max-age=31536000, immutable" || a.ContentLength != int64(len(a.body)) {
		t.Errorf("bundle: %d, %v", a.StatusCode, a.Header)
	}
	b, err := bundle.Read(bytes.NewReader(a.body), int64(len(a.body)), bundle.Expect{Unverified: true, Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	if string(b.Content["content/support/triage/classify.yaml"]) != "template: one\n" {
		t.Errorf("content %q", b.Content)
	}

	ack := protocol.Acknowledgement{ClientID: "c1", Release: first.ID.String(), Revision: first.Revision.String(), State: "applied", Mode: "full"}
	for _, body := range []any{ack, []protocol.Acknowledgement{ack, ack}} {
		if a := h.do("POST", protocol.PathAcknowledge, token, body); a.StatusCode != http.StatusAccepted || len(a.body) != 0 {
			t.Errorf("acknowledge: %d %s", a.StatusCode, a.body)
		}
	}
	var clients []push.Client
	h.local("GET", "/api/v1/clients", nil).decode(t, &clients)
	if len(clients) != 1 || clients[0].Health != push.HealthCurrent || clients[0].Report.State != "applied" {
		t.Errorf("clients %+v", clients)
	}

	h.save(map[string]string{"support/triage/classify.yaml": "template: two\n"})
	h.local("POST", "/api/v1/publish", push.PublishRequest{Project: "support", Channel: "production"})
	second := h.head("support", "production")
	a = h.do("GET", protocol.PathBundle+"?to="+second.Revision.String()+"&from="+first.ID.String(), token, nil)
	mode := a.Header.Get("Anvil-Mode")
	if a.StatusCode != http.StatusOK || a.Header.Get("Cache-Control") != "private, no-cache" ||
		(mode == "delta") != (a.Header.Get("Anvil-From") == first.ID.String()) || (mode == "full") != (a.Header.Get("Anvil-Fallback") == "delta-larger") {
		t.Errorf("by revision: %d, %v", a.StatusCode, a.Header)
	}
}

func TestBundleInParts(t *testing.T) {
	h := newHouse(t, httpapi.Options{})
	h.begin()
	r := h.head("support", "draft")
	token := h.token(push.RoleClient, "support", "draft")
	path := protocol.PathBundle + "?to=" + r.ID.String()
	whole := h.do("GET", path, token, nil)
	etag := whole.Header.Get("ETag")
	rest := whole.body[100:]
	for _, c := range []struct {
		name    string
		headers []string
		status  int
		body    []byte
	}{
		{"the rest", []string{"Range", "bytes=100-", "If-Range", etag}, http.StatusPartialContent, rest},
		{"the rest of something else", []string{"Range", "bytes=100-", "If-Range", `"other"`}, http.StatusOK, whole.body},
		{"the end", []string{"Range", "bytes=-10"}, http.StatusPartialContent, whole.body[len(whole.body)-10:]},
		{"what one has", []string{"If-None-Match", etag}, http.StatusNotModified, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := h.do("GET", path, token, nil, c.headers...)
			if a.StatusCode != c.status || !bytes.Equal(a.body, c.body) || a.Header.Get("ETag") != etag || a.Header.Get("Anvil-Release") != r.ID.String() {
				t.Errorf("%d with %d bytes, %v", a.StatusCode, len(a.body), a.Header)
			}
		})
	}
	for name, headers := range map[string][]string{
		"beyond the end": {"Range", "bytes=99999999-"},
		"no range":       {"Range", "bytes=x"},
	} {
		t.Run(name, func(t *testing.T) {
			a := h.do("GET", path, token, nil, headers...)
			if p := a.problem(t); p.Status != http.StatusRequestedRangeNotSatisfiable {
				t.Errorf("%+v", p)
			}
		})
	}
}

// Over real connections: releases come while 500 clients poll; each ends at the
// last one.
func TestStormReachesEverybody(t *testing.T) {
	const clients, releases = 500, 6
	h := newHouse(t, httpapi.Options{})
	h.begin()
	token := h.token(push.RoleClient, "support", "draft")
	var last atomic.Pointer[string]
	var following sync.WaitGroup
	for i := range clients {
		id := fmt.Sprint("c", i)
		following.Go(func() {
			reg := protocol.Registration{ClientID: id, Protocol: []int{1}}
			if _, err := h.try(t.Context(), "POST", protocol.PathRegister, token, reg); err != nil {
				t.Error(err)
				return
			}
			for held := ""; ; {
				a, err := h.try(t.Context(), "GET", protocol.PathCheck, token, nil, "Anvil-Client", id, "If-None-Match", held, "Prefer", "wait=30")
				if err != nil || a.StatusCode != http.StatusOK {
					t.Errorf("%s, holding %s: %v, %v", id, held, a, err)
					return
				}
				held = a.Header.Get("ETag")
				if revision := last.Load(); revision != nil && bytes.Contains(a.body, []byte(*revision)) {
					return
				}
			}
		})
	}
	for i := range releases {
		tip := h.commit(map[string]string{"support/triage/classify.yaml": fmt.Sprintf("template: text %d\n", i)})
		if i == releases-1 {
			revision := tip.String()
			last.Store(&revision)
		}
		if err := h.push.Tip(t.Context(), tip); err != nil {
			t.Fatal(err)
		}
	}
	following.Wait()
}

// A server that stops answers who is parked, and says when to come back.
func TestStopAnswersParkedPolls(t *testing.T) {
	h := newHouse(t, httpapi.Options{})
	h.begin()
	r := h.head("support", "draft")
	token := h.token(push.RoleClient, "support", "draft")
	const parked = 50
	answers := make(chan *answer, parked)
	for range parked {
		go func() {
			a, err := h.try(t.Context(), "GET", protocol.PathCheck, token, nil, "If-None-Match", quoted(r), "Prefer", "wait=50")
			if err != nil {
				t.Error(err)
			}
			answers <- a
		}()
	}
	h.untilParked(parked)
	start := time.Now()
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	for range parked {
		a := <-answers
		if a == nil {
			continue
		}
		next, err := strconv.Atoi(a.Header.Get("Anvil-Next-Poll"))
		if a.StatusCode != http.StatusNotModified || err != nil || next < 1 || next > 5 {
			t.Errorf("%d, %v", a.StatusCode, a.Header)
		}
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("stopped after %v", took)
	}
	if _, err := h.try(t.Context(), "GET", "/healthz", "", nil); err == nil {
		t.Error("still answers")
	}
}

// untilParked waits until so many polls wait for support/draft.
func (h *house) untilParked(n int) {
	h.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); h.push.Parked("support", "draft") != n; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			h.t.Fatalf("%d of %d polls are parked", h.push.Parked("support", "draft"), n)
		}
	}
}

// A client that hangs up is not waited for.
func TestGoneClientIsLetGo(t *testing.T) {
	h := newHouse(t, httpapi.Options{})
	h.begin()
	r := h.head("support", "draft")
	token := h.token(push.RoleClient, "support", "draft")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := h.try(ctx, "GET", protocol.PathCheck, token, nil, "If-None-Match", quoted(r), "Prefer", "wait=50")
		done <- err
	}()
	h.untilParked(1)
	cancel()
	if err := <-done; err == nil {
		t.Error("answered")
	}
	h.untilParked(0)
}

func TestRevokedWhileParked(t *testing.T) {
	h := newHouse(t, httpapi.Options{})
	h.begin()
	r := h.head("support", "draft")
	token := h.token(push.RoleClient, "support", "draft")
	answers := make(chan *answer)
	go func() {
		a, err := h.try(t.Context(), "GET", protocol.PathCheck, token, nil, "If-None-Match", quoted(r), "Prefer", "wait=50")
		if err != nil {
			t.Error(err)
		}
		answers <- a
	}()
	h.untilParked(1)
	id := strings.Split(token, "_")[1]
	if a := h.local("DELETE", "/api/v1/tokens/"+id, nil); a.StatusCode != http.StatusNoContent {
		t.Fatalf("revoke: %d %s", a.StatusCode, a.body)
	}
	if a := <-answers; a != nil {
		if p := a.problem(t); p.Status != http.StatusUnauthorized {
			t.Errorf("%+v", p)
		}
	}
}

// A publish that would break applications is refused in words for people and in
// parts for programs.
func TestPublishThatBreaks(t *testing.T) {
	h := newHouse(t, httpapi.Options{})
	h.begin()
	request := push.PublishRequest{Project: "support", Channel: "production"}
	h.local("POST", "/api/v1/publish", request)
	h.register(h.token(push.RoleClient, "support", "production"), "c1", h.head("support", "production"))
	h.save(map[string]string{"support/triage/classify.yaml": "parameters: {who: {type: string}}\ntemplate: two {{ who }}\n"})

	a := h.do("POST", "/api/v1/publish", h.token(push.RolePublisher, "support", "production"), request)
	p := a.problem(t)
	var document httpapi.Breaking
	if err := json.Unmarshal(a.body, &document); err != nil {
		t.Fatal(err)
	}
	if a.StatusCode != http.StatusConflict || p.Type != "/problems/breaking" || !strings.Contains(p.Help, "--breaking") ||
		document.Clients != 1 || len(document.Breaks) != 1 || document.Breaks[0].Parameter != "who" || document.Breaks[0].Address.String() != "support/triage/classify" {
		t.Errorf("%d: %s", a.StatusCode, a.body)
	}
	request.Breaking = true
	if a := h.local("POST", "/api/v1/publish", request); a.StatusCode != http.StatusOK {
		t.Errorf("with breaking: %d %s", a.StatusCode, a.body)
	}
}
