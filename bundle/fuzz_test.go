package bundle

import (
	"bytes"
	"crypto/sha256"
	"strings"
	"testing"
)

// Whatever the bytes, what is accepted is what was signed.
func FuzzRead(f *testing.F) {
	b := release(f, at.Unix(), small())
	f.Add(written(f, b))
	f.Add(forge(b).bytes())
	f.Add([]byte("PK\x05\x06" + string(make([]byte, 18))))
	e := expecting(f)
	f.Fuzz(func(t *testing.T, archive []byte) {
		got, err := read(archive, e)
		if (got == nil) == (err == nil) {
			t.Fatal("neither a bundle nor an error")
		}
		if err == nil && (!bytes.Equal(got.Raw, b.Raw) || !sameContent(got.Content, b.Content)) {
			t.Fatal("other content was accepted")
		}
	})
}

// Without the signature in the way the fuzzer gets further: what is read is
// exactly what the sums say, and is written and read again.
func FuzzReadUnverified(f *testing.F) {
	f.Add(written(f, release(f, at.Unix(), small())))
	unsigned := forge(release(f, at.Unix(), small()))
	unsigned.remove("manifest.json.sig")
	f.Add(unsigned.bytes())
	e := Expect{Unverified: true, Now: at}
	f.Fuzz(func(t *testing.T, archive []byte) {
		got, err := read(archive, e)
		if (got == nil) == (err == nil) {
			t.Fatal("neither a bundle nor an error")
		}
		if err != nil {
			return
		}
		if hexHash(got.Sums.Root()) != got.Manifest.Content.SumsSHA256 || len(got.Content) != got.Sums.Len() {
			t.Fatal("the content is not what the manifest says")
		}
		for path, hash := range got.Sums.All() {
			if sha256.Sum256(got.Content[path]) != hash {
				t.Fatalf("%s is not what the sums say", path)
			}
		}
	})
}

func FuzzReadDelta(f *testing.F) {
	e := expecting(f)
	base := accepted(f, written(f, release(f, at.Unix()-1, small())), e)
	to := release(f, at.Unix(), next())
	f.Add(deltaOf(f, base, to))
	f.Add(forgeDelta(f, base, to).bytes())
	f.Fuzz(func(t *testing.T, archive []byte) {
		got, err := readDelta(archive, base, e)
		if (got == nil) == (err == nil) {
			t.Fatal("neither a bundle nor an error")
		}
		if err == nil && (!bytes.Equal(got.Raw, to.Raw) || !sameContent(got.Content, next())) {
			t.Fatal("other content was accepted")
		}
	})
}

// A manifest that is accepted is encoded to one that means the same.
func FuzzParseManifest(f *testing.F) {
	for _, m := range []*Manifest{releaseManifest(at.Unix(), small()), selectionManifest(small())} {
		raw, err := m.Encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := ParseManifest(raw)
		if err != nil {
			return
		}
		once, err := m.Encode()
		if err != nil {
			if len(raw)*2 > MaxManifest { // indenting made it too large
				return
			}
			t.Fatalf("accepted and not encoded: %v\n%s", err, raw)
		}
		again, err := ParseManifest(once)
		if err != nil {
			t.Fatal(err)
		}
		twice, err := again.Encode()
		if err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("%v\n%s\n%s", err, once, twice)
		}
	})
}

// There is one form of every SHA256SUMS.
func FuzzParseSums(f *testing.F) {
	f.Add(SumContent(small()).Bytes())
	f.Add([]byte(hexHash(sha256.Sum256(nil)) + "  resources.json\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		sums, err := ParseSums(raw)
		if err != nil {
			return
		}
		if !bytes.Equal(sums.Bytes(), raw) || sums.Root() != sha256.Sum256(raw) {
			t.Fatal("it is written otherwise")
		}
		files := map[string][sha256.Size]byte{}
		for path, hash := range sums.All() {
			files[path] = hash
			if got, ok := sums.Lookup(path); !ok || got != hash {
				t.Fatalf("%s is not found", path)
			}
		}
		if !bytes.Equal(NewSums(files).Bytes(), raw) {
			t.Fatal("made again, it is another one")
		}
	})
}

// Operations that are accepted are written and read again as they were.
func FuzzParseDelta(f *testing.F) {
	raw, err := difference(SumContent(small()), SumContent(next())).encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add([]byte(`{"format":"1.0","type":"anvil.delta","base_sums_sha256":"","ops":[]}`))
	base := SumContent(small())
	f.Fuzz(func(t *testing.T, raw []byte) {
		d, err := parseDelta(raw)
		if err != nil {
			return
		}
		once, err := d.encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := parseDelta(once)
		if err != nil {
			t.Fatal(err)
		}
		if sums, err := again.apply(base); err == nil && len(difference(base, sums).ops) != len(d.ops) {
			t.Fatal("an operation without effect was accepted")
		}
	})
}

func FuzzParseSignature(f *testing.F) {
	message := []byte("message")
	good, err := Sign(message, ManifestNamespace, keyOf(f, "acme"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Fuzz(func(t *testing.T, armored []byte) {
		s, err := parseSignature(signatureFile, armored)
		if err != nil {
			return
		}
		if s.verify(message, ManifestNamespace) == nil && !bytes.Equal(armor(s.parsed.Marshal()), good) {
			t.Fatal("another signature verifies")
		}
	})
}

// An envelope is anybody's bytes up to its signature, and a payload's header up to
// the commitment: what opens is what was sealed.
func FuzzEnvelope(f *testing.F) {
	i := newIdentity(f)
	plain := selectionFor(f, "acme", i.Recipient())
	envelope := seal(f, plain, keyOf(f, "acme"), i.Recipient())
	f.Add(envelope, false)
	f.Add(envelope, true)
	f.Fuzz(func(t *testing.T, archive []byte, unverified bool) {
		e := selectionExpect(t)
		e.Unverified = unverified
		v, err := OpenEnvelope(bytes.NewReader(archive), int64(len(archive)), e)
		if err != nil {
			return
		}
		spool := spoolFile(t)
		if _, err := v.Decrypt(spool, i); err != nil {
			return
		}
		got := make([]byte, len(plain))
		if _, err := spool.ReadAt(got, 0); err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("another bundle opens: %v", err)
		}
	})
}

func FuzzParseResources(f *testing.F) {
	f.Add(selected()[resourcesFile])
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := ParseResources(raw)
		if err != nil {
			return
		}
		encoded, err := r.Encode()
		if err != nil {
			t.Fatalf("what was parsed is not encoded: %v", err)
		}
		if _, err := ParseResources(encoded); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzPayload(f *testing.F) {
	i := newIdentity(f)
	s, err := newSealed(bytes.Repeat([]byte{1}, fileKeySize), []Recipient{i.Recipient()})
	if err != nil {
		f.Fatal(err)
	}
	var payload bytes.Buffer
	if err := s.write(&payload, strings.NewReader("bundle"), 6); err != nil {
		f.Fatal(err)
	}
	f.Add(payload.Bytes())
	f.Fuzz(func(t *testing.T, payload []byte) {
		var out bytes.Buffer
		_, _, err := decryptPayload(&out, bytes.NewReader(payload), int64(len(payload)), []*Identity{i})
		if err == nil && out.String() != "bundle" {
			t.Fatalf("another payload opens: %q", out.String())
		}
	})
}
