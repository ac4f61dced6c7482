package bundle

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestRoundTrip(t *testing.T) {
	for _, content := range []map[string][]byte{small(), many(700)} {
		b := release(t, at.Unix(), content)
		archive := written(t, b)
		if !bytes.Equal(archive, written(t, b)) {
			t.Error("the same bundle gives other bytes")
		}
		got := accepted(t, archive, expecting(t))
		if !sameContent(got.Content, content) || !bytes.Equal(got.Raw, b.Raw) || !bytes.Equal(got.Signature, b.Signature) || got.Sums.Root() != b.Sums.Root() {
			t.Error("it is not what was written")
		}
		if got.Signer.Principal != "acme/*" || !strings.HasPrefix(got.Signer.Fingerprint, "SHA256:") {
			t.Errorf("signer: %+v", got.Signer)
		}
		if got.Manifest.Sequence != at.Unix() || got.Manifest.Identity() != stream || got.ID() != ManifestID(b.Raw) {
			t.Errorf("manifest: %+v", got.Manifest)
		}
		if !bytes.Equal(archive, written(t, got)) {
			t.Error("what was read is written otherwise")
		}
		again, err := Assemble(got.Raw, got.Signature, got.Sums.Bytes(), got.Content, expecting(t))
		if err != nil || again.ID() != got.ID() {
			t.Errorf("assemble: %v", err)
		}
	}
}

func TestSelection(t *testing.T) {
	content := selected()
	e := expecting(t)
	e.Identity = "acme/selection"
	archive := written(t, sign(t, "acme", selectionManifest(content), content))
	if got := accepted(t, archive, e); !sameContent(got.Content, content) {
		t.Error("it is not what was written")
	}
	e.Identity = ""
	accepted(t, archive, e)

	// Who follows a stream takes no selection, and a key for streams signs none.
	refusedBy(t, archive, expecting(t), ErrStream, "identity")
	e.Trust = trustOf(t, AllowedSigner("acme/*/*", keyOf(t, "acme").PublicKey()))
	if _, err := read(archive, e); !errors.Is(err, ErrUntrusted) {
		t.Errorf("a selection by a key for streams: %v", err)
	}
	e.Trust = trustOf(t, AllowedSigner("acme/selection", keyOf(t, "acme").PublicKey()))
	accepted(t, archive, e)
	if _, err := read(written(t, release(t, at.Unix(), small())), e); !errors.Is(err, ErrUntrusted) {
		t.Errorf("a release by a key for selections: %v", err)
	}

	// Its resources.json belongs to it.
	delete(content, "resources.json")
	e = expecting(t)
	e.Identity = ""
	refusedBy(t, forge(sign(t, "acme", selectionManifest(content), content)).bytes(), e, ErrFormat, "resources")

	content = selected()
	for name, change := range map[string][2]string{
		"another version of the format": {`"1.0"`, `"2.0"`},
		"a key that nobody knows":       {`"external"`, `"extern": [], "external"`},
		"a key twice":                   {`"external"`, `"external": [], "external"`},
		"in scope and carried":          {`"support/triage/classify", "carried": false`, `"support/triage/classify", "carried": true`},
		"carried and not said":          {`"address": "shared", "carried": true`, `"address": "shared", "carried": false`},
		"an address of another file":    {`"address": "support/triage/classify"`, `"address": "support/triage/classifx"`},
		"a partial that is a prompt":    {`"partial"`, `"prompt"`},
		"a prompt with a version":       {`"requires": [`, `"version": "1.0.0", "requires": [`},
		"out of order":                  {`"content/support/project.yaml"`, `"content/support/z.yaml"`},
		"a file less": {`"resources": [
		{"path": "content/shared/project.yaml", "kind": "project", "address": "shared", "carried": true},`, `"resources": [`},
		"external, not sorted": {`"external": []`, `"external": ["b/b/b", "a/a/a"]`},
		"a cycle of one":       {`"cycles": []`, `"cycles": [["a/b"]]`},
	} {
		raw := selected()[resourcesFile]
		if !bytes.Contains(raw, []byte(change[0])) {
			t.Fatalf("%s: no %s", name, change[0])
		}
		altered := changed(content, map[string][]byte{resourcesFile: bytes.Replace(raw, []byte(change[0]), []byte(change[1]), 1)})
		archive := forge(sign(t, "acme", selectionManifest(altered), altered)).bytes()
		rule := "resources"
		if strings.HasPrefix(name, "another version") {
			rule = "manifest-version"
		}
		refusedBy(t, archive, e, ErrFormat, rule)
	}

	// One that names recipients belongs into an envelope.
	content["resources.json"] = []byte("{}")
	m := selectionManifest(content)
	m.Recipients = []string{strings.Repeat("0f", 32)}
	refusedBy(t, forge(sign(t, "acme", m, content)).bytes(), e, ErrFormat, "recipients")
}

