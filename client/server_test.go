package client_test

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/anvilpeering/anvil/bundle"
	"github.com/anvilpeering/anvil/client"
	"github.com/anvilpeering/anvil/gitstore"
	"github.com/anvilpeering/anvil/httpapi"
	"github.com/anvilpeering/anvil/library"
	"github.com/anvilpeering/anvil/protocol"
	"github.com/anvilpeering/anvil/push"
	"github.com/anvilpeering/anvil/release"
	"github.com/anvilpeering/anvil/state"
)

// house is the real server on loopback, over real repositories and a database
// that outlive it.
type house struct {
	t       testing.TB
	dir     string
	addr    string
	authors *gitstore.Repo
	library *library.Library
	signer  ssh.Signer

	push *push.Push
	log  *release.Log
	stop func()
}

const branch = "refs/heads/main"

func newHouse(t testing.TB) *house {
	t.Helper()
	h := &house{t: t, dir: t.TempDir(), addr: "127.0.0.1:0"}
	h.authors = h.repository("authors.git")
	h.library = library.Open(h.authors, "", library.Options{})
	sum := sha256.Sum256([]byte("acme"))
	var err error
	if h.signer, err = ssh.NewSignerFromKey(ed25519.NewKeyFromSeed(sum[:])); err != nil {
		t.Fatal(err)
	}
	h.start()
	t.Cleanup(func() { h.stop() })
	return h
}

func (h *house) repository(name string) *gitstore.Repo {
	h.t.Helper()
	path := filepath.Join(h.dir, name)
	begin := gitstore.Open
	if _, err := os.Stat(path); err != nil {
		begin = gitstore.Create
	}
	r, err := begin(path, gitstore.Options{Bare: true, Durability: gitstore.NoFsync})
	if err != nil {
		h.t.Fatal(err)
	}
	return r
}

// start opens the server on what is there, at the address that it had.
func (h *house) start() {
	h.t.Helper()
	releases := h.repository("releases.git")
	var err error
	if h.log, err = release.Open(releases, h.library, release.Options{Organisation: "acme", Signer: h.signer, Generator: "test"}); err != nil {
		h.t.Fatal(err)
	}
	store, err := state.Open(h.t.Context(), filepath.Join(h.dir, "anvil.db"))
	if err != nil {
		h.t.Fatal(err)
	}
	h.push, err = push.Open(h.t.Context(), store, h.log, push.Options{
		DraftEvery: time.Nanosecond,
		Projects: func(rev gitstore.Hash) ([]string, error) {
			tree, err := h.library.At(rev)
			if err != nil {
				return nil, err
			}
			var names []string
			for _, p := range tree.Projects() {
				names = append(names, p.Name)
			}
			return names, nil
		},
	})
	if err != nil {
		h.t.Fatal(err)
	}
	server := httpapi.New(httpapi.Options{Push: h.push, Organisation: "acme", Version: "test", Grace: time.Second})
	addr, err := server.Listen("tcp", h.addr)
	if err != nil {
		h.t.Fatal(err)
	}
	h.addr = addr.String()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Serve(ctx) }()
	h.stop = sync.OnceFunc(func() {
		cancel()
		if err := errors.Join(<-done, store.Close(), releases.Close()); err != nil {
			h.t.Error(err)
		}
	})
}

// save commits files and releases the new tip on draft.
func (h *house) save(files map[string]string) gitstore.Hash {
	h.t.Helper()
	tip, err := h.authors.Tip(branch)
	if err != nil && !errors.Is(err, gitstore.ErrNotFound) {
		h.t.Fatal(err)
	}
	me := gitstore.Signature{Name: "Ada", Email: "ada@example.com", When: time.Now()}
	c := gitstore.NewCommit{Branch: branch, Tip: tip, Message: "Save\n", Author: me, Committer: me}
	for _, path := range slices.Sorted(maps.Keys(files)) {
		c.Edits = append(c.Edits, gitstore.Edit{Path: path, Content: []byte(files[path])})
	}
	if tip, err = h.authors.Commit(h.t.Context(), c); err != nil {
		h.t.Fatal(err)
	}
	if err := h.push.Tip(h.t.Context(), tip); err != nil {
		h.t.Fatal(err)
	}
	return tip
}

func (h *house) say(text string) gitstore.Hash {
	h.t.Helper()
	return h.save(map[string]string{
		"support/triage/classify.yaml": fmt.Sprintf("parameters:\n  message: {type: string}\ntemplate: |-\n  %s {{ message }} {%% render \"shared/voice/_tone\" %%}\n", text),
	})
}

func (h *house) begin() gitstore.Hash {
	h.t.Helper()
	h.save(map[string]string{
		"anvil.yaml":              "organisation: acme\nformat: 1\n",
		"shared/project.yaml":     "name: Shared\n",
		"shared/voice/_tone.yaml": "template: Be kind.\n",
		"support/project.yaml":    "name: Support\n",
	})
	return h.say("One")
}

func (h *house) publish() *release.Release {
	h.t.Helper()
	r, err := h.push.Publish(h.t.Context(), push.PublishRequest{Project: "support", Channel: "production"}, "test")
	if err != nil {
		h.t.Fatal(err)
	}
	return r
}

