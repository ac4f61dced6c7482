package exchange_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/anvilpeering/anvil/bundle"
	"github.com/anvilpeering/anvil/exchange"
	"github.com/anvilpeering/anvil/gitstore"
	"github.com/anvilpeering/anvil/library"
	"github.com/anvilpeering/anvil/prompt"
)

// organisation is what the tests select from: two projects that render each other's
// partials, and one that nobody needs.
var organisation = map[string]string{
	"anvil.yaml":                     "organisation: acme\nformat: 1\n",
	"README.md":                      "not a prompt\n",
	"support/project.yaml":           "name: Support\n",
	"support/triage/set.yaml":        "version: 1.4.0\ndependencies: {shared/voice: ^2.0.0}\n",
	"support/triage/classify.yaml":   "id: 01JF0000000000000000000001\ntags: [inbox]\ntemplate: |\n  {% render \"shared/voice/_tone\" %}\n  {% render \"_rules\" %}\n",
	"support/triage/_rules.yaml":     "template: Be quick.\n",
	"support/reply/answer.yaml":      "tags: [inbox, outbox]\ntemplate: |\n  {% render \"shared/voice/_tone\" %}\n",
	"shared/project.yaml":            "name: Shared\n",
	"shared/voice/set.yaml":          "version: 2.1.0\n",
	"shared/voice/_tone.yaml":        "template: |\n  {% render \"shared/words/_list\" %}\n",
	"shared/words/_list.yaml":        "template: please\n",
	"shared/words/_back.yaml":        "template: |\n  {% render \"shared/voice/_warm\" %}\n",
	"shared/voice/_warm.yaml":        "template: warm\n",
	"marketing/project.yaml":         "name: Marketing\n",
	"marketing/mail/newsletter.yaml": "template: News\n",
}

type world struct {
	t   *testing.T
	lib *library.Library
	rev gitstore.Hash
}

func commit(t *testing.T, files map[string]string) *world {
	t.Helper()
	repo, err := gitstore.Create(t.TempDir(), gitstore.Options{Bare: true, Durability: gitstore.NoFsync})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { repo.Close() })
	c := gitstore.NewCommit{Branch: "refs/heads/main", Message: "Save", Author: gitstore.Signature{Name: "Ada", Email: "ada@example.com"}}
	for path, content := range files {
		c.Edits = append(c.Edits, gitstore.Edit{Path: path, Content: []byte(content)})
	}
	rev, err := repo.Commit(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	return &world{t, library.Open(repo, "", library.Options{}), rev}
}

func (w *world) tree() *prompt.Tree {
	w.t.Helper()
	tree, err := w.lib.At(w.rev)
	if err != nil {
		w.t.Fatal(err)
	}
	return tree
}

func patterns(t *testing.T, texts ...string) []exchange.Pattern {
	t.Helper()
	var out []exchange.Pattern
	for _, text := range texts {
		p, err := exchange.ParsePattern(text)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, p)
	}
	return out
}

