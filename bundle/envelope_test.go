package bundle

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

// spool is where a test decrypts to.
func spoolFile(t testing.TB) *os.File {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "spool")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func newIdentity(t testing.TB) *Identity {
	t.Helper()
	i, err := GenerateIdentity(filepath.Join(t.TempDir(), "identity"))
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func passphrase(t testing.TB, text string) Recipient {
	t.Helper()
	r, err := PassphraseRecipient([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// selectionFor is a plain selection whose manifest names the recipients.
func selectionFor(t testing.TB, by string, to ...Recipient) []byte {
	t.Helper()
	content := selected()
	m := selectionManifest(content)
	for _, r := range to {
		m.Recipients = append(m.Recipients, r.ID())
	}
	return written(t, sign(t, by, m, content))
}

func seal(t testing.TB, plain []byte, signer ssh.Signer, to ...Recipient) []byte {
	t.Helper()
	var w bytes.Buffer
	if err := Encrypt(&w, bytes.NewReader(plain), int64(len(plain)), to, signer); err != nil {
		t.Fatal(err)
	}
	return w.Bytes()
}

func selectionExpect(t testing.TB) Expect {
	e := expecting(t)
	e.Identity = "acme/selection"
	return e
}

func decrypt(t testing.TB, envelope []byte, e Expect, identities ...*Identity) (*Archive, error) {
	t.Helper()
	v, err := OpenEnvelope(bytes.NewReader(envelope), int64(len(envelope)), e)
	if err != nil {
		return nil, err
	}
	return v.Decrypt(spoolFile(t), identities...)
}

func TestEnvelope(t *testing.T) {
	alice, bob := newIdentity(t), newIdentity(t)
	secret := passphrase(t, "correct horse")
	to := []Recipient{alice.Recipient(), bob.Recipient(), secret}
	plain := selectionFor(t, "acme", to...)
	envelope := seal(t, plain, keyOf(t, "acme"), to...)
	for name, identity := range map[string]*Identity{"alice": alice, "bob": bob, "a passphrase": PassphraseIdentity([]byte("correct horse"))} {
		a, err := decrypt(t, envelope, selectionExpect(t), identity)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		data, err := a.File("content/support/project.yaml")
		if err != nil || string(data) != "name: Support\n" {
			t.Errorf("%s: %q, %v", name, data, err)
		}
	}
	if bytes.Contains(envelope, []byte("Support")) {
		t.Error("the envelope shows what is in it")
	}
	for name, identities := range map[string][]*Identity{
		"nobody":             nil,
		"a stranger":         {newIdentity(t)},
		"a wrong passphrase": {PassphraseIdentity([]byte("correct house"))},
	} {
		if _, err := decrypt(t, envelope, selectionExpect(t), identities...); !errors.Is(err, ErrRecipient) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Whoever has several keys need not know which.
	if _, err := decrypt(t, envelope, selectionExpect(t), newIdentity(t), PassphraseIdentity([]byte("no")), bob); err != nil {
		t.Error(err)
	}
}

// Payloads of every length around the edges of chunks come back, and any byte that
// is flipped, cut off or appended is noticed.
func TestPayload(t *testing.T) {
	i := newIdentity(t)
	fileKey := bytes.Repeat([]byte{7}, fileKeySize)
	for _, size := range []int{0, 1, 100, chunkSize - 1, chunkSize, chunkSize + 1, 3 * chunkSize} {
		plain := bytes.Repeat([]byte("0123456789"), size/10+1)[:size]
		s, err := newSealed(fileKey, []Recipient{i.Recipient()})
		if err != nil {
			t.Fatal(err)
		}
		var w, again bytes.Buffer
		for _, out := range []*bytes.Buffer{&w, &again} {
			if err := s.write(out, bytes.NewReader(plain), int64(size)); err != nil {
				t.Fatal(err)
			}
		}
		payload := w.Bytes()
		if !bytes.Equal(payload, again.Bytes()) || int64(len(payload)) != s.size(int64(size)) {
			t.Fatalf("%d bytes: %d and %d written, %d said", size, len(payload), again.Len(), s.size(int64(size)))
		}
		open := func(payload []byte) ([]byte, error) {
			var out bytes.Buffer
			_, n, err := decryptPayload(&out, bytes.NewReader(payload), int64(len(payload)), []*Identity{i})
			if err == nil && n != int64(out.Len()) {
				t.Errorf("%d bytes written, %d said", out.Len(), n)
			}
			return out.Bytes(), err
		}
		if got, err := open(payload); err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("%d bytes: %v", size, err)
		}
		places := []int{0, 8, 9, 12, 20, len(s.head) - 1, len(s.head), len(s.head) + commitmentSize, len(payload) - 1, len(payload) - tagSize - 1}
		for _, at := range places {
			bad := bytes.Clone(payload)
			bad[at] ^= 1
			if _, err := open(bad); err == nil {
				t.Errorf("%d bytes: a flipped byte at %d is not noticed", size, at)
			}
		}
		body := len(s.head) + commitmentSize
		for name, bad := range map[string][]byte{
			"cut off":       payload[:len(payload)-1],
			"tag alone":     payload[:body+tagSize-1],
			"no chunk":      payload[:body],
			"appended":      append(bytes.Clone(payload), 0),
			"an empty one":  append(bytes.Clone(payload), make([]byte, tagSize)...),
			"doubled":       append(bytes.Clone(payload), payload[body:]...),
			"without chunk": append(bytes.Clone(payload[:body]), payload[min(len(payload), body+chunkSize+tagSize):]...),
		} {
			if _, err := open(bad); err == nil && !bytes.Equal(bad, payload) {
				t.Errorf("%d bytes: %s is not noticed", size, name)
			}
		}
	}
}

// What an attacker can do with an envelope, and why it does not help.
func TestHostileEnvelope(t *testing.T) {
	alice, mallory := newIdentity(t), newIdentity(t)
	to := alice.Recipient()
	plain := selectionFor(t, "acme", to)
	envelope := seal(t, plain, keyOf(t, "acme"), to)
	e := selectionExpect(t)
	opened := func(name string) []byte { return unstored(t, envelope, name) }
	made := func(change map[string][]byte) []byte {
		f := &forged{}
		for _, name := range []string{envelopeFile, envelopeSignatureFile, payloadFile, decryptFile} {
			content, ok := change[name]
			if !ok {
				content = opened(name)
			}
			if content != nil {
				f.entries = append(f.entries, &forgedEntry{name: name, content: content})
			}
		}
		return f.bytes()
	}
	signed := func(by, namespace string, raw []byte) []byte {
		s, err := Sign(raw, namespace, keyOf(t, by))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	wire := func(old, new string) []byte {
		raw := opened(envelopeFile)
		if !bytes.Contains(raw, []byte(old)) {
			t.Fatalf("envelope.json has no %q", old)
		}
		return bytes.Replace(raw, []byte(old), []byte(new), 1)
	}
	if _, err := decrypt(t, made(nil), e, alice); err != nil {
		t.Fatalf("what nobody touched: %v", err)
	}
	// Mallory is a recipient and passes the bundle on, encrypted for somebody else.
	forMallory := selectionFor(t, "acme", mallory.Recipient())
	var forwarded bytes.Buffer
	if err := Encrypt(&forwarded, bytes.NewReader(forMallory), int64(len(forMallory)), []Recipient{to}, keyOf(t, "acme")); !errors.Is(err, ErrFormat) {
		t.Errorf("sealing for another than the manifest names: %v", err)
	}
	payloadOf := func(plain []byte, to ...Recipient) []byte {
		s, err := newSealed(bytes.Repeat([]byte{1}, fileKeySize), to)
		if err != nil {
			t.Fatal(err)
		}
		var payload bytes.Buffer
		if err := s.write(&payload, bytes.NewReader(plain), int64(len(plain))); err != nil {
			t.Fatal(err)
		}
		return payload.Bytes()
	}
	// resealed puts a payload under an envelope.json in which texts are replaced by others.
	resealed := func(payload []byte, by string, texts ...string) []byte {
		raw := regexp.MustCompile(`"payload_sha256": "\w+"`).ReplaceAll(opened(envelopeFile), []byte(`"payload_sha256": "`+hexHash(sha256.Sum256(payload))+`"`))
		raw = regexp.MustCompile(`"payload_size": \d+`).ReplaceAll(raw, []byte(`"payload_size": `+strconv.Itoa(len(payload))))
		raw = []byte(strings.NewReplacer(texts...).Replace(string(raw)))
		return made(map[string][]byte{envelopeFile: raw, envelopeSignatureFile: signed(by, envelopeNamespace, raw), payloadFile: payload})
	}
	other := selectionExpect(t)
	other.Trust = trustOf(t, AllowedSigner("acme/*", keyOf(t, "acme").PublicKey())+"\n"+AllowedSigner("acme/*", keyOf(t, "mallory").PublicKey()))
	either := selectionExpect(t)
	either.Identity, either.Trust = "", trustOf(t, AllowedSigner("acme/*,globex/*", keyOf(t, "acme").PublicKey()))
	flipped := bytes.Clone(opened(payloadFile))
	flipped[len(flipped)-1] ^= 1
	tests := []struct {
		name     string
		envelope []byte
		expect   Expect
		rule     string
	}{
		{"stripped of its signature", made(map[string][]byte{envelopeSignatureFile: nil}), e, "entries"},
		{"an empty signature", made(map[string][]byte{envelopeSignatureFile: {}}), e, "signature"},
		{"signed as a manifest", made(map[string][]byte{envelopeSignatureFile: signed("acme", ManifestNamespace, opened(envelopeFile))}), e, "namespace"},
		{"signed by a stranger", made(map[string][]byte{envelopeSignatureFile: signed("mallory", envelopeNamespace, opened(envelopeFile))}), e, ""},
		{"the payload altered", made(map[string][]byte{payloadFile: flipped}), e, "payload-hash"},
		{"envelope.json altered", made(map[string][]byte{envelopeFile: wire(`"acme"`, `"acmf"`)}), e, "signature"},
		{"another DECRYPT.md", made(map[string][]byte{decryptFile: []byte("run this: …")}), e, "readme"},
		{"forwarded to another, outer seal by the forwarder", resealed(payloadOf(plain, mallory.Recipient()), "mallory", to.ID(), mallory.Recipient().ID()), other, "recipients"},
		{"sealed by another than signed it", resealed(payloadOf(plain, to), "mallory"), other, "envelope"},
		{"sealed by an organisation for another", resealed(payloadOf(plain, to), "acme", `"acme"`, `"globex"`), either, "envelope"},
		{"encrypted for one more than it says", resealed(payloadOf(plain, to, mallory.Recipient()), "acme"), e, "recipients"},
		{"saying one more than it is encrypted for", resealed(payloadOf(plain, to), "acme", `"`+to.ID()+`"`, `"`+to.ID()+`", "`+mallory.Recipient().ID()+`"`), e, "recipients"},
		{"saying and encrypted for one more than was signed", resealed(payloadOf(plain, to, mallory.Recipient()), "acme", `"`+to.ID()+`"`, `"`+to.ID()+`", "`+mallory.Recipient().ID()+`"`), e, "recipients"},
		{"another bundle inside", resealed(payloadOf(selectionFor(t, "acme", to, passphrase(t, "x")), to), "acme"), e, "envelope"},
		{"another format", made(resign(t, wire(`"1.0"`, `"2.0"`))), e, "manifest-version"},
		{"an unknown key", made(resign(t, wire(`"format"`, `"more": 1, "format"`))), e, "envelope"},
		{"a key twice", made(resign(t, wire(`"format"`, `"format": "1.0", "format"`))), e, "envelope"},
		{"a key in capitals", made(resign(t, wire(`"organisation"`, `"Organisation"`))), e, "envelope"},
		{"too few bytes said", made(resign(t, wire(`"payload_size": `, `"payload_size": 1`))), e, "payload-hash"},
		{"for another organisation", envelope, func() Expect { e := e; e.Identity = "globex/selection"; return e }(), "identity"},
		{"larger than the reader reads", envelope, func() Expect { e := e; e.Limits.Total = 1000; return e }(), "zip-total"},
	}
	for _, test := range tests {
		identities := []*Identity{alice, mallory}
		_, err := decrypt(t, test.envelope, test.expect, identities...)
		var refused *Error
		if test.rule == "" {
			if !errors.Is(err, ErrUntrusted) {
				t.Errorf("%s: %v", test.name, err)
			}
		} else if !errors.As(err, &refused) || refused.Rule != test.rule {
			t.Errorf("%s: %v, want %s", test.name, err, test.rule)
		}
	}
	for name, change := range map[string]func(entries []*forgedEntry){
		"envelope": func(entries []*forgedEntry) { entries[3].method = methodDeflate },
		"zip-crc":  func(entries []*forgedEntry) { entries[2].crc = ptr(uint32(1)) },
	} {
		f := &forged{}
		for _, entry := range []string{envelopeFile, envelopeSignatureFile, payloadFile, decryptFile} {
			f.entries = append(f.entries, &forgedEntry{name: entry, content: opened(entry)})
		}
		change(f.entries)
		var refused *Error
		if _, err := decrypt(t, f.bytes(), e, alice); !errors.As(err, &refused) || refused.Rule != name {
			t.Errorf("an entry that is stored otherwise: %v, want %s", err, name)
		}
	}
	// Whose it is, is known before anybody opens it.
	look := func(envelope []byte, e Expect) (*Envelope, error) {
		return OpenEnvelope(bytes.NewReader(envelope), int64(len(envelope)), e)
	}
	v, err := look(envelope, e)
	if err != nil || v.Signer.Fingerprint != ssh.FingerprintSHA256(keyOf(t, "acme").PublicKey()) {
		t.Errorf("the envelope unopened: %+v, %v", v, err)
	}
	wrong := e
	wrong.Identity = "globex/selection"
	var refused *Error
	if _, err := look(envelope, wrong); !errors.As(err, &refused) || refused.Rule != "identity" || refused.Path != envelopeFile {
		t.Errorf("the envelope of another organisation unopened: %v", err)
	}
	wrong = e
	wrong.Trust = trustOf(t, AllowedSigner("globex/*", keyOf(t, "acme").PublicKey()))
	if _, err := look(envelope, wrong); !errors.Is(err, ErrUntrusted) {
		t.Errorf("an envelope of somebody who is trusted for others, unopened: %v", err)
	}
	unverified := Expect{Unverified: true}
	if v, err := look(made(map[string][]byte{envelopeSignatureFile: {}}), unverified); err != nil || v.Signer != (Signer{}) {
		t.Errorf("an envelope that nobody asked to verify: %+v, %v", v, err)
	}
	// Taken out of its envelope, the bundle is refused, and an envelope is no bundle.
	refusedBy(t, plain, e, ErrFormat, "recipients")
	refusedBy(t, envelope, e, ErrFormat, "entries")
}

func resign(t testing.TB, raw []byte) map[string][]byte {
	t.Helper()
	s, err := Sign(raw, envelopeNamespace, keyOf(t, "acme"))
	if err != nil {
		t.Fatal(err)
	}
	return map[string][]byte{envelopeFile: raw, envelopeSignatureFile: s}
}

// unstored returns an entry of an archive that is stored.
func unstored(t testing.TB, archive []byte, name string) []byte {
	t.Helper()
	a, err := openArchive(bytes.NewReader(archive), int64(len(archive)), Limits{}.effective())
	if err != nil {
		t.Fatal(err)
	}
	for i := range a.entries {
		if a.entries[i].name == name {
			one := reader{a: a}
			content, err := one.read(i)
			if err != nil {
				t.Fatal(err)
			}
			return content
		}
	}
	t.Fatalf("no entry %q", name)
	return nil
}

func TestHostilePayloadHeader(t *testing.T) {
	i := newIdentity(t)
	secret := passphrase(t, "p")
	s, err := newSealed(bytes.Repeat([]byte{1}, fileKeySize), []Recipient{i.Recipient(), secret})
	if err != nil {
		t.Fatal(err)
	}
	good := string(s.head[len(payloadMagic)+4:])
	if _, err := parseHeader([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for old, change := range map[string]string{
		`"v":1`:         `"v":2`,
		`A256GCM`:       `A128GCM`,
		`"0x0020"`:      `"0x0010"`,
		`"cost":17`:     `"cost":30`,
		`"kem"`:         `"KEM"`,
		`"kid":"`:       `"kid":"0`,
		`"scrypt"`:      `"pbkdf2"`,
		`"aead"`:        `"x":1,"aead"`,
		`{"v"`:          `{"v":1,"v"`,
		`"salt":"`:      `"salt":"A`,
		secret.ID()[:8]: "00000000",
	} {
		if !strings.Contains(good, old) {
			t.Fatalf("the header has no %s", old)
		}
		if _, err := parseHeader([]byte(strings.Replace(good, old, change, 1))); err == nil {
			t.Errorf("%s for %s is accepted", change, old)
		}
	}
	if _, err := parseHeader([]byte(strings.Replace(good, `"cost":17`, `"cost":30`, 1))); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a passphrase without a bound: %v", err)
	}
}

func TestEncryptRefuses(t *testing.T) {
	i := newIdentity(t)
	to := i.Recipient()
	plain := selectionFor(t, "acme", to)
	many := make([]Recipient, maxRecipients+1)
	for n := range many {
		many[n] = newIdentity(t).Recipient()
	}
	released := written(t, release(t, at.Unix(), small()))
	for name, err := range map[string]error{
		"nobody":          Encrypt(io.Discard, bytes.NewReader(plain), int64(len(plain)), nil, keyOf(t, "acme")),
		"too many":        Encrypt(io.Discard, bytes.NewReader(plain), int64(len(plain)), many, keyOf(t, "acme")),
		"twice":           Encrypt(io.Discard, bytes.NewReader(plain), int64(len(plain)), []Recipient{to, to}, keyOf(t, "acme")),
		"two passphrases": Encrypt(io.Discard, bytes.NewReader(plain), int64(len(plain)), []Recipient{passphrase(t, "a"), passphrase(t, "b")}, keyOf(t, "acme")),
		"another signer":  Encrypt(io.Discard, bytes.NewReader(plain), int64(len(plain)), []Recipient{to}, keyOf(t, "mallory")),
		"a release":       Encrypt(io.Discard, bytes.NewReader(released), int64(len(released)), []Recipient{to}, keyOf(t, "acme")),
	} {
		if err == nil {
			t.Errorf("%s: encrypted", name)
		}
	}
	if _, err := PassphraseRecipient(nil); err == nil {
		t.Error("an empty passphrase is taken")
	}
}

// The script in DECRYPT.md opens an envelope without Anvil.
func TestDecryptWithPython(t *testing.T) {
	python := pythonWithCryptography(t)
	dir := t.TempDir()
	key := filepath.Join(dir, "key")
	alice, err := GenerateIdentity(key)
	if err != nil {
		t.Fatal(err)
	}
	bob := newIdentity(t)
	to := []Recipient{bob.Recipient(), alice.Recipient()}
	plain := selectionFor(t, "acme", to...)
	payload := filepath.Join(dir, "payload.enc")
	if err := os.WriteFile(payload, unstored(t, seal(t, plain, keyOf(t, "acme"), to...), payloadFile), 0o600); err != nil {
		t.Fatal(err)
	}
	_, script, _ := strings.Cut(decryptText, "```python\n")
	script, _, _ = strings.Cut(script, "```")
	file := filepath.Join(dir, "decrypt.py")
	if err := os.WriteFile(file, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "out.zip")
	if text, err := exec.Command(python, file, payload, out, key).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if got, err := os.ReadFile(out); err != nil || !bytes.Equal(got, plain) {
		t.Fatalf("the script's bundle is another one: %v", err)
	}

	// Several chunks, and a passphrase, which the script asks for.
	s, err := newSealed(bytes.Repeat([]byte{9}, fileKeySize), []Recipient{passphrase(t, "open sesame")})
	if err != nil {
		t.Fatal(err)
	}
	long := bytes.Repeat([]byte("prompt\n"), 3*chunkSize/7)
	var w bytes.Buffer
	if err := s.write(&w, bytes.NewReader(long), int64(len(long))); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(payload, w.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	asked := strings.Replace(script, `getpass.getpass("passphrase: ")`, `sys.stdin.readline().strip()`, 1)
	if asked == script {
		t.Fatal("the script asks for no passphrase")
	}
	if err := os.WriteFile(file, []byte(asked), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, file, payload, out)
	cmd.Stdin = strings.NewReader("open sesame\n")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if got, err := os.ReadFile(out); err != nil || !bytes.Equal(got, long) {
		t.Fatalf("the script's bundle is another one: %v", err)
	}
}

func pythonWithCryptography(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"/usr/bin/python3", "python3"} {
		if exec.Command(name, "-c", "import cryptography").Run() == nil {
			return name
		}
	}
	t.Skip("SKIPPED: needs python3-cryptography")
	return ""
}

func TestRecipientText(t *testing.T) {
	i := newIdentity(t)
	text := i.Recipient().String()
	r, err := ParseRecipient(text)
	if err != nil || r.ID() != i.Recipient().ID() || r.String() != text {
		t.Fatalf("%s: %v", text, err)
	}
	for at := range text {
		bad := []byte(text)
		bad[at] ^= 1
		if _, err := ParseRecipient(string(bad)); err == nil {
			t.Errorf("%s is accepted", bad)
		}
	}
	zero := keyText(recipientWord, make([]byte, 32))
	if _, err := ParseRecipient(zero); err == nil {
		t.Error("a key of low order is accepted")
	}
	for _, bad := range []string{"", "anvil-x25519", "anvil-x25519:", text + "A", " " + text, keyText(identityWord, make([]byte, 32))} {
		if _, err := ParseRecipient(bad); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}

func TestIdentityFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "identity")
	i, err := GenerateIdentity(path)
	if err != nil {
		t.Fatal(err)
	}
	again, err := LoadIdentity(path)
	if err != nil || again.Recipient().ID() != i.Recipient().ID() {
		t.Fatal(err)
	}
	if _, err := GenerateIdentity(path); !errors.Is(err, os.ErrExist) {
		t.Errorf("overwritten: %v", err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadIdentity(path); !errors.Is(err, ErrExposed) {
		t.Errorf("a key that others can read: %v", err)
	}
	for _, bad := range []string{"", "# nothing\n", "x", string(must(os.ReadFile(path))) + string(must(os.ReadFile(path)))} {
		if _, err := parseIdentity([]byte(bad)); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

// Open and WriteFiles read and write as Read and Write do, and believe no file that
// changed.
func TestArchive(t *testing.T) {
	b := release(t, at.Unix(), many(300))
	archive := written(t, b)
	var w bytes.Buffer
	if err := WriteFiles(&w, b, func(path string) ([]byte, error) { return b.Content[path], nil }); err != nil || !bytes.Equal(w.Bytes(), archive) {
		t.Fatalf("written file by file: %v", err)
	}
	a, err := Open(bytes.NewReader(archive), int64(len(archive)), expecting(t))
	if err != nil {
		t.Fatal(err)
	}
	for path := range a.Sums.All() {
		if data, err := a.File(path); err != nil || !bytes.Equal(data, b.Content[path]) {
			t.Fatalf("%s: %v", path, err)
		}
	}
	if _, err := a.File("content/none/none.yaml"); !errors.Is(err, ErrFormat) {
		t.Errorf("a file that is not there: %v", err)
	}
	paths := slices.Collect(func(yield func(string) bool) {
		for path := range b.Sums.All() {
			if !yield(path) {
				return
			}
		}
	})
	last := paths[len(paths)-1]
	broken := errors.New("broken")
	for name, open := range map[string]func(path string) ([]byte, error){
		"an error": func(path string) ([]byte, error) { return b.Content[path], map[bool]error{true: broken}[path == last] },
		"another text": func(path string) ([]byte, error) {
			return append(bytes.Clone(b.Content[path]), map[bool]string{true: "x"}[path == last]...), nil
		},
	} {
		if err := WriteFiles(io.Discard, b, open); err == nil {
			t.Errorf("%s is written", name)
		}
	}
	// What changes under an open archive is noticed when it is read.
	at := bytes.Index(archive, []byte(paths[0])) + len(paths[0])
	archive[at+10] ^= 1
	if _, err := a.File(paths[0]); err == nil {
		t.Error("a file that changed since is read")
	}
}
