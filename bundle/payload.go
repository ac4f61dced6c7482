package bundle

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"golang.org/x/crypto/scrypt"
)

// A payload is a bundle encrypted for its recipients:
//
//	"ANVILENC" 0x01 | header length, 4 bytes | header | commitment, 32 bytes | chunks
//
// The header, strict JSON, wraps a random file key for each recipient. From it and
// the header's hash come the key of the chunks and the commitment, without which a
// payload could be made that opens differently for two recipients. Chunks are
// AES-256-GCM of 64 KiB each, the nonce a counter and a mark on the last one: the
// STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizár (2015), so that none
// can be moved, repeated or left off at the end.
const (
	payloadMagic = "ANVILENC\x01"
	payloadAEAD  = "A256GCM-STREAM64K"

	chunkSize      = 64 << 10
	tagSize        = 16
	fileKeySize    = 32
	commitmentSize = 32
	saltSize       = 16
	maxHeader      = 64 << 10

	wrapInfo       = "anvil-enc/1 wrap"
	payloadInfo    = "anvil-enc/1 payload"
	commitInfo     = "anvil-enc/1 commit"
	passphraseInfo = "anvil-enc/1 passphrase"

	kemX25519  = "0x0020" // RFC 9180, DHKEM(X25519, HKDF-SHA256)
	kdfScrypt  = "scrypt" // RFC 7914, with r=8 and p=1
	scryptCost = 17       // 128 MiB, about half a second
	maxCost    = 18       // what a reader does for a stranger's header
	minCost    = 14
)

// stanza is the file key wrapped for one recipient: with HPKE for a public key, or
// under a key that scrypt makes of a passphrase.
type stanza struct {
	KEM    string `json:"kem,omitempty"`
	KDF    string `json:"kdf,omitempty"`
	KeyID  string `json:"kid"`
	Enc    []byte `json:"enc,omitempty"`
	Salt   []byte `json:"salt,omitempty"`
	Cost   int    `json:"cost,omitempty"` // log2 of scrypt's N
	Sealed []byte `json:"ct"`
}

var errUnwrap = errors.New("the wrapped key does not open")

// wrapKey makes the stanza of a recipient.
func wrapKey(fileKey []byte, r Recipient) (*stanza, error) {
	if r.public != nil {
		enc, sealed, err := r.seal(fileKey)
		if err != nil {
			return nil, err
		}
		return &stanza{KEM: kemX25519, KeyID: r.ID(), Enc: enc, Sealed: sealed}, nil
	}
	s := &stanza{KDF: kdfScrypt, KeyID: r.ID(), Salt: r.salt, Cost: scryptCost}
	aead, err := s.passphraseKey(r.passphrase)
	if err != nil {
		return nil, err
	}
	s.Sealed = aead.Seal(nil, make([]byte, aead.NonceSize()), fileKey, nil)
	return s, nil
}

// passphraseKey may use a nonce of zeros: the salt makes each key another.
func (s *stanza) passphraseKey(passphrase []byte) (cipher.AEAD, error) {
	key, err := scrypt.Key(passphrase, append([]byte(passphraseInfo), s.Salt...), 1<<s.Cost, 8, 1, 32)
	if err != nil {
		return nil, err
	}
	return newGCM(key)
}

func (s *stanza) openPassphrase(passphrase []byte) ([]byte, error) {
	aead, err := s.passphraseKey(passphrase)
	if err != nil {
		return nil, err
	}
	fileKey, err := aead.Open(nil, make([]byte, aead.NonceSize()), s.Sealed, nil)
	if err != nil {
		return nil, errUnwrap
	}
	return fileKey, nil
}

