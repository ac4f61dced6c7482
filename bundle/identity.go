package bundle

import (
	"bytes"
	"crypto/ecdh"
	"crypto/hpke"
	"crypto/rand"
	"fmt"
	"os"
	"strings"
)

// Identity opens bundles that are encrypted for it: an X25519 key, or a passphrase.
// It is immutable and safe for concurrent use.
type Identity struct {
	private    *ecdh.PrivateKey // nil for a passphrase
	passphrase []byte
}

// GenerateIdentity makes a new X25519 key and writes it to path, with mode 0600, and
// its recipient beside it in a comment. A file that is there already is never
// overwritten; the error then matches [fs.ErrExist].
func GenerateIdentity(path string) (*Identity, error) {
	private, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generate identity: %w", err)
	}
	if _, err := os.Lstat(path); err == nil {
		return nil, &existsError{file: path}
	}
	i := &Identity{private: private}
	text := fmt.Sprintf("# Opens bundles encrypted for %s\n%s\n", i.Recipient(), keyText(identityWord, private.Bytes()))
	if err := writeNew(path, []byte(text), 0o600); err != nil {
		return nil, fmt.Errorf("generate identity: %w", err)
	}
	return i, nil
}

// LoadIdentity reads a key that [GenerateIdentity] wrote. A file that others can
// read is refused ([ErrExposed]).
func LoadIdentity(path string) (*Identity, error) {
	content, err := readSecret(path)
	if err != nil {
		return nil, err
	}
	i, err := parseIdentity(content)
	if err != nil {
		return nil, fmt.Errorf("load key %s: %w", path, err)
	}
	return i, nil
}

// parseIdentity reads one secret key: a line of text, with comments after "#".
func parseIdentity(text []byte) (*Identity, error) {
	var found *Identity
	for line := range bytes.Lines(text) {
		s := strings.TrimSpace(string(line))
		if s == "" || s[0] == '#' {
			continue
		}
		if found != nil {
			return nil, fmt.Errorf("there is more than one key")
		}
		key, err := parseKeyText(identityWord, s)
		if err != nil {
			return nil, fmt.Errorf("it is no identity: %w", err)
		}
		private, err := ecdh.X25519().NewPrivateKey(key)
		if err != nil {
			return nil, fmt.Errorf("it is no identity: %w", err)
		}
		found = &Identity{private: private}
	}
	if found == nil {
		return nil, fmt.Errorf("there is no key in it")
	}
	return found, nil
}

// PassphraseIdentity opens what was encrypted with a passphrase.
func PassphraseIdentity(passphrase []byte) *Identity {
	return &Identity{passphrase: bytes.Clone(passphrase)}
}

// Recipient returns whom to encrypt for so that this identity opens it; the zero
// Recipient for a passphrase.
func (i *Identity) Recipient() Recipient {
	if i.private == nil {
		return Recipient{}
	}
	return Recipient{public: i.private.PublicKey()}
}

// unwrap returns the file key of a stanza, nil when the stanza is for another
// identity.
func (i *Identity) unwrap(s *stanza) ([]byte, error) {
	switch {
	case s.KEM != "" && i.private != nil:
		if s.KeyID != publicID(i.private.PublicKey()) {
			return nil, nil
		}
		private, err := hpke.NewDHKEMPrivateKey(i.private)
		if err != nil {
			return nil, err
		}
		receiver, err := hpke.NewRecipient(s.Enc, private, hpke.HKDFSHA256(), hpke.AES256GCM(), []byte(wrapInfo))
		if err != nil {
			return nil, errUnwrap
		}
		fileKey, err := receiver.Open(nil, s.Sealed)
		if err != nil {
			return nil, errUnwrap
		}
		return fileKey, nil
	case s.KDF != "" && i.private == nil:
		return s.openPassphrase(i.passphrase)
	}
	return nil, nil
}
