package bundle

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"slices"

	"golang.org/x/crypto/ssh"
)

// envelopeNamespace is the SSHSIG namespace of an envelope's signature, so that
// neither it nor a manifest's can stand in for the other.
const envelopeNamespace = "anvil-envelope-v1"

const (
	envelopeFile          = "envelope.json"
	envelopeSignatureFile = "envelope.json.sig"
	payloadFile           = "payload.enc"
	decryptFile           = "DECRYPT.md"
	envelopeType          = "anvil.envelope"
)

// decryptText is DECRYPT.md, the same in every envelope of a format version: how it is
// opened without Anvil.
//
//go:embed DECRYPT.md
var decryptText string

// Envelope is a selection encrypted for its recipients, and signed outside as it is
// inside: whoever passes it on can see where it comes from without opening it, and
// whoever opens it cannot pass it on under another cover.
type Envelope struct {
	Organisation string   // that made it
	ManifestID   string   // of the bundle in it
	Recipients   []string // ids; see [Recipient.ID]
	Signer       Signer   // zero under Expect.Unverified

	expect  Expect
	payload *io.SectionReader
}

// envelopeJSON is envelope.json.
type envelopeJSON struct {
	Format         string   `json:"format"`
	Type           string   `json:"type"`
	Organisation   string   `json:"organisation"`
	ManifestSHA256 string   `json:"manifest_sha256"`
	PayloadSHA256  string   `json:"payload_sha256"`
	PayloadSize    int64    `json:"payload_size"`
	Recipients     []string `json:"recipients"`
}

// OpenEnvelope verifies the outside of an envelope: its form, its signature, and
// that the payload is what was signed. e says whom to trust, as for the bundle in it.
func OpenEnvelope(r io.ReaderAt, size int64, e Expect) (*Envelope, error) {
	a, err := openArchive(r, size, e.Limits.effective())
	if err != nil {
		return nil, err
	}
	if err := a.names(0, 4, func(i int) string {
		return [...]string{envelopeFile, envelopeSignatureFile, payloadFile, decryptFile}[i]
	}); err != nil {
		return nil, err
	}
	for i := range a.entries {
		if a.entries[i].method != methodStore {
			return nil, refuse(ErrFormat, "envelope", a.entries[i].name, "it is compressed; everything in an envelope is stored")
		}
	}
	one := reader{a: a}
	var small [4][]byte
	for _, i := range []int{0, 1, 3} {
		if small[i], err = one.read(i); err != nil {
			return nil, err
		}
	}
	key, err := e.sealer(small[0], small[1])
	if err != nil {
		return nil, err
	}
	wire, err := parseEnvelope(small[0])
	if err != nil {
		return nil, err
	}
	v := &Envelope{Organisation: wire.Organisation, ManifestID: wire.ManifestSHA256, Recipients: wire.Recipients, expect: e}
	if v.Signer, err = e.sealedAs(wire.Organisation+"/selection", key); err != nil {
		return nil, err
	}
	if string(small[3]) != decryptText {
		return nil, refuse(ErrFormat, "readme", decryptFile, "it is not the text of this format version")
	}
	if v.payload, err = one.section(2); err != nil {
		return nil, err
	}
	hash, checksum := sha256.New(), crc32.NewIEEE()
	if _, err := io.Copy(io.MultiWriter(hash, checksum), v.payload); err != nil {
		return nil, fmt.Errorf("read envelope: %w", err)
	}
	if checksum.Sum32() != a.entries[2].crc {
		return nil, refuse(ErrTampered, "zip-crc", payloadFile, "its checksum is wrong")
	}
	if v.payload.Size() != wire.PayloadSize || hex.EncodeToString(hash.Sum(nil)) != wire.PayloadSHA256 {
		return nil, refuse(ErrTampered, "payload-hash", payloadFile, "it is not what %s says", envelopeFile)
	}
	return v, nil
}

// sealer checks the signature of an envelope and returns whose it is; nil when
// nobody asks.
func (e *Expect) sealer(raw, signed []byte) (ssh.PublicKey, error) {
	if e.Unverified {
		return nil, nil
	}
	s, err := parseSignature(envelopeSignatureFile, signed)
	if err != nil {
		return nil, err
	}
	return s.key(), s.verify(raw, envelopeNamespace)
}

// sealedAs checks that the sealer is trusted for identity: whoever may sign a bundle
// may seal it.
func (e *Expect) sealedAs(identity string, key ssh.PublicKey) (Signer, error) {
	if e.Identity != "" && e.Identity != identity {
		return Signer{}, refuse(ErrStream, "identity", envelopeFile, "it is sealed as %q, expected was %q", identity, e.Identity)
	}
	if e.Unverified {
		return Signer{}, nil
	}
	return e.Trust.find(key, &identity, ManifestNamespace, e.Now)
}

// parseEnvelope parses envelope.json: strict JSON that its schema accepts.
func parseEnvelope(raw []byte) (*envelopeJSON, error) {
	value, err := parseJSON(raw)
	if err != nil {
		return nil, refuse(ErrFormat, "envelope", envelopeFile, "%v", err)
	}
	if err := checkVersion(envelopeFile, value); err != nil {
		return nil, err
	}
	problem, err := envelopeSchema.check(value)
	if err != nil {
		return nil, err
	}
	if problem != "" {
		return nil, refuse(ErrFormat, "envelope", envelopeFile, "%s", problem)
	}
	wire := new(envelopeJSON)
	if err := json.Unmarshal(raw, wire); err != nil {
		return nil, refuse(ErrFormat, "envelope", envelopeFile, "%v", err)
	}
	return wire, nil
}

// Spool is where a decrypted bundle lies while it is read: a file that nobody else
// can read, empty at first.
type Spool interface {
	io.Writer
	io.ReaderAt
}

// Decrypt decrypts the bundle into spool and verifies it there: it is the one that
// was sealed, signed by whoever sealed it, for these recipients and no others. On an
// error what is in spool is of no use to anybody.
func (v *Envelope) Decrypt(spool Spool, identities ...*Identity) (*Archive, error) {
	in := io.NewSectionReader(v.payload, 0, v.payload.Size())
	ids, size, err := decryptPayload(spool, in, in.Size(), identities)
	if err != nil {
		return nil, err
	}
	if !slices.Equal(ids, v.Recipients) {
		return nil, refuse(ErrTampered, "recipients", payloadFile, "it is encrypted for others than %s says", envelopeFile)
	}
	e := v.expect
	e.envelope = v
	return Open(spool, size, e)
}

// opens holds a manifest to the envelope it came in.
func (v *Envelope) opens(a *authentic) error {
	switch {
	case ManifestID(a.raw) != v.ManifestID:
		return refuse(ErrTampered, "envelope", manifestFile, "it is not the bundle that was sealed")
	case !slices.Equal(a.manifest.Recipients, v.Recipients):
		return refuse(ErrTampered, "recipients", manifestFile, "it was signed for other recipients than it is encrypted for")
	case a.manifest.Organisation != v.Organisation || a.signer.Fingerprint != v.Signer.Fingerprint:
		return refuse(ErrTampered, "envelope", manifestFile, "it was sealed by another than signed it")
	}
	return nil
}
