package bundle

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"maps"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

const stream = "acme/support/production"

// at is the tests' clock: no test looks at the real one.
var at = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

// keyOf returns the same key for the same seed in every run.
func keyOf(t testing.TB, seed string) ssh.Signer {
	t.Helper()
	hash := sha256.Sum256([]byte(seed))
	signer, err := ssh.NewSignerFromKey(ed25519.NewKeyFromSeed(hash[:]))
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

func trustOf(t testing.TB, lines string) *Trust {
	t.Helper()
	trust, err := ParseTrust([]byte(lines))
	if err != nil {
		t.Fatal(err)
	}
	return trust
}

func expecting(t testing.TB) Expect {
	return Expect{Trust: trustOf(t, AllowedSigner("acme/*", keyOf(t, "acme").PublicKey())), Identity: stream, Now: at}
}

func files(content map[string]string) map[string][]byte {
	out := make(map[string][]byte, len(content))
	for path, text := range content {
		out["content/"+path] = []byte(text)
	}
	return out
}

func small() map[string][]byte {
	return files(map[string]string{
		"shared/voice/_tone.yaml":      "name: Tone\ntemplate: Be kind.\n",
		"support/project.yaml":         "name: Support\n",
		"support/triage/classify.yaml": "name: Classify\ntemplate: |\n  Sort {{ message }}\n",
		"support/triage/größe.yaml":    "name: Größe\ntemplate: x\n",
	})
}

// many is content of about the size and shape of a real organisation.
func many(n int) map[string][]byte {
	out := make(map[string][]byte, n)
	for i := range n {
		var b bytes.Buffer
		fmt.Fprintf(&b, "name: Prompt %d\ndescription: Picks one queue for message %d.\nmessages:\n  - role: system\n    content: |\n", i, i)
		seed := sha256.Sum256(fmt.Append(nil, i))
		for line := 0; b.Len() < 2000; line++ {
			fmt.Fprintf(&b, "      You sort tickets of kind %x into {{ queue }}, rule %d.\n", seed[line%28:line%28+4], line)
		}
		out[fmt.Sprintf("content/project%02d/set%03d/prompt%05d.yaml", i%10, i/100, i)] = b.Bytes()
	}
	return out
}

func releaseManifest(sequence int64, content map[string][]byte) *Manifest {
	var total int64
	for _, data := range content {
		total += int64(len(data))
	}
	return &Manifest{
		Type: TypeRelease, Stream: stream, Sequence: sequence,
		Revision: "3f2a91c0d4e5f60718293a4b5c6d7e8f90a1b2c3",
		Created:  at.Add(-time.Hour), Expires: at.Add(30 * 24 * time.Hour),
		Content:   SumContent(content).Summary(total),
		Generator: Generator{"anvil", "1.0.0"},
	}
}

// selected is the content of a selection: support, and a partial on its own with
// the files that come along.
func selected() map[string][]byte {
	content := files(map[string]string{
		"shared/project.yaml":          "name: Shared\n",
		"shared/voice/_tone.yaml":      "name: Tone\ntemplate: Be kind.\n",
		"support/project.yaml":         "name: Support\n",
		"support/triage/classify.yaml": "name: Classify\ntemplate: |\n  Sort {{ message }}\n",
		"support/triage/set.yaml":      "version: 1.2.0\n",
	})
	content[resourcesFile] = []byte(`{"format": "1.0", "external": [], "cycles": [], "resources": [
		{"path": "content/shared/project.yaml", "kind": "project", "address": "shared", "carried": true},
		{"path": "content/shared/voice/_tone.yaml", "kind": "partial", "address": "shared/voice/_tone", "carried": false},
		{"path": "content/support/project.yaml", "kind": "project", "address": "support", "carried": false},
		{"path": "content/support/triage/classify.yaml", "kind": "prompt", "address": "support/triage/classify", "carried": false,
			"requires": [{"address": "shared/voice/_tone"}]},
		{"path": "content/support/triage/set.yaml", "kind": "set", "address": "support/triage", "version": "1.2.0", "carried": false}]}
`)
	return content
}

func selectionManifest(content map[string][]byte) *Manifest {
	m := releaseManifest(0, content)
	m.Type, m.Stream, m.Expires = TypeSelection, "", time.Time{}
	m.Organisation, m.Scope = "acme", []string{"support/", "shared/voice/_tone"}
	return m
}

// sign makes a bundle, signed by the key of that name.
func sign(t testing.TB, by string, m *Manifest, content map[string][]byte) *Bundle {
	t.Helper()
	raw, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	signature, err := Sign(raw, ManifestNamespace, keyOf(t, by))
	if err != nil {
		t.Fatal(err)
	}
	return &Bundle{Manifest: m, Raw: raw, Signature: signature, Sums: SumContent(content), Content: content}
}

func release(t testing.TB, sequence int64, content map[string][]byte) *Bundle {
	t.Helper()
	return sign(t, "acme", releaseManifest(sequence, content), content)
}

func written(t testing.TB, b *Bundle) []byte {
	t.Helper()
	var w bytes.Buffer
	if err := Write(&w, b); err != nil {
		t.Fatal(err)
	}
	return w.Bytes()
}

func deltaOf(t testing.TB, from, to *Bundle) []byte {
	t.Helper()
	var w bytes.Buffer
	if err := WriteDelta(&w, from, to); err != nil {
		t.Fatal(err)
	}
	return w.Bytes()
}

// read reads whole and file by file, which must come to the same.
func read(archive []byte, e Expect) (*Bundle, error) {
	b, err := Read(bytes.NewReader(archive), int64(len(archive)), e)
	_, openErr := Open(bytes.NewReader(archive), int64(len(archive)), e)
	if fmt.Sprint(err) != fmt.Sprint(openErr) {
		return nil, fmt.Errorf("read: %v; opened: %v", err, openErr)
	}
	return b, err
}

func readDelta(archive []byte, base *Bundle, e Expect) (*Bundle, error) {
	return ReadDelta(bytes.NewReader(archive), int64(len(archive)), base, e)
}

func accepted(t testing.TB, archive []byte, e Expect) *Bundle {
	t.Helper()
	b, err := read(archive, e)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// changed returns content with some files replaced; nil takes a file away.
func changed(content map[string][]byte, with map[string][]byte) map[string][]byte {
	out := maps.Clone(content)
	for path, data := range with {
		if data == nil {
			delete(out, path)
		} else {
			out[path] = data
		}
	}
	return out
}

func sameContent(a, b map[string][]byte) bool {
	return maps.EqualFunc(a, b, bytes.Equal)
}