func (h *house) token(channel string) string {
	h.t.Helper()
	secret, _, err := h.push.CreateToken(h.t.Context(), push.NewToken{Name: "test " + channel, Role: push.RoleClient, Project: "support", Channel: channel})
	if err != nil {
		h.t.Fatal(err)
	}
	return secret
}

func (h *house) options(channel string) client.Options {
	return client.Options{
		URLs: []string{"http://" + h.addr}, Token: h.token(channel), Project: "support", Channel: channel,
		Trust: []byte(bundle.AllowedSigner("acme/support/*", h.signer.PublicKey())),
		Cache: h.t.TempDir(), Logger: slog.New(slog.DiscardHandler),
	}
}

func open(t testing.TB, o client.Options) *client.Client {
	t.Helper()
	c, err := client.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// await reads changes until the client says text.
func await(t testing.TB, c *client.Client, text string) *client.Rendered {
	t.Helper()
	timeout := time.After(20 * time.Second)
	for {
		out, err := c.Render("support/triage/classify", client.Args{"message": "Hi"})
		if err != nil {
			t.Fatal(err)
		}
		if out.Text() == text+" Hi Be kind." {
			return out
		}
		select {
		case <-c.Changes():
		case <-timeout:
			t.Fatalf("the client still says %q, not %s: %+v", out.Text(), text, c.Status())
		}
	}
}

func TestFollowsTheServer(t *testing.T) {
	h := newHouse(t)
	first := h.begin()
	c := open(t, h.options("draft"))
	if out := await(t, c, "One"); out.Revision != first.String() || out.Source != client.SourceMemory || out.Stale {
		t.Errorf("rendered %+v, want revision %s", out, first)
	}
	second := h.say("Two")
	out := await(t, c, "Two")
	if head := h.log.Head("support", "draft"); out.Revision != second.String() || out.Release != head.ID.String() || c.Snapshot().Sequence() != head.Sequence {
		t.Errorf("rendered %+v, want revision %s of release %s", out, second, head.ID)
	}
	h.acknowledged(c, protocol.StateApplied)
}

// acknowledged waits until the server knows how the client fared.
func (h *house) acknowledged(c *client.Client, state protocol.State) {
	h.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		for _, k := range h.push.Clients() {
			if k.ID == c.Status().ClientID && k.Report != nil && k.Report.State == state {
				return
			}
		}
		if time.Now().After(deadline) {
			h.t.Fatalf("the server knows %+v, want %s of %s", h.push.Clients(), state, c.Status().ClientID)
		}
	}
}

// Production moves when somebody publishes, and says so before that.
func TestFollowsWhatIsPublished(t *testing.T) {
	h := newHouse(t)
	h.begin()
	o := h.options("production")
	o.StartTimeout = 100 * time.Millisecond
	_, err := client.Open(t.Context(), o)
	var hinted interface{ Hint() string }
	if !errors.Is(err, client.ErrOffline) || !errors.As(err, &hinted) || !strings.Contains(hinted.Hint(), "anvil publish support production") {
		t.Errorf("open before anything was published: %v", err)
	}
	h.publish()
	c := open(t, o)
	await(t, c, "One")
	h.say("Two")
	if err := c.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	await(t, c, "One")
	r := h.publish()
	if out := await(t, c, "Two"); out.Release != r.ID.String() || out.Channel != "production" {
		t.Errorf("rendered %+v", out)
	}
}

// A server that stops and comes back on the same state finds its clients as they
// were; those serve on meanwhile, also when they start without it.
func TestServerRestarts(t *testing.T) {
	h := newHouse(t)
	h.begin()
	o := h.options("draft")
	c := open(t, o)
	await(t, c, "One")
	h.stop()
	await(t, c, "One")
	again := open(t, o)
	if out := await(t, again, "One"); out.Source != client.SourceDisk {
		t.Errorf("source %s", out.Source)
	}
	h.start()
	h.say("Two")
	for _, c := range []*client.Client{c, again} {
		if err := c.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		await(t, c, "Two")
	}
}

func TestServerRefusesTheToken(t *testing.T) {
	h := newHouse(t)
	h.begin()
	o := h.options("draft")
	c := open(t, o)
	await(t, c, "One")
	o.Token = "anv_" + strings.Repeat("x", 59)
	if _, err := client.Open(t.Context(), o); err != nil {
		t.Errorf("open from disk with a bad token: %v", err)
	}
	o.Cache = client.NoCache
	if _, err := client.Open(t.Context(), o); !errors.Is(err, client.ErrDenied) {
		t.Errorf("open with a bad token: %v", err)
	}
	// A token of another channel than the one asked for.
	o = h.options("draft")
	o.Channel = "production"
	_, err := client.Open(t.Context(), o)
	var hinted interface{ Hint() string }
	if err == nil || !errors.As(err, &hinted) || !strings.Contains(hinted.Hint(), "ANVIL_CHANNEL=draft") {
		t.Errorf("open with the token of another channel: %v", err)
	}
	// A server whose key nobody told the client to trust.
	o = h.options("draft")
	o.Trust = []byte(bundle.AllowedSigner("evil/*", h.signer.PublicKey()))
	if _, err := client.Open(t.Context(), o); !errors.Is(err, client.ErrUntrusted) {
		t.Errorf("open without trusting the server's key: %v", err)
	}
}
