package bundle

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// next is what the tests' deltas lead to: one file changed, one new, one gone.
func next() map[string][]byte {
	return changed(small(), map[string][]byte{
		victim:                         []byte("name: Classify\ntemplate: changed\n"),
		"content/support/reply/a.yaml": []byte("name: A\ntemplate: new\n"),
		"content/support/reply/b.yaml": []byte("name: A\ntemplate: new\n"), // the same blob
		"content/support/project.yaml": nil,
	})
}

func TestDelta(t *testing.T) {
	base := accepted(t, written(t, release(t, at.Unix()-1, small())), expecting(t))
	to := release(t, at.Unix(), next())
	got, err := readDelta(deltaOf(t, base, to), base, expecting(t))
	if err != nil {
		t.Fatal(err)
	}
	whole := accepted(t, written(t, to), expecting(t))
	if !sameContent(got.Content, whole.Content) || !bytes.Equal(got.Sums.Bytes(), whole.Sums.Bytes()) || got.ID() != whole.ID() || got.Signer != whole.Signer {
		t.Error("the delta leads elsewhere than the full bundle")
	}
	if !sameContent(base.Content, small()) {
		t.Error("the base was modified")
	}

	// A renewal: another manifest, the same content, no operation.
	renewed := release(t, at.Unix()+1, next())
	archive := deltaOf(t, got, renewed)
	again, err := readDelta(archive, got, expecting(t))
	if err != nil || again.Manifest.Sequence != at.Unix()+1 || !sameContent(again.Content, next()) {
		t.Errorf("renewal: %v", err)
	}
	if len(archive) > 2000 {
		t.Errorf("a renewal has %d bytes", len(archive))
	}

	// A server needs only what differs.
	thin := *to
	thin.Content = map[string][]byte{}
	for path, data := range to.Content {
		if old, ok := base.Sums.Lookup(path); !ok || old != mustLookup(t, to.Sums, path) {
			thin.Content[path] = data
		}
	}
	if !bytes.Equal(deltaOf(t, &Bundle{Manifest: base.Manifest, Sums: base.Sums}, &thin), deltaOf(t, base, to)) {
		t.Error("with only what differs, the delta is another one")
	}
}

func mustLookup(t *testing.T, s Sums, path string) [32]byte {
	t.Helper()
	hash, ok := s.Lookup(path)
	if !ok {
		t.Fatalf("%s is not listed", path)
	}
	return hash
}

// forgeDelta lays a delta out as its writer would, for a test to spoil.
func forgeDelta(t testing.TB, from, to *Bundle) *forged {
	t.Helper()
	d := difference(from.Sums, to.Sums)
	raw, err := d.encode()
	if err != nil {
		t.Fatal(err)
	}
	f := &forged{entries: []*forgedEntry{
		{name: "manifest.json", content: to.Raw},
		{name: "manifest.json.sig", content: to.Signature},
		{name: "delta.json", content: raw},
	}}
	for _, hash := range d.blobs() {
		for path, h := range to.Sums.All() {
			if h == hash {
				f.entries = append(f.entries, &forgedEntry{name: "blobs/" + hexHash(hash), content: to.Content[path]})
				break
			}
		}
	}
	return f
}

func editOps(t *testing.T, f *forged, edit func(ops []opJSON) []opJSON) {
	t.Helper()
	e := f.entry(t, "delta.json")
	var wire struct {
		Format string   `json:"format"`
		Type   string   `json:"type"`
		Base   string   `json:"base_sums_sha256"`
		Ops    []opJSON `json:"ops"`
	}
	if err := json.Unmarshal(e.content, &wire); err != nil {
		t.Fatal(err)
	}
	wire.Ops = edit(wire.Ops)
	raw, err := json.Marshal(wire)
	if err != nil {
		t.Fatal(err)
	}
	e.content = raw
}

