package release

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/anvilpeering/anvil/bundle"
	"github.com/anvilpeering/anvil/gitstore"
	"github.com/anvilpeering/anvil/library"
)

// house is an organisation's repository, written with git itself, and the
// releases made from it.
type house struct {
	t        testing.TB
	authors  string
	releases string
	clock    *clock
	signer   ssh.Signer
	log      *Log
	closers  []func() error
}

// clock stands still until it is moved.
type clock struct{ unix atomic.Int64 }

func (c *clock) Now() time.Time          { return time.Unix(c.unix.Load(), 123_456_789) }
func (c *clock) advance(d time.Duration) { c.unix.Add(int64(d / time.Second)) }

const start = 1_795_428_000 // 2026-11-23T10:00:00Z

// testKey is a key that is the same in every process: its seed says so.
func testKey(seed string) ssh.Signer {
	sum := sha256.Sum256([]byte(seed))
	signer, err := ssh.NewSignerFromKey(ed25519.NewKeyFromSeed(sum[:]))
	if err != nil {
		panic(err)
	}
	return signer
}

func newHouse(t testing.TB) *house {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("SKIPPED: needs git")
	}
	dir := t.TempDir()
	h := &house{
		t:        t,
		authors:  filepath.Join(dir, "authors"),
		releases: filepath.Join(dir, "releases.git"),
		clock:    new(clock),
		signer:   testKey("acme"),
	}
	h.clock.unix.Store(start)
	if err := os.Mkdir(h.authors, 0o777); err != nil {
		t.Fatal(err)
	}
	h.git("init", "-q", "-b", "main")
	repo, err := gitstore.Create(h.releases, gitstore.Options{Bare: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := repo.Close(); err != nil {
		t.Fatal(err)
	}
	h.write("anvil.yaml", "organisation: acme\nformat: 1\n")
	h.write("README.md", "about\n")
	h.write("shared/project.yaml", "name: Shared\n")
	h.write("shared/voice/_tone.yaml", "template: Be kind.\n")
	h.write("shared/voice/unused.yaml", "template: Nobody renders me.\n")
	h.write("support/project.yaml", "name: Support\n")
	h.write("support/triage/set.yaml", "version: 1.0.0\n")
	h.write("support/triage/classify.yaml", text("classify"))
	h.write("support/triage/greet.yaml", "template: 'Hello. {% render \"shared/voice/_tone\" %}'\n")
	h.write("sales/project.yaml", "name: Sales\n")
	h.write("sales/mail/offer.yaml", text("offer"))
	h.commit("Begin")
	h.open()
	t.Cleanup(h.close)
	return h
}

func text(s string) string { return fmt.Sprintf("template: %q\n", s) }

// open opens the log anew, as a server that starts.
func (h *house) open() {
	h.t.Helper()
	h.close()
	h.log = h.openLog(Options{Signer: h.signer})
}

func (h *house) openLog(o Options) *Log {
	h.t.Helper()
	// A test that is killed loses nothing that was written; only a machine that
	// stops would.
	releases, err := gitstore.Open(h.releases, gitstore.Options{Durability: gitstore.NoFsync})
	if err != nil {
		h.t.Fatal(err)
	}
	authors, err := gitstore.Open(h.authors, gitstore.Options{})
	if err != nil {
		h.t.Fatal(err)
	}
	o.Organisation, o.Generator, o.Now = "acme", "test", h.clock.Now
	log, err := Open(releases, library.Open(authors, "", library.Options{}), o)
	if err != nil {
		h.t.Fatal(err)
	}
	h.closers = append(h.closers, releases.Close, authors.Close)
	return log
}

func (h *house) close() {
	for _, closer := range h.closers {
		if err := closer(); err != nil {
			h.t.Error(err)
		}
	}
	h.closers = nil
}

func (h *house) run(dir, command string, args ...string) string {
	h.t.Helper()
	cmd := exec.Command(command, args...)
	cmd.Dir = dir
	cmd.Env = append(
		os.Environ(), "HOME="+filepath.Dir(h.authors), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "LC_ALL=C",
		"GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.com", "GIT_EDITOR=true",
		"GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=ada@example.com",
	)
	out, err := cmd.CombinedOutput()
	if err != nil {
		h.t.Fatalf("%s %s: %v\n%s", command, strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// shell runs a script in the releases repository.
func (h *house) shell(script string) string {
	h.t.Helper()
	if _, err := exec.LookPath("sh"); err != nil {
		h.t.Skip("SKIPPED: needs sh")
	}
	return h.run(h.releases, "sh", "-e", "-c", script)
}

// git runs git in the authors' repository.
func (h *house) git(args ...string) string { h.t.Helper(); return h.run(h.authors, "git", args...) }

// gitReleases runs git in the releases repository.
func (h *house) gitReleases(args ...string) string {
	h.t.Helper()
	return h.run(h.releases, "git", args...)
}

func (h *house) write(path, content string) {
	h.t.Helper()
	path = filepath.Join(h.authors, filepath.FromSlash(path))
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) remove(path string) {
	h.t.Helper()
	if err := os.Remove(filepath.Join(h.authors, filepath.FromSlash(path))); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) commit(message string) gitstore.Hash {
	h.t.Helper()
	h.git("add", "-A")
	h.git("commit", "-q", "--allow-empty", "-m", message)
	return h.tip()
}

func (h *house) tip() gitstore.Hash {
	h.t.Helper()
	rev, err := gitstore.ParseHash(h.git("rev-parse", "HEAD"))
	if err != nil {
		h.t.Fatal(err)
	}
	return rev
}

func (h *house) plan(project, channel string) *Plan {
	h.t.Helper()
	p, err := h.log.Plan(h.t.Context(), project, channel, h.tip())
	if err != nil {
		h.t.Fatal(err)
	}
	return p
}

func (h *house) planFrom(channel string, from *Release) *Plan {
	h.t.Helper()
	p, err := h.log.PlanFrom(h.t.Context(), channel, from)
	if err != nil {
		h.t.Fatal(err)
	}
	return p
}

func (h *house) record(p *Plan, reason string) *Release {
	h.t.Helper()
	h.clock.advance(time.Second)
	r, err := h.log.Record(h.t.Context(), p, reason)
	if err != nil {
		h.t.Fatal(err)
	}
	return r
}

// save commits one file and releases its project to draft.
func (h *house) save(path, content string) *Release {
	h.t.Helper()
	h.write(path, content)
	h.commit("Save " + path)
	project, _, _ := strings.Cut(path, "/")
	return h.record(h.plan(project, Draft), "draft")
}

func (h *house) expect(stream string) bundle.Expect {
	h.t.Helper()
	trust, err := bundle.ParseTrust([]byte(bundle.AllowedSigner("acme/*", h.signer.PublicKey()) + "\n"))
	if err != nil {
		h.t.Fatal(err)
	}
	return bundle.Expect{Trust: trust, Identity: stream, Now: h.clock.Now()}
}

// read reads an artefact as a client does; base is what it holds.
func (h *house) read(a *Artefact, base *bundle.Bundle) *bundle.Bundle {
	h.t.Helper()
	e := h.expect("acme/" + a.To.Project + "/" + a.To.Channel)
	e.AllowExpired = a.To.Expires.Before(h.clock.Now())
	r := bytes.NewReader(a.Body)
	var b *bundle.Bundle
	var err error
	if a.Mode == ModeDelta {
		b, err = bundle.ReadDelta(r, r.Size(), base, e)
	} else {
		b, err = bundle.Read(r, r.Size(), e)
	}
	if err != nil {
		h.t.Fatalf("a client refuses the %s bundle of %s: %v", a.Mode, a.To.ID.Short(), err)
	}
	if b.ID() != a.To.ManifestID || b.Manifest.Revision != a.To.Revision.String() || b.Manifest.Sequence != a.To.Sequence {
		h.t.Fatalf("bundle of another release: %+v, want %+v", b.Manifest, a.To)
	}
	return b
}

func (h *house) artefact(to, from *Release) *Artefact {
	h.t.Helper()
	a, err := h.log.Artefact(h.t.Context(), to, from)
	if err != nil {
		h.t.Fatal(err)
	}
	return a
}

func (h *house) full(r *Release) *bundle.Bundle {
	h.t.Helper()
	return h.read(h.artefact(r, nil), nil)
}

// same fails unless two bundles hold the same bytes.
func same(t testing.TB, got, want *bundle.Bundle) {
	t.Helper()
	if !bytes.Equal(got.Raw, want.Raw) || !bytes.Equal(got.Signature, want.Signature) {
		t.Fatal("another manifest")
	}
	if !maps.EqualFunc(got.Content, want.Content, bytes.Equal) {
		t.Fatalf("another content: %v, want %v", paths(got), paths(want))
	}
}

func paths(b *bundle.Bundle) []string { return slices.Sorted(maps.Keys(b.Content)) }

// sound checks the releases repository with git.
func (h *house) sound() {
	h.t.Helper()
	out := h.gitReleases("fsck", "--strict", "--no-dangling")
	if out = strings.TrimPrefix(out, "notice: HEAD points to an unborn branch (main)"); out != "" {
		h.t.Errorf("git fsck: %s", out)
	}
}

func (h *house) history(project, channel string) []*Release {
	h.t.Helper()
	var all []*Release
	for r, err := range h.log.History(project, channel) {
		if err != nil {
			h.t.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

// hint is the advice of an error, "" when it has none.
func hint(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return h.Hint()
	}
	return ""
}
