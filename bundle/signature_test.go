package bundle

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"
)

func privateKey(t testing.TB, seed string) []byte {
	t.Helper()
	hash := sha256.Sum256([]byte(seed))
	block, err := ssh.MarshalPrivateKey(ed25519.NewKeyFromSeed(hash[:]), seed)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(block)
}

// Each spoilt signature is refused, also where ssh-keygen lets it pass (a second
// block, text after the first, sha256), and nothing is accepted that it refuses.
func TestHostileSignatures(t *testing.T) {
	needs(t, "ssh-keygen")
	dir := t.TempDir()
	message := []byte("{\"a\": 1}\n")
	key := keyOf(t, "acme")
	armored, err := Sign(message, ManifestNamespace, key)
	if err != nil {
		t.Fatal(err)
	}
	good := string(armored)
	parsed, err := sshsig.Unarmor(armored)
	if err != nil {
		t.Fatal(err)
	}
	reblob := func(edit func(s *sshsig.Signature)) string {
		copied, inner := *parsed, *parsed.Signature
		inner.Blob = bytes.Clone(inner.Blob)
		copied.Signature = &inner
		edit(&copied)
		return string(armor(copied.Marshal()))
	}
	withHash := func(h sshsig.HashAlgorithm) string {
		s, err := sshsig.Sign(bytes.NewReader(message), key, h, ManifestNamespace)
		if err != nil {
			t.Fatal(err)
		}
		return string(armor(s.Marshal()))
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ecSigner, err := ssh.NewSignerFromKey(ecKey)
	if err != nil {
		t.Fatal(err)
	}
	ecSignature, err := sshsig.Sign(bytes.NewReader(message), ecSigner, sshsig.HashSHA512, ManifestNamespace)
	if err != nil {
		t.Fatal(err)
	}
	git, err := Sign(message, "git", key)
	if err != nil {
		t.Fatal(err)
	}
	body := strings.TrimSuffix(strings.TrimPrefix(good, armorHead), armorTail)
	flat := strings.ReplaceAll(body, "\n", "")
	blob, err := base64.StdEncoding.DecodeString(flat)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, signature string
		ours            error // nil: accepted
	}{
		{"good", good, nil},
		{"in one line", armorHead + flat + "\n" + armorTail, nil},
		{"empty", "", ErrUnsigned},
		{"text before", "hello\n" + good, ErrFormat},
		{"newline before", "\n" + good, ErrFormat},
		{"text after", good + "hello\n", ErrFormat},
		{"newline after", good + "\n", ErrFormat},
		{"two signatures", good + good, ErrFormat},
		{"header line", armorHead + "Comment: x\n\n" + body + armorTail, ErrFormat},
		{"empty line", armorHead + "\n" + body + armorTail, ErrFormat},
		{"spaces", armorHead + "  " + body + armorTail, ErrFormat},
		{"carriage returns", strings.ReplaceAll(good, "\n", "\r\n"), ErrFormat},
		{"no end", armorHead + body, ErrFormat},
		{"end on the same line", armorHead + strings.TrimSuffix(body, "\n") + armorTail, ErrFormat},
		{"another kind of block", strings.ReplaceAll(good, "SSH SIGNATURE", "SSH SIGNATURF"), ErrFormat},
		{"not base64", strings.Replace(good, "U1NI", "U1N!", 1), ErrFormat},
		{"no magic", strings.Replace(good, "U1NI", "U1NJ", 1), ErrFormat},
		{"bytes after the blob", string(armor(append(bytes.Clone(blob), 0))), ErrFormat},
		{"bytes after the inner signature", reblob(func(s *sshsig.Signature) { s.Signature.Rest = []byte("x") }), ErrFormat},
		{"version 2", string(armor(append([]byte("SSHSIG\x00\x00\x00\x02"), blob[10:]...))), ErrFormat},
		{"sha256", withHash(sshsig.HashSHA256), ErrFormat},
		{"hash renamed", reblob(func(s *sshsig.Signature) { s.HashAlgorithm = "sha256" }), ErrFormat},
		{"unknown hash", reblob(func(s *sshsig.Signature) { s.HashAlgorithm = "md5" }), ErrFormat},
		{"ECDSA", string(armor(ecSignature.Marshal())), ErrFormat},
		{"inner type renamed", reblob(func(s *sshsig.Signature) { s.Signature.Format = "ssh-rsa" }), ErrFormat},
		{"another namespace", string(git), ErrUnsigned},
		{"namespace renamed", reblob(func(s *sshsig.Signature) { s.Namespace = "anvil-envelope-v1" }), ErrUnsigned},
		{"signature altered", reblob(func(s *sshsig.Signature) { s.Signature.Blob[0] ^= 1 }), ErrTampered},
		{"signature cut off", reblob(func(s *sshsig.Signature) { s.Signature.Blob = s.Signature.Blob[:63] }), ErrTampered},
		{"another key", reblob(func(s *sshsig.Signature) { s.PublicKey = keyOf(t, "mallory").PublicKey() }), ErrTampered},
		{"too large", armorHead + strings.Repeat("A", maxSignature) + "\n" + armorTail, ErrTooLarge},
	}
	signers := save(t, dir, "allowed_signers", []byte(AllowedSigner("acme/*", key.PublicKey())+"\n"))
	trust := trustOf(t, AllowedSigner("acme/*", key.PublicKey()))
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := trust.Verify(stream, ManifestNamespace, message, []byte(test.signature), at)
			if !errors.Is(err, test.ours) {
				t.Errorf("got %v, want %v", err, test.ours)
			}
			file := save(t, dir, "sig", []byte(test.signature))
			text, theirs := run(t, dir, message, "ssh-keygen", "-Y", "verify", "-f", signers, "-I", stream, "-n", ManifestNamespace, "-s", file)
			if err == nil && theirs != nil {
				t.Errorf("ssh-keygen refuses it: %s", text)
			}
		})
	}
}

func TestSign(t *testing.T) {
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ecSigner, err := ssh.NewSignerFromKey(ecKey)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Sign([]byte("x"), ManifestNamespace, ecSigner); err == nil {
		t.Error("signed with ECDSA")
	}
	if _, err := Sign([]byte("x"), "", keyOf(t, "acme")); err == nil {
		t.Error("signed for no namespace")
	}
	if _, err := Sign([]byte("x"), ManifestNamespace, lying{keyOf(t, "acme"), keyOf(t, "mallory")}); err == nil {
		t.Error("an agent's signature by another key was handed on")
	}
}

// lying is an agent that signs with another key than it says.
type lying struct{ says, does ssh.Signer }

func (l lying) PublicKey() ssh.PublicKey { return l.says.PublicKey() }
func (l lying) Sign(r io.Reader, data []byte) (*ssh.Signature, error) {
	return l.does.Sign(r, data)
}

func TestSignatureLinesAreThoseOfSSHKeygen(t *testing.T) {
	needs(t, "ssh-keygen")
	dir := t.TempDir()
	key := save(t, dir, "key", privateKey(t, "acme"))
	for _, size := range []int{0, 1, 1000} {
		message := bytes.Repeat([]byte("x"), size)
		want, err := run(t, dir, message, "ssh-keygen", "-q", "-Y", "sign", "-f", key, "-n", "some-other-namespace")
		if err != nil {
			t.Fatalf("%v %s", err, want)
		}
		got, err := Sign(message, "some-other-namespace", keyOf(t, "acme"))
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	}
}