func TestExpectations(t *testing.T) {
	b := release(t, at.Unix(), small())
	other := release(t, at.Unix(), changed(small(), map[string][]byte{victim: []byte("template: other\n")}))
	tests := []struct {
		name   string
		kind   error // nil: accepted
		bundle *Bundle
		change func(e *Expect)
	}{
		{"as it should be", nil, b, func(*Expect) {}},
		{"any stream that the key is trusted for", nil, b, func(e *Expect) { e.Identity = "" }},
		{"another channel", ErrStream, b, func(e *Expect) { e.Identity = "acme/support/draft" }},
		{"another organisation", ErrStream, b, func(e *Expect) { e.Identity = "acne/support/production" }},
		{"part of a stream", ErrStream, b, func(e *Expect) { e.Identity = "acme/support" }},
		{"nobody is trusted", ErrUntrusted, b, func(e *Expect) { e.Trust = nil }},
		{"no line", ErrUntrusted, b, func(e *Expect) { e.Trust = trustOf(t, "# nothing\n") }},
		{"another key", ErrUntrusted, b, func(e *Expect) { e.Trust = trustOf(t, AllowedSigner("*", keyOf(t, "mallory").PublicKey())) }},
		{"key of another project", ErrUntrusted, b, func(e *Expect) {
			e.Trust = trustOf(t, AllowedSigner("acme/billing/*", keyOf(t, "acme").PublicKey()))
		}},
		{"key with this project excluded", ErrUntrusted, b, func(e *Expect) {
			e.Trust = trustOf(t, AllowedSigner("acme/*,!acme/support/*", keyOf(t, "acme").PublicKey()))
		}},
		{"key for git", ErrUntrusted, b, func(e *Expect) {
			e.Trust = trustOf(t, strings.ReplaceAll(AllowedSigner("acme/*", keyOf(t, "acme").PublicKey()), ManifestNamespace, "git"))
		}},
		{"key not valid yet", ErrUntrusted, b, validity(t, `valid-after="20261124Z"`)},
		{"key not valid any more", ErrUntrusted, b, validity(t, `valid-before="20261122Z"`)},
		{"key valid now", nil, b, validity(t, `valid-after="20261101Z",valid-before="20261201Z"`)},
		{"key valid when it was accepted", nil, b, func(e *Expect) {
			validity(t, `valid-before="20261122Z"`)(e)
			e.Accepted = at.Add(-72 * time.Hour)
		}},
		{"key not valid when it was accepted", ErrUntrusted, b, func(e *Expect) {
			validity(t, `valid-after="20261122Z"`)(e)
			e.Accepted = at.Add(-72 * time.Hour)
		}},
		{"the second of two lines", nil, b, func(e *Expect) {
			e.Trust = trustOf(t, AllowedSigner("acme/billing/*", keyOf(t, "acme").PublicKey())+"\n"+AllowedSigner(stream, keyOf(t, "acme").PublicKey()))
		}},
		{"the lowest sequence", nil, b, func(e *Expect) { e.NotBefore = at.Unix() }},
		{"an older sequence", ErrReplayed, b, func(e *Expect) { e.NotBefore = at.Unix() + 1 }},
		{"the one held", nil, b, func(e *Expect) { e.NotBefore, e.Held = at.Unix(), b.ID() }},
		{"another one with its sequence", ErrEquivocation, other, func(e *Expect) { e.NotBefore, e.Held = at.Unix(), b.ID() }},
		{"a day ahead", nil, b, func(e *Expect) { e.Now = at.Add(-Ahead) }},
		{"more than a day ahead", ErrFuture, b, func(e *Expect) { e.Now = at.Add(-Ahead - time.Second) }},
		{"fast-forwarded to the end", ErrFuture, release(t, maxInteger, small()), func(*Expect) {}},
		{"on its last second", nil, b, func(e *Expect) { e.Now = b.Manifest.Expires.Add(-time.Second) }},
		{"expired", ErrExpired, b, func(e *Expect) { e.Now = b.Manifest.Expires }},
		{"expired and held", nil, b, func(e *Expect) { e.Now, e.AllowExpired = b.Manifest.Expires.Add(time.Hour), true }},
		{"signed by somebody else", ErrUntrusted, sign(t, "mallory", b.Manifest, small()), func(*Expect) {}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e := expecting(t)
			test.change(&e)
			got, err := read(forge(test.bundle).bytes(), e)
			if !errors.Is(err, test.kind) || (got != nil) != (test.kind == nil) {
				t.Errorf("got %v, want %v", err, test.kind)
			}
			same, err := Assemble(test.bundle.Raw, test.bundle.Signature, test.bundle.Sums.Bytes(), test.bundle.Content, e)
			if !errors.Is(err, test.kind) || (same != nil) != (test.kind == nil) {
				t.Errorf("assembled: %v, want %v", err, test.kind)
			}
		})
	}
}

