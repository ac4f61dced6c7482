package bundle

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"
)

// ManifestNamespace is the SSHSIG namespace of a manifest's signature. It is
// compared as it stands: a signature made for anything else (a git commit, an
// envelope) never counts as one.
const ManifestNamespace = "anvil-bundle-v1"

const (
	armorHead  = "-----BEGIN SSH SIGNATURE-----\n"
	armorTail  = "-----END SSH SIGNATURE-----\n"
	armorWidth = 70 // what ssh-keygen writes
)

// Sign signs message with an Ed25519 key and returns an armored SSHSIG, byte for
// byte what "ssh-keygen -Y sign -n namespace" writes.
func Sign(message []byte, namespace string, s ssh.Signer) ([]byte, error) {
	if t := s.PublicKey().Type(); t != ssh.KeyAlgoED25519 {
		return nil, fmt.Errorf("sign: the key is of type %s, not %s", t, ssh.KeyAlgoED25519)
	}
	made, err := sshsig.Sign(bytes.NewReader(message), s, sshsig.HashSHA512, namespace)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	armored := armor(made.Marshal())
	// An agent or a hardware signer is another program: never hand on what
	// would not verify.
	check, err := parseSignature("", armored)
	if err == nil {
		err = check.verify(message, namespace)
	}
	if err != nil {
		return nil, fmt.Errorf("sign: the signer's answer does not verify: %w", err)
	}
	return armored, nil
}

func armor(blob []byte) []byte {
	encoded := base64.StdEncoding.EncodeToString(blob)
	var b bytes.Buffer
	b.WriteString(armorHead)
	for len(encoded) > 0 {
		n := min(armorWidth, len(encoded))
		b.WriteString(encoded[:n])
		b.WriteByte('\n')
		encoded = encoded[n:]
	}
	b.WriteString(armorTail)
	return b.Bytes()
}

// signature is a well-formed SSHSIG of the one kind accepted here. That it is
// well-formed says nothing about who made it.
type signature struct {
	file   string // that it lies in, for errors
	parsed *sshsig.Signature
}

// parseSignature is stricter than the library, which accepts text around the
// armor, PEM headers and bytes after the inner signature; ssh-keygen does not.
func parseSignature(file string, armored []byte) (*signature, error) {
	bad := func(format string, args ...any) error {
		return refuse(ErrFormat, "signature", file, format, args...)
	}
	if len(armored) == 0 {
		return nil, refuse(ErrUnsigned, "signature", file, "there is no signature")
	}
	if len(armored) > maxSignature {
		return nil, refuse(ErrTooLarge, "signature", file, "the signature has %d bytes, at most %d are read", len(armored), maxSignature)
	}
	body, ok := strings.CutPrefix(string(armored), armorHead)
	if !ok {
		return nil, bad("the signature does not start with %q", strings.TrimSpace(armorHead))
	}
	body, ok = strings.CutSuffix(body, armorTail)
	if !ok {
		return nil, bad("the signature does not end with %q", strings.TrimSpace(armorTail))
	}
	lines := strings.Split(body, "\n")
	if lines[len(lines)-1] != "" {
		return nil, bad("the signature's end is not on a line of its own")
	}
	for _, line := range lines[:len(lines)-1] {
		if line == "" || strings.ContainsFunc(line, notBase64) {
			return nil, bad("the signature has a line that is not base64")
		}
	}
	blob, err := base64.StdEncoding.Strict().DecodeString(strings.Join(lines, ""))
	if err != nil {
		return nil, bad("the signature is not base64")
	}
	parsed, err := sshsig.ParseSignature(blob)
	if err != nil {
		return nil, bad("the signature is not an SSHSIG: %v", err)
	}
	switch {
	case parsed.PublicKey.Type() != ssh.KeyAlgoED25519 || parsed.Signature.Format != ssh.KeyAlgoED25519:
		return nil, bad("the signature is of type %s, only %s is accepted", parsed.Signature.Format, ssh.KeyAlgoED25519)
	case parsed.HashAlgorithm != sshsig.HashSHA512:
		return nil, bad("the signature's hash is %s, only sha512 is accepted", parsed.HashAlgorithm)
	case len(parsed.Signature.Rest) != 0, !bytes.Equal(parsed.Marshal(), blob):
		return nil, bad("the signature has bytes that do not belong to it")
	}
	return &signature{file, parsed}, nil
}

func notBase64(r rune) bool {
	return (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '+' && r != '/' && r != '='
}

func (s *signature) key() ssh.PublicKey { return s.parsed.PublicKey }

// verify reports whether the key in the signature signed message for namespace.
func (s *signature) verify(message []byte, namespace string) error {
	err := sshsig.Verify(bytes.NewReader(message), s.parsed, s.parsed.PublicKey, sshsig.HashSHA512, namespace)
	switch {
	case errors.Is(err, sshsig.ErrNamespaceMismatch):
		return refuse(ErrUnsigned, "namespace", s.file, "the signature was made for %q, not for %q", s.parsed.Namespace, namespace)
	case err != nil:
		return refuse(ErrTampered, "signature", s.file, "the signature does not fit what it should sign")
	}
	return nil
}
