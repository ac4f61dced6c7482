package release

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/anvilpeering/anvil/bundle"
	"github.com/anvilpeering/anvil/gitstore"
)

func TestReleaseIsAWholeCommit(t *testing.T) {
	h := newHouse(t)
	if head := h.log.Head("support", Draft); head != nil || len(h.log.Heads()) != 0 {
		t.Errorf("something is offered before the first release: %+v", head)
	}
	p := h.plan("support", Draft)
	if !p.Changed || p.Base != nil || len(p.Paths) != 6 {
		t.Errorf("plan %+v", p)
	}
	r := h.record(p, "draft")

	files := h.gitReleases("ls-tree", "-r", "--name-only", "support/draft")
	if want := strings.Join([]string{
		"content/shared/project.yaml",
		"content/shared/voice/_tone.yaml",
		"content/support/project.yaml",
		"content/support/triage/classify.yaml",
		"content/support/triage/greet.yaml",
		"content/support/triage/set.yaml",
		"manifest.json",
		"manifest.json.sig",
	}, "\n"); files != want {
		t.Errorf("tree of the release:\n%s\nwant\n%s", files, want)
	}
	message := h.gitReleases("log", "-1", "--format=%an <%ae> %at%n%B", "support/draft")
	if want := "Anvil <releases@anvil.invalid> 1795428001\n" +
		"support/draft 1795428001\n\nAnvil-Revision: " + h.tip().String() + "\nAnvil-Reason: draft"; message != want {
		t.Errorf("commit:\n%s\nwant\n%s", message, want)
	}
	if id := h.gitReleases("rev-parse", "support/draft"); id != r.ID.String() {
		t.Errorf("branch at %s, release %s", id, r.ID)
	}
	for path, want := range map[string]string{
		"support/triage/classify.yaml": text("classify"),
		"shared/voice/_tone.yaml":      "template: Be kind.\n",
	} {
		if got := string(h.full(r).Content["content/"+path]); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	if r.Project != "support" || r.Channel != "draft" || r.Revision != h.tip() || r.Sequence != start+1 || r.Reason != "draft" ||
		r.Files != 6 || r.Bytes == 0 || !r.Created.Equal(time.Unix(start+1, 0)) || r.Expires.Sub(r.Created) != lifetime {
		t.Errorf("release %+v", r)
	}
	if h.log.Head("support", Draft) != r || !slices.Equal(h.log.Heads(), []*Release{r}) {
		t.Error("the head is another")
	}
	h.sound()
}

// What a release is can be checked with git and ssh-keygen alone.
func TestReleaseVerifiesWithSSHKeygen(t *testing.T) {
	if _, err := exec.LookPath("ssh-keygen"); err != nil {
		t.Skip("SKIPPED: needs ssh-keygen")
	}
	h := newHouse(t)
	h.record(h.plan("support", Draft), "draft")
	dir := t.TempDir()
	for name, content := range map[string]string{
		"manifest.json":     h.gitReleases("cat-file", "blob", "support/draft:manifest.json") + "\n",
		"manifest.json.sig": h.gitReleases("cat-file", "blob", "support/draft:manifest.json.sig") + "\n",
		"allowed_signers":   bundle.AllowedSigner("acme/support/*", h.signer.PublicKey()) + "\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	verify := func(manifest string) error {
		cmd := exec.Command("ssh-keygen", "-Y", "verify", "-f", "allowed_signers", "-I", "acme/support/draft",
			"-n", "anvil-bundle-v1", "-s", "manifest.json.sig")
		cmd.Dir, cmd.Stdin = dir, strings.NewReader(manifest)
		return cmd.Run()
	}
	exact := h.gitReleases("cat-file", "blob", "support/draft:manifest.json")
	if verify(exact) != nil && verify(exact+"\n") != nil {
		t.Error("ssh-keygen refuses the manifest")
	}
	if verify(strings.Replace(exact, "support", "sales", 1)) == nil {
		t.Error("ssh-keygen accepts an altered manifest")
	}
}

func TestPlanSaysWhatChanges(t *testing.T) {
	cases := []struct {
		name    string
		edit    func(h *house)
		changes []string
	}{
		{"nothing", func(*house) {}, nil},
		{"a prompt", func(h *house) { h.write("support/triage/classify.yaml", text("new")) }, []string{"support/triage/classify.yaml"}},
		{"another project", func(h *house) { h.write("sales/mail/offer.yaml", text("new")) }, nil},
		{"a dependency", func(h *house) { h.write("shared/voice/_tone.yaml", "template: Be short.\n") }, []string{"shared/voice/_tone.yaml"}},
		{"a neighbour of a dependency", func(h *house) { h.write("shared/voice/unused.yaml", text("new")) }, nil},
		{"the organisation", func(h *house) { h.write("anvil.yaml", "organisation: acme\nformat: 1\ndescription: New.\n") }, nil},
		{"no prompt file", func(h *house) { h.write("README.md", "new\n") }, nil},
		{"added and removed", func(h *house) {
			h.remove("support/triage/classify.yaml")
			h.write("support/triage/sort.yaml", text("sort"))
		}, []string{"support/triage/classify.yaml", "support/triage/sort.yaml"}},
		{"a dependency dropped", func(h *house) { h.write("support/triage/greet.yaml", text("hello")) }, []string{
			"shared/project.yaml", "shared/voice/_tone.yaml", "support/triage/greet.yaml",
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t)
			first := h.record(h.plan("support", Draft), "draft")
			c.edit(h)
			rev := h.commit("Edit")
			for _, again := range []bool{false, true} {
				if again {
					h.open() // what a head holds is read back
				}
				p := h.plan("support", Draft)
				if !slices.Equal(p.Paths, c.changes) || p.Changed != (len(c.changes) > 0) || p.Revision != rev || p.Base.ID != first.ID {
					t.Errorf("plan %v, changed %v, want %v", p.Paths, p.Changed, c.changes)
				}
			}
			second := h.record(h.plan("support", Draft), "draft")
			same(t, h.read(h.artefact(second, first), h.full(first)), h.full(second))
			h.sound()
		})
	}
}

