package bundle

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"slices"

	"golang.org/x/crypto/ssh"
)

// Encrypt writes an envelope of the plain bundle, a selection whose manifest names
// exactly these recipients, in their order, and whose signer signs the envelope,
// too. plain is read three times; no more than a chunk of it is in memory.
func Encrypt(w io.Writer, plain io.ReaderAt, size int64, to []Recipient, signer ssh.Signer) error {
	known, err := sealable(plain, size, to, signer)
	if err != nil {
		return fmt.Errorf("encrypt: %w", err)
	}
	fileKey := make([]byte, fileKeySize)
	if _, err := rand.Read(fileKey); err != nil {
		return fmt.Errorf("encrypt: %w", err)
	}
	s, err := newSealed(fileKey, to)
	if err != nil {
		return fmt.Errorf("encrypt: %w", err)
	}
	payload := func(w io.Writer) error { return s.write(w, io.NewSectionReader(plain, 0, size), size) }
	hash, checksum := sha256.New(), crc32.NewIEEE()
	if err := payload(io.MultiWriter(hash, checksum)); err != nil {
		return fmt.Errorf("encrypt: %w", err)
	}
	raw, err := json.MarshalIndent(envelopeJSON{
		Format: Format, Type: envelopeType, Organisation: known.manifest.Organisation, ManifestSHA256: ManifestID(known.raw),
		PayloadSHA256: fmt.Sprintf("%x", hash.Sum(nil)), PayloadSize: s.size(size), Recipients: known.manifest.Recipients,
	}, "", "  ")
	if err != nil {
		return fmt.Errorf("encrypt: %w", err)
	}
	raw = append(raw, '\n')
	signature, err := Sign(raw, envelopeNamespace, signer)
	if err != nil {
		return fmt.Errorf("encrypt: %w", err)
	}
	if total := s.size(size) + int64(len(raw)+len(signature)+len(decryptText)) + 1<<10; total > MaxTotal {
		return refuse(ErrTooLarge, "zip-total", "", "%d bytes, at most %d fit", total, MaxTotal).advise("export fewer projects at a time")
	}
	out := &storedZIP{w: w}
	out.bytes(envelopeFile, raw)
	out.bytes(envelopeSignatureFile, signature)
	out.put(payloadFile, s.size(size), checksum.Sum32(), payload)
	out.bytes(decryptFile, []byte(decryptText))
	if err := out.close(); err != nil {
		return fmt.Errorf("write envelope: %w", err)
	}
	return nil
}

// sealable checks that a plain bundle may be sealed for these recipients by signer.
func sealable(plain io.ReaderAt, size int64, to []Recipient, signer ssh.Signer) (*authentic, error) {
	if len(to) == 0 || len(to) > maxRecipients {
		return nil, fmt.Errorf("it is for %d recipients, 1 to %d there may be", len(to), maxRecipients)
	}
	ids, passphrases := []string{}, 0
	for _, r := range to {
		if r.public == nil {
			passphrases++
		}
		if slices.Contains(ids, r.ID()) || passphrases > 1 {
			return nil, fmt.Errorf("a recipient stands there twice, or there is more than one passphrase")
		}
		ids = append(ids, r.ID())
	}
	a, err := openArchive(plain, size, Limits{}.effective())
	if err != nil {
		return nil, err
	}
	head, _, err := a.head(false)
	if err != nil {
		return nil, err
	}
	known, err := (&Bundle{Raw: head[manifestFile], Signature: head[signatureFile]}).authentic()
	if err != nil {
		return nil, err
	}
	s, err := parseSignature(signatureFile, known.signature)
	if err != nil {
		return nil, err
	}
	switch {
	case known.manifest.Type != TypeSelection:
		return nil, refuse(ErrFormat, "recipients", manifestFile, "only a selection is encrypted, and it is a release")
	case !slices.Equal(known.manifest.Recipients, ids):
		return nil, refuse(ErrFormat, "recipients", manifestFile, "it was signed for other recipients")
	case !bytes.Equal(s.key().Marshal(), signer.PublicKey().Marshal()):
		return nil, refuse(ErrFormat, "envelope", manifestFile, "it was signed with another key than is to seal it")
	}
	return known, nil
}

// storedZIP writes entries as they are, of any size. The first error stays.
type storedZIP struct {
	w         io.Writer
	directory []byte
	offset    int64
	count     int
	err       error
}

func (z *storedZIP) put(name string, size int64, crc uint32, content func(io.Writer) error) {
	if z.err != nil {
		return
	}
	e := entry{name: name, method: methodStore, crc: crc, packed: size, size: size, offset: z.offset}
	if _, z.err = z.w.Write(e.local(nil)); z.err == nil {
		z.err = content(z.w)
	}
	z.directory = e.central(z.directory)
	z.offset, z.count = e.end(), z.count+1
}

func (z *storedZIP) bytes(name string, content []byte) {
	z.put(name, int64(len(content)), crc32.ChecksumIEEE(content), func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
}

func (z *storedZIP) close() error {
	if z.err != nil {
		return z.err
	}
	_, err := z.w.Write(append(z.directory, zipEnd(z.count, int64(len(z.directory)), z.offset)...))
	return err
}