func newGCM(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// payloadKeys derives the key of the chunks and the commitment.
func payloadKeys(fileKey, header []byte) (cipher.AEAD, []byte, error) {
	salt := sha256.Sum256(header)
	key, err := hkdf.Key(sha256.New, fileKey, salt[:], payloadInfo, 32)
	if err != nil {
		return nil, nil, err
	}
	commitment, err := hkdf.Key(sha256.New, fileKey, salt[:], commitInfo, commitmentSize)
	if err != nil {
		return nil, nil, err
	}
	aead, err := newGCM(key)
	return aead, commitment, err
}

// header is the JSON at the beginning of a payload.
type header struct {
	Version    int       `json:"v"`
	AEAD       string    `json:"aead"`
	Recipients []*stanza `json:"recipients"`
}

// parseHeader is strict: JSON that its schema accepts, and no work for a passphrase
// beyond the bound.
func parseHeader(raw []byte) (*header, error) {
	bad := func(format string, args ...any) error {
		return refuse(ErrFormat, "payload-header", payloadFile, format, args...)
	}
	value, err := parseJSON(raw)
	if err != nil {
		return nil, bad("its header: %v", err)
	}
	problem, err := payloadSchema.check(value)
	if err != nil {
		return nil, err
	}
	if problem != "" {
		return nil, bad("its header: %s", problem)
	}
	h := new(header)
	if err := json.Unmarshal(raw, h); err != nil {
		return nil, bad("its header: %v", err)
	}
	passphrases, seen := 0, map[string]bool{}
	for i, s := range h.Recipients {
		if s.KDF != "" {
			passphrases++
			if s.Cost < minCost || s.Cost > maxCost {
				return nil, refuse(ErrTooLarge, "payload-cost", payloadFile, "its passphrase costs 2^%d, 2^%d to 2^%d is done here", s.Cost, minCost, maxCost)
			}
			if s.KeyID != passphraseID(s.Salt) {
				return nil, bad("recipient %d of its header is not named after its salt", i+1)
			}
		}
		if seen[s.KeyID] || passphrases > 1 {
			return nil, bad("a recipient stands twice in its header, or it has more than one passphrase")
		}
		seen[s.KeyID] = true
	}
	return h, nil
}

// ids lists the recipients in their order.
func (h *header) ids() []string {
	ids := make([]string, len(h.Recipients))
	for i, s := range h.Recipients {
		ids[i] = s.KeyID
	}
	return ids
}

// open returns the file key for the first identity that has one.
func (h *header) open(identities []*Identity) ([]byte, error) {
	tried := false
	for _, i := range identities {
		for _, s := range h.Recipients {
			fileKey, err := i.unwrap(s)
			if err != nil && !errors.Is(err, errUnwrap) {
				return nil, fmt.Errorf("decrypt: %w", err)
			}
			if fileKey != nil {
				return fileKey, nil
			}
			tried = tried || err != nil
		}
	}
	if tried {
		return nil, refuse(ErrRecipient, "payload-key", payloadFile, "the passphrase, or the key, does not open it")
	}
	return nil, refuse(ErrRecipient, "payload-key", payloadFile, "it is encrypted for others: none of its %d recipients is a key or a passphrase at hand", len(h.Recipients)).
		advise("ask for it to be encrypted for your own recipient: anvil keys export --recipient")
}

// sealed encrypts one payload. Writing it twice gives the same bytes.
type sealed struct {
	head       []byte
	commitment []byte
	aead       cipher.AEAD
}

func newSealed(fileKey []byte, to []Recipient) (*sealed, error) {
	h := header{Version: 1, AEAD: payloadAEAD}
	for _, r := range to {
		s, err := wrapKey(fileKey, r)
		if err != nil {
			return nil, err
		}
		h.Recipients = append(h.Recipients, s)
	}
	raw, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	aead, commitment, err := payloadKeys(fileKey, raw)
	if err != nil {
		return nil, err
	}
	head := binary.BigEndian.AppendUint32([]byte(payloadMagic), uint32(len(raw)))
	return &sealed{head: append(head, raw...), commitment: commitment, aead: aead}, nil
}

// size returns how large the payload of so many bytes is.
func (s *sealed) size(plain int64) int64 {
	chunks := max(1, (plain+chunkSize-1)/chunkSize)
	return int64(len(s.head)) + commitmentSize + plain + chunks*tagSize
}

func (s *sealed) write(w io.Writer, plain io.Reader, size int64) error {
	if _, err := w.Write(s.head); err != nil {
		return err
	}
	if _, err := w.Write(s.commitment); err != nil {
		return err
	}
	in, out := make([]byte, chunkSize), make([]byte, 0, chunkSize+tagSize)
	for i := uint64(0); ; i++ {
		n := min(size, chunkSize)
		if _, err := io.ReadFull(plain, in[:n]); err != nil {
			return err
		}
		size -= n
		if _, err := w.Write(s.aead.Seal(out, chunkNonce(i, size == 0), in[:n], nil)); err != nil {
			return err
		}
		if size == 0 {
			return nil
		}
	}
}

func chunkNonce(i uint64, last bool) []byte {
	nonce := make([]byte, 12)
	binary.BigEndian.PutUint64(nonce[3:], i)
	if last {
		nonce[11] = 1
	}
	return nonce
}

// readPayloadHead reads up to the first chunk, of which rest bytes follow.
func readPayloadHead(r io.Reader, size int64) (h *header, raw, commitment []byte, rest int64, err error) {
	bad := func() error {
		return refuse(ErrFormat, "payload-header", payloadFile, "it is no encrypted payload, or cut off")
	}
	start := make([]byte, len(payloadMagic)+4)
	if size < int64(len(start)) {
		return nil, nil, nil, 0, bad()
	}
	if _, err := io.ReadFull(r, start); err != nil {
		return nil, nil, nil, 0, err
	}
	length := int64(binary.BigEndian.Uint32(start[len(payloadMagic):]))
	rest = size - int64(len(start)) - length - commitmentSize
	if string(start[:len(payloadMagic)]) != payloadMagic || length > maxHeader || rest < tagSize {
		return nil, nil, nil, 0, bad()
	}
	raw, commitment = make([]byte, length), make([]byte, commitmentSize)
	if _, err := io.ReadFull(r, raw); err != nil {
		return nil, nil, nil, 0, err
	}
	if _, err := io.ReadFull(r, commitment); err != nil {
		return nil, nil, nil, 0, err
	}
	h, err = parseHeader(raw)
	return h, raw, commitment, rest, err
}

// decryptPayload writes what a payload of so many bytes holds to w and returns whom
// it is for. Nothing of it may be used unless the error is nil.
func decryptPayload(w io.Writer, r io.Reader, size int64, identities []*Identity) ([]string, int64, error) {
	h, raw, commitment, rest, err := readPayloadHead(r, size)
	if err != nil {
		return nil, 0, err
	}
	fileKey, err := h.open(identities)
	if err != nil {
		return nil, 0, err
	}
	aead, want, err := payloadKeys(fileKey, raw)
	if err != nil {
		return nil, 0, fmt.Errorf("decrypt: %w", err)
	}
	if subtle.ConstantTimeCompare(commitment, want) != 1 {
		return nil, 0, refuse(ErrTampered, "payload-commitment", payloadFile, "it does not commit to the key that opens it")
	}
	written := int64(0)
	chunk, plain := make([]byte, chunkSize+tagSize), make([]byte, 0, chunkSize)
	for i := uint64(0); rest > 0; i++ {
		n := min(rest, chunkSize+tagSize)
		if _, err := io.ReadFull(r, chunk[:n]); err != nil {
			return nil, 0, err
		}
		rest -= n
		if rest > 0 && rest <= tagSize || i > 0 && n == tagSize {
			return nil, 0, refuse(ErrFormat, "payload-chunk", payloadFile, "its last chunk is empty or cut off")
		}
		if n < tagSize {
			return nil, 0, refuse(ErrFormat, "payload-chunk", payloadFile, "its last chunk is cut off")
		}
		open, err := aead.Open(plain, chunkNonce(i, rest == 0), chunk[:n], nil)
		if err != nil {
			return nil, 0, refuse(ErrTampered, "payload-chunk", payloadFile, "chunk %d is not what was encrypted", i+1)
		}
		if _, err := w.Write(open); err != nil {
			return nil, 0, fmt.Errorf("write decrypted bundle: %w", err)
		}
		written += int64(len(open))
	}
	return h.ids(), written, nil
}
