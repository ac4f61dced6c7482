package client

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/anvilpeering/anvil/bundle"
	"github.com/anvilpeering/anvil/protocol"
)

const (
	theStream = "acme/support/production"
	classify  = "support/triage/classify"
)

// keyOf returns the same key for the same seed in every run.
func keyOf(t testing.TB, seed string) ssh.Signer {
	t.Helper()
	sum := sha256.Sum256([]byte(seed))
	s, err := ssh.NewSignerFromKey(ed25519.NewKeyFromSeed(sum[:]))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func trustLine(t testing.TB) []byte {
	return []byte(bundle.AllowedSigner("acme/support/*", keyOf(t, "acme").PublicKey()) + "\n")
}

// library is a small project that says text.
func library(text string) map[string]string {
	return map[string]string{
		"shared/voice/_tone.yaml":      "name: Tone\ntemplate: Be kind.\n",
		"shared/voice/greet.yaml":      "name: Greet\ntemplate: Hello.\n",
		"support/project.yaml":         "name: Support\n",
		"support/triage/_rules.yaml":   "template: No rules.\n",
		"support/triage/classify.yaml": "name: Classify\nparameters:\n  message: {type: string}\ntemplate: |-\n  " + text + " {{ message }} {% render \"shared/voice/_tone\" %}\n",
		"support/triage/reply.yaml":    "name: Reply\nparameters:\n  message: {type: string}\n  history: {type: messages, default: []}\nmessages:\n  - role: system\n    content: Reply.\n  - insert: history\n  - role: user\n    content: \"{{ message }}\"\n",
	}
}

// signed makes a release by the key of that name.
func signed(t testing.TB, by string, files map[string]string, change ...func(*bundle.Manifest)) *bundle.Bundle {
	t.Helper()
	content, size := make(map[string][]byte), int64(0)
	for path, text := range files {
		if path != "resources.json" {
			path = "content/" + path
		}
		content[path] = []byte(text)
		size += int64(len(text))
	}
	sums := bundle.SumContent(content)
	now := time.Now().UTC().Truncate(time.Second)
	m := &bundle.Manifest{
		Type: bundle.TypeRelease, Stream: theStream, Sequence: now.Unix(), Revision: revisionOf(files),
		Created: now, Expires: now.Add(30 * 24 * time.Hour), Content: sums.Summary(size),
		Generator: bundle.Generator{Name: "anvil", Version: "1.0.0"},
	}
	for _, c := range change {
		c(m)
	}
	raw, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	signature, err := bundle.Sign(raw, bundle.ManifestNamespace, keyOf(t, by))
	if err != nil {
		t.Fatal(err)
	}
	return &bundle.Bundle{Manifest: m, Raw: raw, Signature: signature, Sums: sums, Content: content}
}

func revisionOf(files map[string]string) string {
	sum := sha256.Sum256(fmt.Append(nil, files))
	return hex.EncodeToString(sum[:20])
}

func sequence(n int64) func(*bundle.Manifest) { return func(m *bundle.Manifest) { m.Sequence = n } }

func zipOf(t testing.TB, b *bundle.Bundle) []byte {
	t.Helper()
	var w bytes.Buffer
	if err := bundle.Write(&w, b); err != nil {
		t.Fatal(err)
	}
	return w.Bytes()
}

// channel is a push server for one channel, with real signatures and real ZIPs,
// that can be told to misbehave.
type channel struct {
	t   testing.TB
	key string

	mu       sync.Mutex
	last     int64
	releases map[string]*bundle.Bundle
	head     string
	changed  chan struct{}
	calls    map[string]int // by path
	modes    []protocol.Mode
	held     []string // If-None-Match of the checks
	register []protocol.Registration
	acks     []protocol.Acknowledgement

	stream string // that register names
	poll   protocol.Poll
	spread time.Duration // that an offer asks to wait before fetching
	// answer may answer in place of the server.
	answer func(w http.ResponseWriter, r *http.Request) bool
	// mangle may alter a bundle on its way.
	mangle func(mode protocol.Mode, body []byte) []byte
}

func newChannel(t testing.TB) *channel {
	return &channel{
		t: t, key: "acme", stream: theStream, releases: make(map[string]*bundle.Bundle), changed: make(chan struct{}),
		calls: make(map[string]int), poll: protocol.Poll{WaitMax: 50, Min: 60, Max: 120},
	}
}

func (c *channel) with(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
}

// releaseText offers the small library with a text.
func (c *channel) releaseText(text string, change ...func(*bundle.Manifest)) string {
	return c.release(library(text), change...)
}

// release signs and offers files, with the next sequence number.
func (c *channel) release(files map[string]string, change ...func(*bundle.Manifest)) string {
	c.t.Helper()
	c.last = max(c.last+1, time.Now().Unix())
	return c.offer(signed(c.t, c.key, files, append([]func(*bundle.Manifest){sequence(c.last)}, change...)...))
}

// offer offers a release as it is.
func (c *channel) offer(b *bundle.Bundle) string {
	id := releaseID(b)
	c.with(func() {
		c.releases[id], c.head = b, id
		close(c.changed)
		c.changed = make(chan struct{})
	})
	return id
}

func releaseID(b *bundle.Bundle) string { return b.ID()[:40] }

func (c *channel) acknowledged() []protocol.Acknowledgement {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]protocol.Acknowledgement(nil), c.acks...)
}

