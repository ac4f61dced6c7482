package push_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"io"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/anvilpeering/anvil/gitstore"
	"github.com/anvilpeering/anvil/library"
	"github.com/anvilpeering/anvil/protocol"
	"github.com/anvilpeering/anvil/push"
	"github.com/anvilpeering/anvil/release"
	"github.com/anvilpeering/anvil/state"
)

// house is a push server over real repositories and a real database.
type house struct {
	*push.Push
	t       testing.TB
	dir     string
	options push.Options
	clock   func() time.Time // of the releases
	keyless bool             // no key to sign with
	seed    string           // of the key
	sign    func() error     // says whether a signature succeeds; nil: always
	list    func()           // called before projects are listed; nil: not

	authors *gitstore.Repo
	log     *release.Log
	store   *state.Store
	closers []func() error
	logged  buffer
}

// buffer is a log that is written while it is read.
type buffer struct {
	mu sync.Mutex
	b  strings.Builder
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

const branch = "refs/heads/main"

// key is a key that may be out of reach, as one in an agent is.
type key struct {
	ssh.Signer
	h *house
}

func (k *key) Sign(rand io.Reader, data []byte) (*ssh.Signature, error) {
	if k.h.sign != nil {
		if err := k.h.sign(); err != nil {
			return nil, err
		}
	}
	return k.Signer.Sign(rand, data)
}

func newHouse(t testing.TB, o push.Options) *house {
	t.Helper()
	h := &house{t: t, dir: t.TempDir(), options: o, clock: time.Now, seed: "acme"}
	for _, name := range []string{"authors.git", "releases.git"} {
		repo, err := gitstore.Create(filepath.Join(h.dir, name), gitstore.Options{Bare: true, Durability: gitstore.NoFsync})
		if err != nil {
			t.Fatal(err)
		}
		if err := repo.Close(); err != nil {
			t.Fatal(err)
		}
	}
	h.open()
	t.Cleanup(h.close)
	return h
}

// open starts the server, or starts it again.
func (h *house) open() {
	h.t.Helper()
	h.close()
	h.authors = h.repo("authors.git")
	lib := library.Open(h.authors, "", library.Options{})
	sum := sha256.Sum256([]byte(h.seed))
	signer, err := ssh.NewSignerFromKey(ed25519.NewKeyFromSeed(sum[:]))
	if err != nil {
		h.t.Fatal(err)
	}
	signer = &key{signer, h}
	if h.keyless {
		signer = nil
	}
	h.log, err = release.Open(h.repo("releases.git"), lib, release.Options{Organisation: "acme", Signer: signer, Generator: "test", Now: h.clock, Logger: slog.New(slog.NewTextHandler(&h.logged, nil))})
	if err != nil {
		h.t.Fatal(err)
	}
	if h.store, err = state.Open(h.t.Context(), filepath.Join(h.dir, "anvil.db")); err != nil {
		h.t.Fatal(err)
	}
	h.closers = append(h.closers, h.store.Close)
	o := h.options
	o.Logger = slog.New(slog.NewTextHandler(&h.logged, nil))
	o.Projects = func(rev gitstore.Hash) ([]string, error) {
		if h.list != nil {
			h.list()
		}
		tree, err := lib.At(rev)
		if err != nil {
			return nil, err
		}
		var names []string
		for _, p := range tree.Projects() {
			names = append(names, p.Name)
		}
		return names, nil
	}
	o.Rewritten = func(from, to gitstore.Hash) bool {
		descends, err := h.authors.Ancestor(from, to)
		return err == nil && !descends
	}
	if h.Push, err = push.Open(h.t.Context(), h.store, h.log, o); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) repo(name string) *gitstore.Repo {
	h.t.Helper()
	repo, err := gitstore.Open(filepath.Join(h.dir, name), gitstore.Options{Durability: gitstore.NoFsync})
	if err != nil {
		h.t.Fatal(err)
	}
	h.closers = append(h.closers, repo.Close)
	return repo
}

func (h *house) close() {
	for _, closer := range slices.Backward(h.closers) {
		if err := closer(); err != nil {
			h.t.Error(err)
		}
	}
	h.closers = nil
}

// save commits files, "" removing one, and returns the new tip.
func (h *house) save(files map[string]string) gitstore.Hash {
	h.t.Helper()
	tip, err := h.authors.Tip(branch)
	if err != nil && !errors.Is(err, gitstore.ErrNotFound) {
		h.t.Fatal(err)
	}
	return h.commit(gitstore.NewCommit{Tip: tip}, files)
}

// rewrite replaces the whole history by one commit.
func (h *house) rewrite(files map[string]string) gitstore.Hash {
	h.t.Helper()
	tip, err := h.authors.Tip(branch)
	if err != nil {
		h.t.Fatal(err)
	}
	return h.commit(gitstore.NewCommit{Tip: tip, Orphan: true}, files)
}

func (h *house) commit(c gitstore.NewCommit, files map[string]string) gitstore.Hash {
	h.t.Helper()
	me := gitstore.Signature{Name: "Ada", Email: "ada@example.com", When: h.clock()}
	c.Branch, c.Message, c.Author, c.Committer = branch, "Save\n", me, me
	for _, path := range slices.Sorted(maps.Keys(files)) {
		c.Edits = append(c.Edits, gitstore.Edit{Path: path, Content: []byte(files[path]), Removed: files[path] == ""})
	}
	tip, err := h.authors.Commit(h.t.Context(), c)
	if err != nil {
		h.t.Fatal(err)
	}
	return tip
}

// library1 is a small organisation with two projects.
func library1() map[string]string {
	return map[string]string{
		"anvil.yaml":                   "organisation: acme\nformat: 1\n",
		"support/project.yaml":         "name: Support\n",
		"support/triage/classify.yaml": prompt("one"),
		"sales/project.yaml":           "name: Sales\n",
		"sales/mail/offer.yaml":        prompt("offer"),
	}
}

func prompt(text string) string { return "template: " + text + "\n" }

// tip releases a tip, which must work.
func (h *house) tip(tip gitstore.Hash) {
	h.t.Helper()
	if err := h.Tip(h.t.Context(), tip); err != nil {
		h.t.Fatal(err)
	}
}

// draft is what a project's draft offers.
func (h *house) draft(project string) *release.Release {
	h.t.Helper()
	r := h.log.Head(project, release.Draft)
	if r == nil {
		h.t.Fatalf("%s has no draft", project)
	}
	return r
}

// token makes a client token and authenticates with it.
func (h *house) token(project, channel string) push.Token {
	h.t.Helper()
	return h.authenticate(push.NewToken{Name: "checkout", Role: push.RoleClient, Project: project, Channel: channel})
}

func (h *house) authenticate(n push.NewToken) push.Token {
	h.t.Helper()
	secret, _, err := h.CreateToken(h.t.Context(), n)
	if err != nil {
		h.t.Fatal(err)
	}
	k, err := h.Authenticate(secret)
	if err != nil {
		h.t.Fatal(err)
	}
	return k
}

// register starts a client that holds r, nil for nothing.
func (h *house) register(k push.Token, id string, r *release.Release) {
	h.t.Helper()
	reg := protocol.Registration{ClientID: id, Protocol: []int{1}}
	if r != nil {
		reg.Held = &protocol.Held{Release: r.ID.String(), Revision: r.Revision.String(), Sequence: r.Sequence}
	}
	if _, _, err := h.Register(h.t.Context(), k, reg); err != nil {
		h.t.Fatal(err)
	}
}

// client returns what is known of the client with an id.
func (h *house) client(id string) push.Client {
	h.t.Helper()
	for _, c := range h.Clients() {
		if c.ID == id {
			return c
		}
	}
	h.t.Fatalf("no client %q", id)
	return push.Client{}
}

func hint(err error) string {
	if h, ok := errors.AsType[interface {
		error
		Hint() string
	}](err); ok {
		return h.Hint()
	}
	return ""
}