func validity(t *testing.T, option string) func(*Expect) {
	return func(e *Expect) {
		line := AllowedSigner("acme/*", keyOf(t, "acme").PublicKey())
		e.Trust = trustOf(t, strings.Replace(line, "namespaces=", option+",namespaces=", 1))
	}
}

// The loud option takes a bundle without a signature, or with anyone's; hashes,
// stream, sequence and expiry hold.
func TestUnverified(t *testing.T) {
	b := sign(t, "mallory", releaseManifest(at.Unix(), small()), small())
	e := Expect{Unverified: true, Identity: stream, Now: at}
	if got := accepted(t, forge(b).bytes(), e); got.Signer != (Signer{}) {
		t.Errorf("a signer was believed: %+v", got.Signer)
	}
	f := forge(b)
	f.remove("manifest.json.sig")
	accepted(t, f.bytes(), e)
	f.entry(t, victim).content = []byte("x")
	refusedBy(t, f.bytes(), e, ErrTampered, "content-hash")
	e.Identity = "acme/support/draft"
	refusedBy(t, forge(b).bytes(), e, ErrStream, "identity")
	e.Identity, e.NotBefore = stream, at.Unix()+1
	refusedBy(t, forge(b).bytes(), e, ErrReplayed, "sequence")
	e.NotBefore, e.Now = 0, b.Manifest.Expires
	refusedBy(t, forge(b).bytes(), e, ErrExpired, "expired")
}

// The hint of a refused signer is the line that trusts it, and nothing more.
func TestUntrustedHint(t *testing.T) {
	archive := written(t, release(t, at.Unix(), small()))
	for _, identity := range []string{stream, ""} {
		e := expecting(t)
		e.Trust, e.Identity = nil, identity
		_, err := read(archive, e)
		var untrusted *UntrustedError
		if !errors.As(err, &untrusted) {
			t.Fatal(err)
		}
		if !strings.Contains(untrusted.Hint(), untrusted.Line) || !strings.HasPrefix(untrusted.Fingerprint, "SHA256:") {
			t.Errorf("hint: %s", untrusted.Hint())
		}
		e.Trust = trustOf(t, untrusted.Line)
		accepted(t, archive, e)
		if _, err := e.Trust.find(keyOf(t, "acme").PublicKey(), ptr("acme/support/draft"), ManifestNamespace, at); !errors.Is(err, ErrUntrusted) {
			t.Error("the line trusts the key for more than was asked")
		}
	}
}

// flips are ways to change a byte; each byte is changed in one of them.
var flips = [...]byte{0x01, 0xff, 0x80, 0x20, 0x04}