// lastAck returns the newest acknowledgement of a release.
func (c *channel) lastAck(release string) protocol.Acknowledgement {
	acks := c.acknowledged()
	for i := len(acks) - 1; i >= 0; i-- {
		if acks[i].Release == release {
			return acks[i]
		}
	}
	return protocol.Acknowledgement{}
}

func (c *channel) count(path string) (n int) {
	c.with(func() { n = c.calls[path] })
	return n
}

func (c *channel) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var answer func(http.ResponseWriter, *http.Request) bool
	c.with(func() { c.calls[r.URL.Path]++; answer = c.answer })
	if answer != nil && answer(w, r) {
		return
	}
	if r.Header.Get("Authorization") != "Bearer token" {
		problemDocument(w, http.StatusUnauthorized, "token unknown", "make another")
		return
	}
	switch r.URL.Path {
	case protocol.PathRegister:
		var got protocol.Registration
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
			problemDocument(w, http.StatusBadRequest, err.Error(), "")
			return
		}
		c.with(func() { c.register = append(c.register, got) })
		sendJSON(w, http.StatusCreated, protocol.Registered{Protocol: 1, Stream: c.stream, Poll: c.poll, Lease: 86400})
	case protocol.PathCheck:
		c.check(w, r)
	case protocol.PathBundle:
		c.bundle(w, r)
	case protocol.PathAcknowledge:
		var got []protocol.Acknowledgement
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
			problemDocument(w, http.StatusBadRequest, err.Error(), "")
			return
		}
		c.with(func() { c.acks = append(c.acks, got...) })
		w.WriteHeader(http.StatusAccepted)
	}
}

func (c *channel) check(w http.ResponseWriter, r *http.Request) {
	held, _ := strconv.Unquote(r.Header.Get("If-None-Match"))
	wait := time.Duration(0)
	if text, ok := strings.CutPrefix(r.Header.Get("Prefer"), "wait="); ok {
		n, _ := strconv.Atoi(text)
		wait = time.Duration(n) * time.Second
		w.Header().Set("Preference-Applied", "wait="+text)
	}
	c.with(func() { c.held = append(c.held, held) })
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		var head string
		var b *bundle.Bundle
		var changed chan struct{}
		c.with(func() { head, b, changed = c.head, c.releases[c.head], c.changed })
		switch {
		case head == "":
			problemDocument(w, http.StatusNotFound, "offers nothing yet", "anvil publish support production")
			return
		case head != held:
			w.Header().Set("ETag", strconv.Quote(head))
			sendJSON(w, http.StatusOK, protocol.Offer{Release: head, Revision: b.Manifest.Revision, Sequence: b.Manifest.Sequence, Created: b.Manifest.Created, Expires: b.Manifest.Expires, Reason: protocol.ReasonPublish, FetchAfter: int(c.spread.Milliseconds())})
			return
		}
		if wait > 0 {
			select {
			case <-changed:
				continue
			case <-r.Context().Done():
				return
			case <-timer.C:
			}
		}
		w.WriteHeader(http.StatusNotModified)
		return
	}
}