func TestPlanRefuses(t *testing.T) {
	h := newHouse(t)
	h.write("shared/voice/_tone.yaml", "template: 'Be {% nonsense %}.'\n")
	rev := h.commit("Break a dependency")
	ctx := t.Context()

	_, err := h.log.Plan(ctx, "support", Draft, rev)
	var unfit *UnfitError
	if !errors.As(err, &unfit) || len(unfit.Problems) == 0 || unfit.Problems[0].Path != "shared/voice/_tone.yaml" || hint(err) == "" {
		t.Errorf("a broken dependency: %v", err)
	}
	if _, err := h.log.Plan(ctx, "sales", Draft, rev); err != nil {
		t.Errorf("a project that does not depend on it: %v", err)
	}
	if _, err := h.log.Plan(ctx, "nowhere", Draft, rev); !errors.Is(err, ErrNotFound) || hint(err) == "" {
		t.Errorf("no such project: %v", err)
	}
	if _, err := h.log.Plan(ctx, "sales", Draft, gitstore.Hash{1}); !errors.Is(err, gitstore.ErrNotFound) {
		t.Errorf("no such revision: %v", err)
	}
	for _, channel := range []string{"", "draft-previous", "a/b", "a..b", "a.lock", "a.", "-a", "Draft", "ü", strings.Repeat("a", 101)} {
		if _, err := h.log.Plan(ctx, "sales", channel, rev); err == nil || hint(err) == "" {
			t.Errorf("channel %q: %v", channel, err)
		}
	}
	done, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := h.log.Plan(done, "sales", Draft, rev); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if len(h.log.Heads()) != 0 {
		t.Error("a refused plan leaves a head")
	}
}

func TestSequenceOnlyRises(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	record := func() int64 {
		t.Helper()
		r, err := h.log.Record(ctx, h.plan("support", Draft), "draft")
		if err != nil {
			t.Fatal(err)
		}
		return r.Sequence
	}
	got := []int64{record(), record()}
	h.clock.advance(-time.Hour)
	got = append(got, record())
	h.open()
	got = append(got, record())
	h.clock.advance(2 * time.Hour)
	got = append(got, record())
	if want := []int64{start, start + 1, start + 2, start + 3, start + 3600}; !slices.Equal(got, want) {
		t.Errorf("sequences %v, want %v", got, want)
	}
}