func signer(t *testing.T) ssh.Signer {
	t.Helper()
	s, err := ssh.NewSignerFromKey(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{5}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func trust(t *testing.T, s ssh.Signer) bundle.Expect {
	t.Helper()
	trust, err := bundle.ParseTrust([]byte(bundle.AllowedSigner("acme/*", s.PublicKey())))
	if err != nil {
		t.Fatal(err)
	}
	return bundle.Expect{Trust: trust, Identity: "acme/selection"}
}

// in says what a selection holds: a path, and "+" before what is carried.
func in(s *exchange.Selection) []string {
	var out []string
	for _, item := range s.Items {
		mark := ""
		if item.Carried {
			mark = "+"
		}
		out = append(out, mark+item.Path)
	}
	return out
}

func TestSelect(t *testing.T) {
	w := commit(t, organisation)
	triage := []string{
		"+shared/project.yaml", "+shared/voice/_tone.yaml", "+shared/voice/set.yaml", "+shared/words/_list.yaml",
		"+support/project.yaml", "support/triage/_rules.yaml", "support/triage/classify.yaml", "support/triage/set.yaml",
	}
	tests := []struct {
		patterns string
		scope    string
		items    []string
	}{
		{"support/triage", "support/triage/", triage},
		{"support/triage/", "support/triage/", triage},
		{"s*/tr*", "support/triage/", triage},
		{"marketing", "marketing/", []string{"marketing/mail/newsletter.yaml", "marketing/project.yaml"}},
		{"shared/words/_list", "shared/words/_list", []string{"+shared/project.yaml", "shared/words/_list.yaml"}},
		{"*/*/news*", "marketing/mail/newsletter", []string{"marketing/mail/newsletter.yaml", "+marketing/project.yaml"}},
		{"tag:outbox", "support/reply/answer", []string{
			"+shared/project.yaml", "+shared/voice/_tone.yaml", "+shared/voice/set.yaml", "+shared/words/_list.yaml", "+support/project.yaml", "support/reply/answer.yaml",
		}},
		{"support/reply support support/triage/classify", "support/", []string{
			"+shared/project.yaml", "+shared/voice/_tone.yaml", "+shared/voice/set.yaml", "+shared/words/_list.yaml",
			"support/project.yaml", "support/reply/answer.yaml", "support/triage/_rules.yaml", "support/triage/classify.yaml", "support/triage/set.yaml",
		}},
	}
	for _, test := range tests {
		s, err := exchange.Select(w.tree(), false, patterns(t, strings.Fields(test.patterns)...)...)
		if err != nil {
			t.Errorf("%s: %v", test.patterns, err)
			continue
		}
		if got := strings.Join(s.Scope, " "); got != test.scope {
			t.Errorf("%s speaks for %s, not for %s", test.patterns, got, test.scope)
		}
		if got := in(s); !slices.Equal(got, test.items) {
			t.Errorf("%s holds\n%s\nnot\n%s", test.patterns, strings.Join(got, "\n"), strings.Join(test.items, "\n"))
		}
	}

	all, err := exchange.Select(w.tree(), false)
	if err != nil || len(all.Items) != len(organisation)-2 || strings.Join(all.Scope, " ") != "marketing/ shared/ support/" {
		t.Errorf("everything: %v %v %v", all.Scope, in(all), err)
	}
	if len(all.Cycles) != 1 || strings.Join(all.Cycles[0], " ") != "shared/voice shared/words" {
		t.Errorf("cycles: %v", all.Cycles)
	}

	// Alone, what is rendered outside stays behind, and only what is rendered from
	// inside is named.
	alone, err := exchange.Select(w.tree(), true, patterns(t, "support/triage")...)
	if err != nil || len(alone.External) != 1 || alone.External[0].String() != "shared/voice/_tone" {
		t.Errorf("alone: %v, %v", alone.External, err)
	}
	if got := in(alone); !slices.Equal(got, []string{"+support/project.yaml", "support/triage/_rules.yaml", "support/triage/classify.yaml", "support/triage/set.yaml"}) {
		t.Errorf("alone: %v", got)
	}
	why := map[string]string{}
	s, err := exchange.Select(w.tree(), false, patterns(t, "support/triage")...)
	if err != nil {
		t.Fatal(err)
	}
	for _, item := range s.Items {
		why[item.Path] = item.Because
	}
	if why["shared/words/_list.yaml"] != "shared/voice/_tone" || why["shared/voice/_tone.yaml"] != "support/triage/classify" || why["support/triage/classify.yaml"] != "support/triage/classify" {
		t.Errorf("why: %v", why)
	}
}

func TestSelectRefuses(t *testing.T) {
	w := commit(t, organisation)
	for _, text := range []string{"nobody", "support/none", "support/triage/none", "tag:none"} {
		if _, err := exchange.Select(w.tree(), false, patterns(t, "support", text)...); !errors.Is(err, exchange.ErrNothing) {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, text := range []string{"", "/", "a/b/c/d", "a//b", "A", "../x", "a/b@1.0.0", "tag:", "a b", "[a]"} {
		if _, err := exchange.ParsePattern(text); err == nil {
			t.Errorf("%q is a pattern", text)
		}
	}

	// What cannot be read must not look as if it had been deleted.
	broken := map[string]string{}
	for path, content := range organisation {
		broken[path] = content
	}
	broken["support/triage/draft.yaml"] = "template: {{\n"
	w = commit(t, broken)
	var unfit *exchange.UnfitError
	if _, err := exchange.Select(w.tree(), false, patterns(t, "support")...); !errors.As(err, &unfit) || unfit.Problems[0].Path != "support/triage/draft.yaml" {
		t.Errorf("with a broken file: %v", err)
	}
	if _, err := exchange.Select(w.tree(), false, patterns(t, "marketing")...); err != nil {
		t.Errorf("a broken file elsewhere: %v", err)
	}
}

func TestExport(t *testing.T) {
	w := commit(t, organisation)
	s, err := exchange.Select(w.tree(), false, patterns(t, "support/triage")...)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	last := [2]int{}
	x, err := exchange.Export(context.Background(), &out, w.lib, w.rev, s, exchange.ExportOptions{
		Signer: signer(t), Generator: bundle.Generator{Name: "anvil", Version: "1"},
		Progress: func(done, of int) {
			if done != last[0]+1 {
				t.Errorf("progress goes from %d to %d", last[0], done)
			}
			last = [2]int{done, of}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if last[0] != last[1] || last[0] != 2*len(s.Items) {
		t.Errorf("progress ends at %v", last)
	}
	b, err := bundle.Read(bytes.NewReader(out.Bytes()), int64(out.Len()), trust(t, signer(t)))
	if err != nil {
		t.Fatal(err)
	}
	if b.ID() != x.ID || x.Bytes != int64(out.Len()) || b.Manifest.Revision != w.rev.String() || time.Since(b.Manifest.Created) > time.Hour {
		t.Errorf("%+v", x)
	}
	for path, content := range b.Content {
		if rest, ok := strings.CutPrefix(path, "content/"); ok && string(content) != organisation[rest] {
			t.Errorf("%s: %q", path, content)
		}
	}
	var resources bundle.Resources
	if err := json.Unmarshal(b.Content["resources.json"], &resources); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"content/support/triage/classify.yaml": `{"path":"content/support/triage/classify.yaml","kind":"prompt","address":"support/triage/classify","id":"01JF0000000000000000000001","carried":false,"requires":[{"address":"shared/voice/_tone","version":"2.1.0"},{"address":"support/triage/_rules","version":"1.4.0"}]}`,
		"content/support/triage/set.yaml":      `{"path":"content/support/triage/set.yaml","kind":"set","address":"support/triage","version":"1.4.0","carried":false,"requires":[{"address":"shared/voice","range":"^2.0.0","version":"2.1.0"}]}`,
		"content/shared/words/_list.yaml":      `{"path":"content/shared/words/_list.yaml","kind":"partial","address":"shared/words/_list","carried":true}`,
	}
	for _, r := range resources.Resources {
		if text, ok := want[r.Path]; ok {
			if got, _ := json.Marshal(r); string(got) != text {
				t.Errorf("%s", got)
			}
			delete(want, r.Path)
		}
	}
	if len(want) > 0 {
		t.Errorf("not described: %v", want)
	}

	// The same selection at the same time gives the same bundle.
	created := time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC)
	var one, two bytes.Buffer
	for _, w2 := range []*bytes.Buffer{&one, &two} {
		if _, err := exchange.Export(context.Background(), w2, w.lib, w.rev, s, exchange.ExportOptions{Signer: signer(t), Created: created, Generator: bundle.Generator{Name: "anvil", Version: "1"}}); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(one.Bytes(), two.Bytes()) {
		t.Error("two exports differ")
	}
}

func TestExportEncrypted(t *testing.T) {
	w := commit(t, organisation)
	s, err := exchange.Select(w.tree(), false)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	identity, err := bundle.GenerateIdentity(filepath.Join(dir, "key"))
	if err != nil {
		t.Fatal(err)
	}
	temporary := filepath.Join(dir, "tmp")
	if err := os.Mkdir(temporary, 0o700); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := exchange.Export(context.Background(), &out, w.lib, w.rev, s, exchange.ExportOptions{
		Signer: signer(t), To: []bundle.Recipient{identity.Recipient()}, TempDir: temporary, Generator: bundle.Generator{Name: "anvil", Version: "1"},
	}); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
		t.Errorf("what was plain is left: %v, %v", left, err)
	}
	v, err := bundle.OpenEnvelope(bytes.NewReader(out.Bytes()), int64(out.Len()), trust(t, signer(t)))
	if err != nil {
		t.Fatal(err)
	}
	spool, err := os.Create(filepath.Join(dir, "spool"))
	if err != nil {
		t.Fatal(err)
	}
	defer spool.Close()
	a, err := v.Decrypt(spool, identity)
	if err != nil {
		t.Fatal(err)
	}
	if a.Sums.Len() != len(s.Items)+1 {
		t.Errorf("%d files", a.Sums.Len())
	}
}

// An export that fails says so, leaves nothing plain behind, and ends when it is told.
func TestExportFails(t *testing.T) {
	w := commit(t, organisation)
	s, err := exchange.Select(w.tree(), false)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	identity, err := bundle.GenerateIdentity(filepath.Join(dir, "key"))
	if err != nil {
		t.Fatal(err)
	}
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	full := errors.New("disk full")
	options := func(to ...bundle.Recipient) exchange.ExportOptions {
		return exchange.ExportOptions{Signer: signer(t), To: to, TempDir: dir, Generator: bundle.Generator{Name: "anvil", Version: "1"}}
	}
	for name, test := range map[string]struct {
		ctx context.Context
		w   *filling
		o   exchange.ExportOptions
		is  error
	}{
		"canceled":             {canceled, &filling{1 << 20, full}, options(), context.Canceled},
		"full":                 {context.Background(), &filling{100, full}, options(), full},
		"full while encrypted": {context.Background(), &filling{100, full}, options(identity.Recipient()), full},
		"no key":               {context.Background(), &filling{1 << 20, full}, exchange.ExportOptions{}, nil},
	} {
		_, err := exchange.Export(test.ctx, test.w, w.lib, w.rev, s, test.o)
		if err == nil || test.is != nil && !errors.Is(err, test.is) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".anvil-export-*")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// filling is a disk with room for so many bytes.
type filling struct {
	room int
	err  error
}

func (f *filling) Write(b []byte) (int, error) {
	if len(b) > f.room {
		n := f.room
		f.room = 0
		return n, f.err
	}
	f.room -= len(b)
	return len(b), nil
}

// What is exported verifies with unzip, ssh-keygen and sha256sum alone, as the
// README.txt in it says.
func TestExportVerifiesByHand(t *testing.T) {
	for _, tool := range []string{"unzip", "ssh-keygen", "sha256sum"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip("SKIPPED: needs " + tool)
		}
	}
	w := commit(t, organisation)
	s, err := exchange.Select(w.tree(), false, patterns(t, "support")...)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	f, err := os.Create(filepath.Join(dir, "x.anvil.zip"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := exchange.Export(context.Background(), f, w.lib, w.rev, s, exchange.ExportOptions{Signer: signer(t), Generator: bundle.Generator{Name: "anvil", Version: "1"}}); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "allowed"), []byte(bundle.AllowedSigner("acme/*", signer(t).PublicKey())+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	script := `set -e
unzip -q x.anvil.zip -d out
cd out
ssh-keygen -Y verify -f ../allowed -I acme/selection -n anvil-bundle-v1 -s manifest.json.sig < manifest.json
grep -q "$(sha256sum SHA256SUMS | cut -d' ' -f1)" manifest.json
sha256sum --strict --quiet -c SHA256SUMS
`
	cmd := exec.Command("sh", "-c", script)
	cmd.Dir = dir
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
}