func (c *channel) bundle(w http.ResponseWriter, r *http.Request) {
	var to, from *bundle.Bundle
	toID, fromID := r.URL.Query().Get("to"), r.URL.Query().Get("from")
	var mangle func(protocol.Mode, []byte) []byte
	c.with(func() {
		to, from, mangle = c.releases[toID], c.releases[fromID], c.mangle
		for _, b := range c.releases {
			if from == nil && b.Manifest.Revision == fromID {
				from = b
			}
		}
	})
	if to == nil {
		problemDocument(w, http.StatusNotFound, "no such release", "")
		return
	}
	var body bytes.Buffer
	mode := protocol.ModeFull
	if from != nil && from.Manifest.Stream == to.Manifest.Stream {
		mode = protocol.ModeDelta
		if err := bundle.WriteDelta(&body, from, to); err != nil {
			c.t.Error(err)
		}
	} else if err := bundle.Write(&body, to); err != nil {
		c.t.Error(err)
	}
	c.with(func() { c.modes = append(c.modes, mode) })
	raw := body.Bytes()
	if mangle != nil {
		raw = mangle(mode, raw)
	}
	w.Header().Set("Content-Type", protocol.TypeBundle)
	w.Header().Set(protocol.HeaderRelease, toID)
	w.Header().Set(protocol.HeaderRevision, to.Manifest.Revision)
	w.Header().Set(protocol.HeaderMode, string(mode))
	_, _ = w.Write(raw)
}

func problemDocument(w http.ResponseWriter, status int, detail, hint string) {
	w.Header().Set("Content-Type", protocol.TypeProblem)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(protocol.Problem{Type: "/problems/test", Title: http.StatusText(status), Status: status, Detail: detail, Help: hint})
}

func sendJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", protocol.TypeJSON)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

// direct carries requests to handlers by host, without a network, so that a test
// can own the clock. A host without a handler is down.
type direct map[string]http.Handler

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	h, ok := d[r.URL.Hostname()]
	if !ok {
		return nil, fmt.Errorf("dial %s: connection refused", r.URL.Host)
	}
	if r.Body == nil {
		r.Body = io.NopCloser(strings.NewReader(""))
	}
	recorder, done := httptest.NewRecorder(), make(chan struct{})
	go func() {
		defer close(done)
		h.ServeHTTP(recorder, r)
	}()
	select {
	case <-done:
		answer := recorder.Result()
		answer.Request = r
		return answer, nil
	case <-r.Context().Done():
		<-done
		return nil, r.Context().Err()
	}
}

// options are those of a client of the channel, reached under the name server.
func (c *channel) options(t testing.TB) Options {
	t.Helper()
	return Options{
		URLs: []string{"https://server"}, Token: "token", Project: "support", Channel: "production",
		Trust: trustLine(t), Cache: t.TempDir(), ClientID: "test", App: "app",
		HTTP: &http.Client{Transport: direct{"server": c}}, Logger: slog.New(slog.DiscardHandler),
	}
}

// open opens a client that the test closes at its end.
func open(t testing.TB, o Options) *Client {
	t.Helper()
	c, err := Open(context.Background(), o)
	if err != nil {
		t.Fatalf("open: %v (hint: %s)", err, hint(err))
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// says renders the prompt and returns its text.
func says(t testing.TB, c *Client) string {
	t.Helper()
	out, err := c.Render(classify, Args{"message": "Hi"})
	if err != nil {
		t.Fatalf("render: %v", err)
	}
	return out.Text()
}

func wantText(t testing.TB, c *Client, text string) {
	t.Helper()
	if got, want := says(t, c), text+" Hi Be kind."; got != want {
		t.Fatalf("the client says %q, want %q", got, want)
	}
}