func TestHeadsAreReadBack(t *testing.T) {
	h := newHouse(t)
	draft := h.record(h.plan("support", Draft), "draft")
	h.record(h.planFrom("production", draft), "publish")
	h.record(h.plan("sales", Draft), "history rewritten")
	want := h.log.Heads()
	h.open()
	got := h.log.Heads()
	if len(got) != 3 || len(want) != 3 {
		t.Fatalf("heads %v, want %v", got, want)
	}
	for i := range got {
		if *got[i] != *want[i] {
			t.Errorf("head %+v, want %+v", got[i], want[i])
		}
		if i > 0 && got[i-1].Project+"/"+got[i-1].Channel >= got[i].Project+"/"+got[i].Channel {
			t.Error("heads are not sorted")
		}
	}
	releases, err := gitstore.Open(h.releases, gitstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer releases.Close()
	if _, err := Open(releases, nil, Options{Organisation: "other"}); err == nil || hint(err) == "" {
		t.Errorf("releases of another organisation: %v", err)
	}
	if _, err := Open(releases, nil, Options{}); err == nil {
		t.Error("an organisation without a name")
	}
}

// Publishing what draft holds reuses its very objects.
func TestPublishTakesWhatDraftHolds(t *testing.T) {
	h := newHouse(t)
	draft := h.record(h.plan("support", Draft), "draft")
	h.write("support/triage/classify.yaml", text("not released yet"))
	h.commit("Edit")
	p := h.planFrom("production", draft)
	if !p.Changed || p.Revision != draft.Revision || p.Base != nil {
		t.Errorf("plan %+v", p)
	}
	production := h.record(p, "publish")
	if a, b := h.gitReleases("rev-parse", "support/draft:content"), h.gitReleases("rev-parse", "support/production:content"); a != b {
		t.Errorf("content %s and %s", a, b)
	}
	if production.Revision != draft.Revision || production.ManifestID == draft.ManifestID {
		t.Errorf("release %+v", production)
	}
	if p := h.planFrom("production", draft); p.Changed || len(p.Paths) != 0 {
		t.Errorf("published already: %+v", p)
	}
	h.full(production)
	h.sound()
}

// Going back takes the content from the releases repository: the authors' may
// be gone.
func TestRollback(t *testing.T) {
	h := newHouse(t)
	a := h.record(h.plan("support", "production"), "publish")
	h.write("support/triage/classify.yaml", text("worse"))
	h.write("support/triage/more.yaml", text("more"))
	h.commit("Edit")
	b := h.record(h.plan("support", "production"), "publish")
	held := h.full(b)
	h.close()
	for _, dir := range []string{filepath.Join(h.authors, ".git", "objects"), filepath.Join(h.authors, "support")} {
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(h.authors, ".git", "objects"), 0o777); err != nil {
		t.Fatal(err)
	}
	h.open()
	old, err := h.log.Find("support", "production", a.ID)
	if err != nil {
		t.Fatal(err)
	}
	p := h.planFrom("production", old)
	if gone, of, left := p.Removed(); gone != 1 || of != 3 || left != 2 {
		t.Errorf("%d of %d prompts removed, %d left, want 1 of 3 and 2 left", gone, of, left)
	}
	back := h.record(p, "rollback")
	if back.Revision != a.Revision || back.Sequence <= b.Sequence || back.Reason != "rollback" {
		t.Errorf("release %+v", back)
	}
	got := h.read(h.artefact(back, b), held)
	same(t, got, h.full(back))
	if want := h.full(a); !slices.Equal(got.Sums.Bytes(), want.Sums.Bytes()) {
		t.Error("the content is not what it was")
	}
}

func TestRenewalIsADeltaWithoutFiles(t *testing.T) {
	h := newHouse(t)
	first := h.record(h.plan("support", Draft), "draft")
	if due := h.log.Due(); len(due) != 0 {
		t.Errorf("due at once: %v", due)
	}
	h.clock.advance(lifetime - renewWithin)
	if due := h.log.Due(); !slices.Equal(due, []*Release{first}) {
		t.Errorf("due: %v", due)
	}
	renewed, err := h.log.Renew(t.Context(), "support", Draft, "renewal")
	if err != nil {
		t.Fatal(err)
	}
	if renewed.Revision != first.Revision || renewed.Expires.Sub(first.Expires) != lifetime-renewWithin {
		t.Errorf("renewed %+v from %+v", renewed, first)
	}
	if due := h.log.Due(); len(due) != 0 {
		t.Errorf("due after renewal: %v", due)
	}
	a := h.artefact(renewed, first)
	if a.Mode != ModeDelta || a.From != first || a.To != renewed {
		t.Errorf("%s bundle, %q", a.Mode, a.Fallback)
	}
	same(t, h.read(a, h.full(first)), h.full(renewed))
	if _, err := h.log.Renew(t.Context(), "support", "production", "renewal"); !errors.Is(err, ErrNotFound) {
		t.Errorf("renew nothing: %v", err)
	}
}

func TestFindAndHistory(t *testing.T) {
	h := newHouse(t)
	a := h.record(h.plan("support", Draft), "draft")
	b := h.save("support/triage/classify.yaml", text("b"))
	again, err := h.log.Renew(t.Context(), "support", Draft, "renewal")
	if err != nil {
		t.Fatal(err)
	}
	other := h.record(h.plan("sales", Draft), "draft")
	for range 2 {
		for _, c := range []struct {
			ask  gitstore.Hash
			want *Release
		}{
			{a.ID, a}, {a.Revision, a}, {b.ID, b}, {b.Revision, again}, {again.ID, again},
		} {
			got, err := h.log.Find("support", Draft, c.ask)
			if err != nil || *got != *c.want {
				t.Errorf("find %s: %+v, %v; want %+v", c.ask.Short(), got, err, c.want)
			}
		}
		if _, err := h.log.Find("support", Draft, other.ID); !errors.Is(err, ErrUnrelated) || !errors.Is(err, ErrNotFound) {
			t.Errorf("find a release of another channel: %v", err)
		}
		for _, id := range []gitstore.Hash{{}, {7}} {
			if _, err := h.log.Find("support", Draft, id); !errors.Is(err, ErrNotFound) || errors.Is(err, ErrUnrelated) || hint(err) == "" {
				t.Errorf("find nothing: %v", err)
			}
		}
		if _, err := h.log.Find("support", "production", a.ID); !errors.Is(err, ErrNotFound) {
			t.Errorf("find in a channel that offers nothing: %v", err)
		}
		var got []gitstore.Hash
		for _, r := range h.history("support", Draft) {
			got = append(got, r.ID)
		}
		if want := []gitstore.Hash{again.ID, b.ID, a.ID}; !slices.Equal(got, want) {
			t.Errorf("history %v, want %v", got, want)
		}
		if n := len(h.history("support", "production")); n != 0 {
			t.Errorf("history of nothing: %d", n)
		}
		h.open()
	}
}

func TestPlanMayBeTooOld(t *testing.T) {
	h := newHouse(t)
	first := h.plan("support", Draft)
	h.record(h.plan("support", Draft), "draft")
	if _, err := h.log.Record(t.Context(), first, "draft"); !errors.Is(err, ErrMoved) || hint(err) == "" {
		t.Errorf("the channel had nothing when planned: %v", err)
	}
	h.write("support/triage/classify.yaml", text("one"))
	h.commit("One")
	one := h.plan("support", Draft)
	// A renewal changes nothing that a plan rests on.
	if _, err := h.log.Renew(t.Context(), "support", Draft, "renewal"); err != nil {
		t.Fatal(err)
	}
	h.record(one, "draft")
	h.write("support/triage/classify.yaml", text("two"))
	h.commit("Two")
	two := h.plan("support", Draft)
	h.save("support/triage/classify.yaml", text("three"))
	head := h.log.Head("support", Draft)
	if _, err := h.log.Record(t.Context(), two, "draft"); !errors.Is(err, ErrMoved) {
		t.Errorf("another release came between: %v", err)
	}
	if h.log.Head("support", Draft) != head {
		t.Error("a refused plan moves the head")
	}

	t.Run("another revision of the same content", func(t *testing.T) {
		h.write("support/triage/classify.yaml", text("four"))
		h.commit("Four")
		four := h.plan("support", Draft)
		h.write("support/triage/classify.yaml", text("three"))
		h.commit("Three again")
		again := h.record(h.plan("support", Draft), "draft")
		if again.Revision == head.Revision {
			t.Fatal("the same revision")
		}
		if _, err := h.log.Record(t.Context(), four, "draft"); !errors.Is(err, ErrMoved) {
			t.Errorf("got %v", err)
		}
	})
	// Another version of Anvil may take other files of a revision.
	t.Run("other content of the same revision", func(t *testing.T) {
		base := h.log.Head("support", Draft)
		same, fewer := h.planFrom(Draft, base), h.planFrom(Draft, base)
		fewer.content = fewer.content[:len(fewer.content)-1]
		h.record(fewer, "draft")
		if _, err := h.log.Record(t.Context(), same, "draft"); !errors.Is(err, ErrMoved) {
			t.Errorf("got %v", err)
		}
	})
}

// More than a bundle holds is the project's problem, and said before it is signed.
func TestTooMuchInAll(t *testing.T) {
	h := newHouse(t)
	p := h.plan("support", Draft)
	h.log.digests.put(p.content[0].blob, digest{size: bundle.MaxTotal - 1})
	var unfit *UnfitError
	if _, err := h.log.Record(t.Context(), p, "draft"); !errors.As(err, &unfit) || unfit.Problems[0].Rule != "bundle" {
		t.Errorf("got %v", err)
	}
	if h.log.Head("support", Draft) != nil {
		t.Error("something was recorded")
	}
}

// A second process that writes to the repository wins or loses by
// compare-and-swap, and the loser learns what is offered.
func TestAnotherProcessRecords(t *testing.T) {
	h := newHouse(t)
	h.record(h.plan("support", Draft), "draft")
	other := h.openLog(Options{Signer: h.signer})
	h.write("support/triage/classify.yaml", text("new"))
	rev := h.commit("New")
	mine := h.plan("support", Draft)
	p, err := other.Plan(t.Context(), "support", Draft, rev)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := other.Record(t.Context(), p, "draft")
	if err != nil {
		t.Fatal(err)
	}
	h.clock.advance(time.Minute)
	if _, err := h.log.Record(t.Context(), mine, "draft"); !errors.Is(err, ErrMoved) || hint(err) == "" {
		t.Errorf("lost swap: %v", err)
	}
	if got := h.log.Head("support", Draft); *got != *theirs {
		t.Errorf("head %+v, want %+v", got, theirs)
	}
	if n := len(h.history("support", Draft)); n != 2 {
		t.Errorf("%d releases", n)
	}
	h.sound()
}

type liar struct{ ssh.Signer }

func (l liar) Sign(rand io.Reader, data []byte) (*ssh.Signature, error) {
	return l.Signer.Sign(rand, append(data, 0))
}

func TestRecordNeedsASignature(t *testing.T) {
	h := newHouse(t)
	for name, signer := range map[string]ssh.Signer{"none": nil, "a wrong one": liar{h.signer}} {
		log := h.openLog(Options{Signer: signer})
		p, err := log.Plan(t.Context(), "support", Draft, h.tip())
		if err != nil {
			t.Fatal(err)
		}
		_, err = log.Record(t.Context(), p, "draft")
		if err == nil || (signer == nil) != errors.Is(err, ErrNoSigner) {
			t.Errorf("%s: %v", name, err)
		}
		if log.Head("support", Draft) != nil || h.gitReleases("for-each-ref") != "" {
			t.Errorf("%s: something was recorded", name)
		}
	}
	if _, err := h.log.Record(t.Context(), h.plan("support", Draft), "two\nlines"); err == nil {
		t.Error("a reason of two lines")
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.log.Record(done, h.plan("support", Draft), "draft"); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if h.log.Head("support", Draft) != nil || h.gitReleases("for-each-ref") != "" {
		t.Error("something was recorded")
	}
}

// The authors' history may be rewritten and pruned: every listed release is
// served byte for byte.
func TestReleasesOutliveHistory(t *testing.T) {
	h := newHouse(t)
	releases := []*Release{h.record(h.plan("support", Draft), "draft")}
	for _, s := range []string{"one", "two", "three"} {
		releases = append(releases, h.save("support/triage/classify.yaml", text(s)))
	}
	before := make([]*bundle.Bundle, len(releases))
	for i, r := range releases {
		before[i] = h.full(r)
	}
	h.write("support/triage/classify.yaml", text("amended"))
	h.git("commit", "-q", "-a", "--amend", "-m", "Amend")
	h.git("rebase", "-q", "-X", "theirs", "--onto", "HEAD~3", "HEAD~1")
	h.git("reflog", "expire", "--expire=now", "--expire-unreachable=now", "--all")
	h.git("gc", "-q", "--prune=now")
	if cmd := exec.Command("git", "-C", h.authors, "cat-file", "-e", releases[3].Revision.String()); cmd.Run() == nil {
		t.Fatal("the revision is still there, the test proves nothing")
	}
	rewritten := h.record(h.plan("support", Draft), "history rewritten")
	h.gitReleases("gc", "-q", "--prune=now")
	for range 2 {
		listed := h.history("support", Draft)
		if len(listed) != len(releases)+1 {
			t.Fatalf("%d releases listed", len(listed))
		}
		for i, r := range releases {
			if *listed[len(listed)-1-i] != *r {
				t.Errorf("listed %+v, want %+v", listed[len(listed)-1-i], r)
			}
			same(t, h.full(r), before[i])
			same(t, h.read(h.artefact(rewritten, r), before[i]), h.full(rewritten))
		}
		h.open()
	}
	h.sound()
}

// A clone holds everything that was offered and serves it without a key and
// without the authors' repository.
func TestCloneServes(t *testing.T) {
	h := newHouse(t)
	first := h.record(h.plan("support", Draft), "draft")
	second := h.save("support/triage/classify.yaml", text("second"))
	clone := filepath.Join(t.TempDir(), "clone.git")
	h.gitReleases("clone", "-q", "--mirror", h.releases, clone)
	repo, err := gitstore.Open(clone, gitstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer repo.Close()
	mirror, err := Open(repo, nil, Options{Organisation: "acme", Now: h.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	head := mirror.Head("support", Draft)
	if head == nil || *head != *second {
		t.Fatalf("head %+v, want %+v", head, second)
	}
	for _, from := range []*Release{nil, first} {
		got, err := mirror.Artefact(t.Context(), head, from)
		if err != nil {
			t.Fatal(err)
		}
		same(t, h.read(got, h.full(first)), h.full(second))
	}
	if _, err := mirror.Plan(t.Context(), "support", Draft, h.tip()); err == nil {
		t.Error("a mirror plans")
	}
	if _, err := mirror.Renew(t.Context(), "support", Draft, "renewal"); !errors.Is(err, ErrNoSigner) {
		t.Errorf("a mirror renews: %v", err)
	}
}

// TestOtherKeyIsRenewed: after a key was lost, or the right one came back, what is
// offered is signed anew by the key at hand.
func TestOtherKeyIsRenewed(t *testing.T) {
	h := newHouse(t)
	first := h.record(h.plan("support", Draft), "draft")
	if due := h.log.Due(); len(due) != 0 {
		t.Errorf("due: %v", due)
	}
	h.close()
	h.signer = testKey("another")
	h.open()
	if due := h.log.Due(); len(due) != 1 || due[0].ID != first.ID {
		t.Fatalf("due: %v", due)
	}
	if _, err := h.log.Renew(t.Context(), "support", Draft, "renewal"); err != nil {
		t.Fatal(err)
	}
	if due := h.log.Due(); len(due) != 0 {
		t.Errorf("still due: %v", due)
	}
}