// A manifest that is none, by a key that nobody trusts: there is no line to offer.
func TestUntrustedNonsense(t *testing.T) {
	raw := []byte("not a manifest")
	signature, err := Sign(raw, ManifestNamespace, keyOf(t, "mallory"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = Assemble(raw, signature, nil, nil, Expect{Trust: expecting(t).Trust, Now: at})
	var untrusted *UntrustedError
	if !errors.As(err, &untrusted) || untrusted.Line != "" || untrusted.Hint() != "" {
		t.Errorf("%v", err)
	}
}

// Whatever byte of a bundle is changed, it is refused, or it still says exactly
// what was signed.
func TestAlteredAnyByte(t *testing.T) {
	content := small()
	for i := range 3 {
		content["content/support/triage/"+string(rune('a'+i))+".yaml"] = bytes.Repeat([]byte("name: long enough to be deflated\n"), 10+i)
	}
	b := release(t, at.Unix(), content)
	archive, e := written(t, b), expecting(t)
	kept := 0
	for i := range archive {
		altered := slices.Clone(archive)
		altered[i] ^= flips[i%len(flips)]
		got, err := read(altered, e)
		if err != nil {
			continue
		}
		kept++
		if !bytes.Equal(got.Raw, b.Raw) || !sameContent(got.Content, content) {
			t.Fatalf("byte %d: other content was accepted", i)
		}
	}
	t.Logf("%d bytes, %d alterations without effect", len(archive), kept)
	if kept > len(archive)/100 {
		t.Errorf("%d alterations of %d bytes were accepted", kept, len(archive))
	}
	for n := range archive {
		if _, err := read(archive[:n], e); err == nil {
			t.Fatalf("the first %d bytes were accepted", n)
		}
	}
}

// A reader that fails is not a bundle that lies.
func TestReadFails(t *testing.T) {
	archive := written(t, release(t, at.Unix(), small()))
	broken := errors.New("disk on fire")
	for fail := range 8 {
		_, err := Read(&failing{bytes.NewReader(archive), fail, broken}, int64(len(archive)), expecting(t))
		var refused *Error
		if !errors.Is(err, broken) || errors.As(err, &refused) {
			t.Errorf("read %d: %v", fail, err)
		}
	}
}

type failing struct {
	r     *bytes.Reader
	after int
	err   error
}

func (f *failing) ReadAt(p []byte, off int64) (int, error) {
	if f.after--; f.after < 0 {
		return 0, f.err
	}
	return f.r.ReadAt(p, off)
}

// Nothing is written that a reader would refuse.
func TestWriteRefuses(t *testing.T) {
	tests := []struct {
		name  string
		kind  error
		spoil func(b *Bundle)
	}{
		{"unsigned", ErrUnsigned, func(b *Bundle) { b.Signature = nil }},
		{"signature of something else", ErrTampered, func(b *Bundle) { b.Signature = release(t, 1, small()).Signature }},
		{"another manifest", ErrTampered, func(b *Bundle) { b.Raw = release(t, 1, small()).Raw }},
		{"missing file", ErrTampered, func(b *Bundle) { delete(b.Content, victim) }},
		{"another file", ErrTampered, func(b *Bundle) { b.Content["content/a/b.yaml"] = nil }},
		{"altered file", ErrTampered, func(b *Bundle) { b.Content[victim] = nil }},
		{"other sums", ErrTampered, func(b *Bundle) { b.Sums = SumContent(many(3)) }},
		{"no sums", ErrTampered, func(b *Bundle) { b.Sums = Sums{} }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := release(t, at.Unix(), small())
			test.spoil(b)
			var w bytes.Buffer
			if err := Write(&w, b); !errors.Is(err, test.kind) {
				t.Errorf("got %v, want %v", err, test.kind)
			}
			if w.Len() > 0 {
				t.Error("something was written")
			}
		})
	}
	full := errors.New("disk full")
	b := release(t, at.Unix(), many(300)) // more than one buffer
	size := len(written(t, b))
	for _, n := range []int{0, 1, size / 3, size / 2, size - 1} {
		if err := Write(&filling{n, full}, b); !errors.Is(err, full) {
			t.Errorf("after %d of %d bytes: %v", n, size, err)
		}
	}
}

type filling struct {
	left int
	err  error
}

func (f *filling) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, f.err
	}
	return len(p), nil
}