func TestHostileDeltas(t *testing.T) {
	base := accepted(t, written(t, release(t, at.Unix()-1, small())), expecting(t))
	to := release(t, at.Unix(), next())
	replace := func(old, with string) func(*testing.T, *forged) {
		return func(t *testing.T, f *forged) {
			e := f.entry(t, "delta.json")
			if !bytes.Contains(e.content, []byte(old)) {
				t.Fatalf("no %s in %s", old, e.content)
			}
			e.content = bytes.Replace(e.content, []byte(old), []byte(with), 1)
		}
	}
	tests := []struct {
		name  string
		rule  string // "" : any
		kind  error
		spoil func(t *testing.T, f *forged)
	}{
		// The attacks on signature and sequence.
		{"signature stripped", "signature", ErrUnsigned, func(_ *testing.T, f *forged) { f.remove("manifest.json.sig") }},
		{"signature emptied", "signature", ErrUnsigned, func(_ *testing.T, f *forged) { f.entries[1].content = nil }},
		{"another signer", "", ErrUntrusted, func(t *testing.T, f *forged) {
			f.entries[1].content = sign(t, "mallory", to.Manifest, to.Content).Signature
		}},
		{"signature made for git", "namespace", ErrUnsigned, func(t *testing.T, f *forged) {
			signature, err := Sign(to.Raw, "git", keyOf(t, "acme"))
			if err != nil {
				t.Fatal(err)
			}
			f.entries[1].content = signature
		}},
		{"manifest altered", "signature", ErrTampered, func(_ *testing.T, f *forged) {
			f.entries[0].content = bytes.Replace(to.Raw, []byte("1.0.0"), []byte("1.0.1"), 1)
		}},
		{"manifest of a replay", "sums-root", ErrTampered, func(_ *testing.T, f *forged) {
			f.entries[0].content, f.entries[1].content = base.Raw, base.Signature
		}},
		{"expired", "expired", ErrExpired, func(t *testing.T, f *forged) {
			m := releaseManifest(at.Unix(), next())
			m.Created, m.Expires = at.Add(-2*time.Hour), at.Add(-time.Hour)
			b := sign(t, "acme", m, next())
			f.entries[0].content, f.entries[1].content = b.Raw, b.Signature
		}},
		{"another stream", "identity", ErrStream, func(t *testing.T, f *forged) {
			m := releaseManifest(at.Unix(), next())
			m.Stream = "acme/support/draft"
			b := sign(t, "acme", m, next())
			f.entries[0].content, f.entries[1].content = b.Raw, b.Signature
		}},
		{"a selection", "identity", ErrStream, func(t *testing.T, f *forged) {
			b := sign(t, "acme", selectionManifest(next()), next())
			f.entries[0].content, f.entries[1].content = b.Raw, b.Signature
		}},

		// The operations.
		{"operation dropped", "sums-root", ErrTampered, func(t *testing.T, f *forged) {
			editOps(t, f, func(ops []opJSON) []opJSON { return ops[1:] })
		}},
		{"removal dropped", "sums-root", ErrTampered, func(t *testing.T, f *forged) {
			editOps(t, f, func(ops []opJSON) []opJSON {
				return slices.DeleteFunc(ops, func(o opJSON) bool { return o.Op == "del" })
			})
		}},
		{"operation added", "sums-root", ErrTampered, func(t *testing.T, f *forged) {
			editOps(t, f, func(ops []opJSON) []opJSON {
				return append(ops, opJSON{"put", "content/z/z.yaml", ops[1].SHA256})
			})
		}},
		{"operation added that does nothing", "delta-op", ErrFormat, func(t *testing.T, f *forged) {
			editOps(t, f, func(ops []opJSON) []opJSON {
				tone := "content/shared/voice/_tone.yaml"
				return append([]opJSON{{"put", tone, hexHash(mustLookup(t, to.Sums, tone))}}, ops...)
			})
		}},
		{"removal of what is not there", "delta-op", ErrFormat, func(t *testing.T, f *forged) {
			editOps(t, f, func(ops []opJSON) []opJSON { return append([]opJSON{{Op: "del", Path: "content/a/a.yaml"}}, ops...) })
		}},
		{"the same path twice", "delta-json", ErrFormat, func(t *testing.T, f *forged) {
			editOps(t, f, func(ops []opJSON) []opJSON { return append([]opJSON{ops[0]}, ops...) })
		}},
		{"not sorted", "delta-json", ErrFormat, func(t *testing.T, f *forged) {
			editOps(t, f, func(ops []opJSON) []opJSON { slices.Reverse(ops); return ops })
		}},
		{"no operation", "sums-root", ErrTampered, func(t *testing.T, f *forged) {
			editOps(t, f, func([]opJSON) []opJSON { return []opJSON{} })
		}},
		{"null for operations", "delta-json", ErrFormat, func(t *testing.T, f *forged) {
			editOps(t, f, func([]opJSON) []opJSON { return nil })
		}},
		{"hostile path", "path-hidden", ErrFormat, func(t *testing.T, f *forged) {
			editOps(t, f, func(ops []opJSON) []opJSON { ops[0].Path = "content/../a.yaml"; return ops })
		}},
		{"removal with a hash", "delta-json", ErrFormat, func(t *testing.T, f *forged) {
			editOps(t, f, func(ops []opJSON) []opJSON { ops[0].SHA256 = ops[1].SHA256; return ops })
		}},
		{"put without a hash", "delta-json", ErrFormat, func(t *testing.T, f *forged) {
			editOps(t, f, func(ops []opJSON) []opJSON { ops[1].SHA256 = ""; return ops })
		}},
		{"hash in capitals", "delta-json", ErrFormat, func(t *testing.T, f *forged) {
			editOps(t, f, func(ops []opJSON) []opJSON { ops[1].SHA256 = strings.ToUpper(ops[1].SHA256); return ops })
		}},
		{"unknown operation", "delta-json", ErrFormat, replace(`"op":"put"`, `"op":"run"`)},
		{"unknown key", "delta-json", ErrFormat, replace(`"op":"put"`, `"x":1,"op":"put"`)},
		{"unknown key at the top", "delta-json", ErrFormat, replace(`{"format"`, `{"x":1,"format"`)},
		{"key twice", "delta-json", ErrFormat, replace(`{"format"`, `{"format":"1.0","format"`)},
		{"key in capitals", "delta-json", ErrFormat, replace(`"ops"`, `"Ops"`)},
		{"another version", "delta-version", ErrFormat, replace(`"1.0"`, `"2.0"`)},
		{"another type", "delta-json", ErrFormat, replace(`"anvil.delta"`, `"anvil.release"`)},
		{"text after it", "delta-json", ErrFormat, func(t *testing.T, f *forged) {
			f.entry(t, "delta.json").content = append(f.entry(t, "delta.json").content, "{}"...)
		}},
		{"wrong base", "delta-base", ErrFormat, replace(hexHash(base.Sums.Root()), strings.Repeat("0", 64))},
		{"no delta.json", "entries", ErrFormat, func(_ *testing.T, f *forged) { f.remove("delta.json") }},

		// The blobs.
		{"blob altered", "content-hash", ErrTampered, func(_ *testing.T, f *forged) { f.entries[3].content = []byte("evil") }},
		{"blobs swapped", "content-hash", ErrTampered, func(_ *testing.T, f *forged) {
			f.entries[3].content, f.entries[4].content = f.entries[4].content, f.entries[3].content
		}},
		{"blob missing", "entries", ErrTampered, func(_ *testing.T, f *forged) { f.entries = append(f.entries[:3:3], f.entries[4:]...) }},
		{"last blob missing", "entries-missing", ErrTampered, func(_ *testing.T, f *forged) { f.entries = f.entries[:4] }},
		{"blob that nothing uses", "entries-unlisted", ErrTampered, func(_ *testing.T, f *forged) {
			f.entries = append(f.entries, &forgedEntry{name: "blobs/" + strings.Repeat("f", 64), content: []byte("x")})
		}},
		{"blob twice", "entries", ErrTampered, func(_ *testing.T, f *forged) {
			twice := *f.entries[3]
			f.entries = append(f.entries[:3:3], append([]*forgedEntry{&twice}, f.entries[3:]...)...)
		}},
		{"the README of a full bundle", "entries", ErrTampered, func(_ *testing.T, f *forged) {
			f.entries = append(f.entries[:3:3], append([]*forgedEntry{{name: "README.txt", content: []byte(ReadMe)}}, f.entries[3:]...)...)
		}},
		{"symbolic link", "zip-mode", ErrFormat, func(_ *testing.T, f *forged) { f.entries[3].mode = 0o120777 }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := forgeDelta(t, base, to)
			if _, err := readDelta(f.bytes(), base, expecting(t)); err != nil {
				t.Fatalf("not even when it is not spoilt: %v", err)
			}
			test.spoil(t, f)
			got, err := readDelta(f.bytes(), base, expecting(t))
			if test.rule == "" {
				if got != nil || !errors.Is(err, test.kind) {
					t.Errorf("got %v, want %v", err, test.kind)
				}
				return
			}
			checkRefusal(t, got, err, test.kind, test.rule)
			if !sameContent(base.Content, small()) {
				t.Error("the base was modified")
			}
		})
	}

	t.Run("rollback", func(t *testing.T) {
		e := expecting(t)
		e.NotBefore = at.Unix() + 1
		got, err := readDelta(deltaOf(t, base, to), base, e)
		checkRefusal(t, got, err, ErrReplayed, "sequence")
	})
	t.Run("full bundle as a delta", func(t *testing.T) {
		got, err := readDelta(written(t, to), base, expecting(t))
		checkRefusal(t, got, err, ErrFormat, "entries")
	})
	t.Run("delta as a full bundle", func(t *testing.T) {
		refusedBy(t, deltaOf(t, base, to), expecting(t), ErrFormat, "entries")
	})
	t.Run("no base", func(t *testing.T) {
		got, err := readDelta(deltaOf(t, base, to), nil, expecting(t))
		checkRefusal(t, got, err, ErrFormat, "delta-base")
	})
	t.Run("base that was tampered with", func(t *testing.T) {
		spoilt := *base
		spoilt.Content = changed(base.Content, map[string][]byte{"content/shared/voice/_tone.yaml": []byte("evil")})
		got, err := readDelta(deltaOf(t, base, to), &spoilt, expecting(t))
		checkRefusal(t, got, err, ErrTampered, "content-hash")
	})
	t.Run("base of another stream", func(t *testing.T) {
		m := releaseManifest(at.Unix()-1, small())
		m.Stream = "acme/support/draft"
		e := expecting(t)
		e.Identity = ""
		got, err := readDelta(deltaOf(t, base, to), sign(t, "acme", m, small()), e)
		checkRefusal(t, got, err, ErrStream, "delta-stream")
		if err := WriteDelta(new(bytes.Buffer), sign(t, "acme", m, small()), to); !errors.Is(err, ErrStream) {
			t.Errorf("written: %v", err)
		}
	})
}

