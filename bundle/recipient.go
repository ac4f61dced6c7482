package bundle

import (
	"crypto/ecdh"
	"crypto/hpke"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
)

// Recipient is whom a bundle is encrypted for: the public half of an [Identity], or
// a passphrase. It is immutable.
type Recipient struct {
	public     *ecdh.PublicKey // nil for a passphrase
	passphrase []byte
	salt       []byte
}

// maxRecipients is how many a bundle may be encrypted for.
const maxRecipients = 64

// A key as text: a word, a colon, and 36 bytes in base64url: the key and the first
// four bytes of its SHA-256, so that a slip of the pen is no other key.
const (
	recipientWord = "anvil-x25519"
	identityWord  = "ANVIL-SECRET-X25519"
	checkBytes    = 4
)

func keyText(word string, key []byte) string {
	sum := sha256.Sum256(key)
	return word + ":" + base64.RawURLEncoding.EncodeToString(append(key[:len(key):len(key)], sum[:checkBytes]...))
}

func parseKeyText(word, text string) ([]byte, error) {
	encoded, ok := strings.CutPrefix(text, word+":")
	if !ok {
		return nil, fmt.Errorf("it does not begin with %q", word+":")
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if err != nil || len(raw) != 32+checkBytes {
		return nil, fmt.Errorf("it is not %d characters of base64url after the colon", base64.RawURLEncoding.EncodedLen(32+checkBytes))
	}
	key := raw[:32:32]
	if sum := sha256.Sum256(key); string(sum[:checkBytes]) != string(raw[32:]) {
		return nil, fmt.Errorf("its check digits do not fit: a character is wrong")
	}
	return key, nil
}

// ParseRecipient reads what [Recipient.String] writes.
func ParseRecipient(text string) (Recipient, error) {
	key, err := parseKeyText(recipientWord, text)
	if err != nil {
		return Recipient{}, fmt.Errorf("parse recipient: %w", err)
	}
	public, err := ecdh.X25519().NewPublicKey(key)
	if err != nil {
		return Recipient{}, fmt.Errorf("parse recipient: %w", err)
	}
	r := Recipient{public: public}
	// A key of low order would let anyone read what is encrypted for it.
	if _, _, err := r.seal(make([]byte, fileKeySize)); err != nil {
		return Recipient{}, fmt.Errorf("parse recipient: %w", err)
	}
	return r, nil
}

// PassphraseRecipient encrypts for whoever knows the passphrase, which has at least
// one byte. Each call is another recipient, with a salt of its own.
func PassphraseRecipient(passphrase []byte) (Recipient, error) {
	if len(passphrase) == 0 {
		return Recipient{}, fmt.Errorf("make recipient: the passphrase is empty")
	}
	salt := make([]byte, saltSize)
	if _, err := rand.Read(salt); err != nil {
		return Recipient{}, fmt.Errorf("make recipient: %w", err)
	}
	return Recipient{passphrase: passphrase, salt: salt}, nil
}

// String returns the recipient as text, to be handed to whoever encrypts. That of a
// passphrase is empty.
func (r Recipient) String() string {
	if r.public == nil {
		return ""
	}
	return keyText(recipientWord, r.public.Bytes())
}

// ID returns what a manifest calls the recipient, in hexadecimal: the SHA-256 of the
// public key, or of the word "passphrase" and the salt.
func (r Recipient) ID() string {
	if r.public == nil {
		return passphraseID(r.salt)
	}
	return publicID(r.public)
}

func publicID(key *ecdh.PublicKey) string {
	sum := sha256.Sum256(key.Bytes())
	return hex.EncodeToString(sum[:])
}

func passphraseID(salt []byte) string {
	sum := sha256.Sum256(append([]byte("passphrase"), salt...))
	return hex.EncodeToString(sum[:])
}

// seal wraps a file key with HPKE in base mode (RFC 9180).
func (r Recipient) seal(fileKey []byte) (enc, sealed []byte, err error) {
	public, err := hpke.NewDHKEMPublicKey(r.public)
	if err != nil {
		return nil, nil, err
	}
	enc, sender, err := hpke.NewSender(public, hpke.HKDFSHA256(), hpke.AES256GCM(), []byte(wrapInfo))
	if err != nil {
		return nil, nil, err
	}
	sealed, err = sender.Seal(nil, fileKey)
	return enc, sealed, err
}
