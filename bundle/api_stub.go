package bundle

import (
	"errors"
	"io"
	"time"

	"golang.org/x/crypto/ssh"
)

// ParseManifest parses manifest.json.
func ParseManifest(raw []byte) (*Manifest, error) { panic("soon") }

// Encode returns manifest.json.
func (m *Manifest) Encode() ([]byte, error) { panic("soon") }

// ManifestID returns the SHA-256 in hex.
func ManifestID(raw []byte) string { panic("soon") }

// Schema returns the JSON Schema of manifest.json.
func Schema() []byte { panic("soon") }

// ParseSums parses SHA256SUMS.
func ParseSums(raw []byte) (Sums, error) { panic("soon") }

// Read reads a full bundle.
func Read(r io.ReaderAt, size int64, e Expect) (*Bundle, error) { panic("soon") }

// Write writes a full bundle.
func Write(w io.Writer, b *Bundle) error { panic("soon") }

// ReadDelta applies a delta to base.
func ReadDelta(r io.ReaderAt, size int64, base *Bundle, e Expect) (*Bundle, error) { panic("soon") }

// WriteDelta writes what turns from into to. Of from it needs Manifest and Sums,
// of to.Content only the files that differ.
func WriteDelta(w io.Writer, from, to *Bundle) error { panic("soon") }

// Assemble verifies what lies unpacked.
func Assemble(raw, signature, sums []byte, content map[string][]byte, e Expect) (*Bundle, error) {
	panic("soon")
}

// Trust is a parsed allowed_signers file.
type Trust struct{}

// ParseTrust parses allowed_signers.
func ParseTrust(allowedSigners []byte) (*Trust, error) { panic("soon") }

// Warnings lists what a person should look at.
func (t *Trust) Warnings() []string { panic("soon") }

// Verify verifies a signature.
func (t *Trust) Verify(identity, namespace string, message, signature []byte, at time.Time) (Signer, error) {
	panic("soon")
}

// ManifestNamespace is the SSHSIG namespace of a manifest's signature.
const ManifestNamespace = "anvil-bundle-v1"

// Sign signs message.
func Sign(message []byte, namespace string, s ssh.Signer) ([]byte, error) { panic("soon") }

// ErrExposed is a private key that others can read.
var ErrExposed = errors.New("readable by others")

// GenerateKey makes a new Ed25519 key.
func GenerateKey(path, comment string) (ssh.Signer, error) { panic("soon") }

// LoadKey loads an OpenSSH key.
func LoadKey(path string, passphrase func() ([]byte, error)) (ssh.Signer, error) { panic("soon") }

// AllowedSigner returns one allowed_signers line.
func AllowedSigner(principal string, key ssh.PublicKey) string { panic("soon") }

// ReadMe is the README.txt of every bundle.
const ReadMe = "soon"
