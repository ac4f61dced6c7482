package httpapi_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/anvilpeering/anvil/gitstore"
	"github.com/anvilpeering/anvil/httpapi"
	"github.com/anvilpeering/anvil/library"
	"github.com/anvilpeering/anvil/protocol"
	"github.com/anvilpeering/anvil/push"
	"github.com/anvilpeering/anvil/release"
	"github.com/anvilpeering/anvil/state"
)

// house is a server on loopback and a socket, over real repositories and a real
// database.
type house struct {
	t       testing.TB
	push    *push.Push
	log     *release.Log
	authors *gitstore.Repo
	store   *state.Store
	server  *httpapi.Server
	url     string
	socket  string
	logged  *buffer

	stop func() error // ends Serve and returns what it returned
	http *http.Client
}

const branch = "refs/heads/main"

func newHouse(t testing.TB, o httpapi.Options) *house {
	t.Helper()
	dir := t.TempDir()
	h := &house{t: t, http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1000}}, logged: new(buffer)}
	t.Cleanup(h.http.CloseIdleConnections)
	repo := func(name string) *gitstore.Repo {
		r, err := gitstore.Create(filepath.Join(dir, name), gitstore.Options{Bare: true, Durability: gitstore.NoFsync})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { r.Close() })
		return r
	}
	h.authors = repo("authors.git")
	lib := library.Open(h.authors, "", library.Options{})
	sum := sha256.Sum256([]byte("acme"))
	signer, err := ssh.NewSignerFromKey(ed25519.NewKeyFromSeed(sum[:]))
	if err != nil {
		t.Fatal(err)
	}
	if h.log, err = release.Open(repo("releases.git"), lib, release.Options{Organisation: "acme", Signer: signer, Generator: "test"}); err != nil {
		t.Fatal(err)
	}
	if h.store, err = state.Open(t.Context(), filepath.Join(dir, "anvil.db")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.store.Close() })
	h.push, err = push.Open(t.Context(), h.store, h.log, push.Options{
		DraftEvery: time.Nanosecond,
		Projects: func(rev gitstore.Hash) ([]string, error) {
			tree, err := lib.At(rev)
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
		t.Fatal(err)
	}
	o.Push, o.Organisation, o.Version, o.Root = h.push, "acme", "test", dir
	o.Logger = slog.New(slog.NewTextHandler(h.logged, nil))
	h.serve(o)
	return h
}

func (h *house) serve(o httpapi.Options) {
	h.t.Helper()
	h.server = httpapi.New(o)
	addr, err := h.server.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		h.t.Fatal(err)
	}
	h.url = "http://" + addr.String()
	h.socket = filepath.Join(socketFolder(h.t), "s")
	if _, err := h.server.Listen("unix", h.socket); err != nil {
		h.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.server.Serve(ctx) }()
	h.stop = sync.OnceValue(func() error {
		cancel()
		return <-done
	})
	h.t.Cleanup(func() {
		h.http.CloseIdleConnections()
		if err := h.stop(); err != nil {
			h.t.Error(err)
		}
	})
}

// socketFolder is a folder whose path is short enough for a socket.
func socketFolder(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "anvil")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// save commits files and releases the new tip.
func (h *house) save(files map[string]string) gitstore.Hash {
	h.t.Helper()
	tip := h.commit(files)
	if err := h.push.Tip(h.t.Context(), tip); err != nil {
		h.t.Fatal(err)
	}
	return tip
}

func (h *house) commit(files map[string]string) gitstore.Hash {
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
	return tip
}

func (h *house) begin() gitstore.Hash {
	h.t.Helper()
	return h.save(map[string]string{
		"anvil.yaml":                   "organisation: acme\nformat: 1\n",
		"support/project.yaml":         "name: Support\n",
		"support/triage/classify.yaml": "template: one\n",
		"sales/project.yaml":           "name: Sales\n",
		"sales/mail/offer.yaml":        "template: offer\n",
	})
}

func (h *house) head(project, channel string) *release.Release {
	h.t.Helper()
	r := h.log.Head(project, channel)
	if r == nil {
		h.t.Fatalf("%s/%s offers nothing", project, channel)
	}
	return r
}

func (h *house) token(role push.Role, project, channel string) string {
	h.t.Helper()
	secret, _, err := h.push.CreateToken(h.t.Context(), push.NewToken{Name: string(role), Role: role, Project: project, Channel: channel})
	if err != nil {
		h.t.Fatal(err)
	}
	return secret
}

// answer is a response that was read.
type answer struct {
	*http.Response
	body []byte
}

func (a *answer) problem(t testing.TB) protocol.Problem {
	t.Helper()
	var p protocol.Problem
	if got := a.Header.Get("Content-Type"); got != protocol.TypeProblem {
		t.Fatalf("%s %s: %d with content type %q: %s", a.Request.Method, a.Request.URL.Path, a.StatusCode, got, a.body)
	}
	if err := json.Unmarshal(a.body, &p); err != nil {
		t.Fatal(err)
	}
	if p.Status != a.StatusCode || p.Title == "" || !strings.HasPrefix(p.Type, "/problems/") {
		t.Errorf("problem %+v with status %d", p, a.StatusCode)
	}
	return p
}

func (a *answer) decode(t testing.TB, into any) {
	t.Helper()
	if a.StatusCode >= 300 {
		t.Fatalf("%s %s: %d: %s", a.Request.Method, a.Request.URL.Path, a.StatusCode, a.body)
	}
	if err := json.Unmarshal(a.body, into); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
}

// do sends a request with a token ("" = none), a body (nil = none) and headers
// in pairs.
func (h *house) do(method, path, token string, body any, headers ...string) *answer {
	h.t.Helper()
	a, err := h.try(h.t.Context(), method, path, token, body, headers...)
	if err != nil {
		h.t.Fatal(err)
	}
	return a
}

func (h *house) try(ctx context.Context, method, path, token string, body any, headers ...string) (*answer, error) {
	var content io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		content = bytes.NewReader(b)
	}
	r, err := http.NewRequestWithContext(ctx, method, h.url+path, content)
	if err != nil {
		return nil, err
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	return send(h.http, r)
}

func send(c *http.Client, r *http.Request) (*answer, error) {
	resp, err := c.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	return &answer{resp, content}, nil
}

// overSocket is a client of the socket.
func (h *house) overSocket() *http.Client {
	c := &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", h.socket)
		},
	}}
	h.t.Cleanup(c.CloseIdleConnections)
	return c
}

func (h *house) local(method, path string, body any) *answer {
	h.t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		h.t.Fatal(err)
	}
	var content io.Reader
	if body != nil {
		content = bytes.NewReader(b)
	}
	r, err := http.NewRequestWithContext(h.t.Context(), method, "http://localhost"+path, content)
	if err != nil {
		h.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	a, err := send(h.overSocket(), r)
	if err != nil {
		h.t.Fatal(err)
	}
	return a
}

func (h *house) register(token, id string, held *release.Release) {
	h.t.Helper()
	r := protocol.Registration{ClientID: id, Protocol: []int{1}}
	if held != nil {
		r.Held = &protocol.Held{Release: held.ID.String(), Revision: held.Revision.String(), Sequence: held.Sequence}
	}
	if a := h.do("POST", protocol.PathRegister, token, r); a.StatusCode >= 300 {
		h.t.Fatalf("register: %d: %s", a.StatusCode, a.body)
	}
}

func quoted(r *release.Release) string { return fmt.Sprintf("%q", r.ID.String()) }

// buffer is a log that may be written and read at the same time.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