func TestDeltaAlteredAnyByte(t *testing.T) {
	base := accepted(t, written(t, release(t, at.Unix()-1, small())), expecting(t))
	archive, e := deltaOf(t, base, release(t, at.Unix(), next())), expecting(t)
	for i := range archive {
		altered := slices.Clone(archive)
		altered[i] ^= flips[i%len(flips)]
		got, err := readDelta(altered, base, e)
		if err == nil && !sameContent(got.Content, next()) {
			t.Fatalf("byte %d: other content was accepted", i)
		}
	}
}

// A chain of deltas leads where the full bundles lead, whatever happens between.
func TestDeltaHistories(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	e := expecting(t)
	content := small()
	held := accepted(t, written(t, release(t, at.Unix(), content)), e)
	for step := range 60 {
		for range random.IntN(6) {
			path := fmt.Sprintf("content/p%d/s%d/n%d.yaml", random.IntN(3), random.IntN(3), random.IntN(8))
			if _, ok := content[path]; ok && random.IntN(2) == 0 {
				content = changed(content, map[string][]byte{path: nil})
			} else {
				content = changed(content, map[string][]byte{path: fmt.Appendf(nil, "template: %d\n", random.IntN(20))})
			}
		}
		to := release(t, at.Unix()+int64(step), content)
		got, err := readDelta(deltaOf(t, held, to), held, e)
		if err != nil {
			t.Fatalf("step %d: %v", step, err)
		}
		if !sameContent(got.Content, content) || got.ID() != to.ID() {
			t.Fatalf("step %d leads elsewhere", step)
		}
		held = got
	}
}
