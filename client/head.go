package client

import (
	"bufio"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/anvilpeering/anvil/bundle"
)

const (
	localHeader  = 30      // bytes of an entry's header in a ZIP, without its name
	unseen       = 1 << 20 // what a Content-Length claims is allocated up to this
	manifestName = "manifest.json"

	// What an archive holds beside the files: for each of them two headers, its
	// path thrice (512 bytes at most) and its line of SHA256SUMS; and for all of them
	// manifest, signature and readme.
	besideFile = 2 << 10
	besideAll  = 128 << 10
)

// allowance verifies how a bundle begins, and says how many bytes of it to read at
// most. signature is nil when there is none.
type allowance func(manifest, signature []byte) (int64, error)

// allow believes a manifest that is signed for the stream followed. Who has no key
// can make the client read no more than what was once signed.
func (f *follower) allow(manifest, signature []byte) (int64, error) {
	if !f.settings.InsecureSkipVerify {
		if signature == nil {
			return 0, fmt.Errorf("there is no signature: %w", bundle.ErrUnsigned)
		}
		if _, err := f.settings.trust.Verify(f.stream.String(), bundle.ManifestNamespace, manifest, signature, time.Now()); err != nil {
			return 0, err
		}
	}
	m, err := bundle.ParseManifest(manifest)
	if err != nil {
		return 0, err
	}
	return min(m.Content.Bytes, bundle.MaxTotal) + int64(min(m.Content.Files, bundle.MaxEntries))*besideFile + besideAll, nil
}

// readBundle reads a bundle or a delta whose beginning is allowed.
func readBundle(answer *http.Response, most int64, allow allowance) ([]byte, error) {
	tooLarge := func() error {
		return fmt.Errorf("more than the %d bytes that are read of it: %w", most, bundle.ErrTooLarge)
	}
	if answer.ContentLength > most {
		return nil, tooLarge()
	}
	r := bufio.NewReaderSize(answer.Body, besideAll)
	manifest, signature, err := readHead(r)
	if err != nil {
		return nil, err
	}
	allowed, err := allow(manifest, signature)
	if err != nil {
		return nil, err
	}
	if most = min(most, allowed); answer.ContentLength > most {
		return nil, tooLarge()
	}
	var body bytes.Buffer
	if answer.ContentLength > 0 {
		body.Grow(int(min(answer.ContentLength, unseen)) + bytes.MinRead)
	}
	n, err := body.ReadFrom(io.LimitReader(r, most+1))
	if err != nil {
		return nil, err
	}
	if n > most {
		return nil, tooLarge()
	}
	return body.Bytes(), nil
}

// readHead reads manifest and signature, which every bundle begins with, and leaves
// them in r. What it makes of an archive that is none is of no account: package
// bundle has the last word on all of it.
func readHead(r *bufio.Reader) (manifest, signature []byte, err error) {
	name, manifest, end, err := readEntry(r, 0, bundle.MaxManifest)
	if err != nil {
		return nil, nil, err
	}
	if name != manifestName {
		return nil, nil, malformed("it begins with %q, not with %s", name, manifestName)
	}
	name, signature, _, err = readEntry(r, end, maxSignature)
	if err != nil || name != manifestName+".sig" {
		return manifest, nil, err
	}
	return manifest, signature, nil
}

// readEntry reads the entry at an offset, as its own header describes it. One
// with a name longer than those of manifest and signature is not read.
func readEntry(r *bufio.Reader, at int, most uint32) (name string, content []byte, end int, err error) {
	const longest = len(manifestName + ".sig")
	peek := func(n int) ([]byte, error) {
		raw, err := r.Peek(n)
		if errors.Is(err, io.EOF) {
			return nil, malformed("it ends early")
		}
		return raw, err
	}
	raw, err := peek(at + localHeader)
	if err != nil {
		return "", nil, 0, err
	}
	header := raw[at:]
	le := binary.LittleEndian
	method, packed, size := le.Uint16(header[8:]), le.Uint32(header[18:]), le.Uint32(header[22:])
	length := int(le.Uint16(header[26:]))
	switch {
	case le.Uint32(header) != 0x04034b50:
		return "", nil, 0, malformed("it is no ZIP")
	case length > longest:
		return "", nil, 0, nil
	case size > most || packed > size:
		return "", nil, 0, malformed("it begins with %d bytes in %d, at most %d are read there", size, packed, most)
	}
	start := at + localHeader + length
	end = start + int(packed)
	if raw, err = peek(end); err != nil {
		return "", nil, 0, err
	}
	name, content = string(raw[at+localHeader:start]), bytes.Clone(raw[start:end])
	if method == 8 {
		inflated, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(content)), int64(size)+1))
		if err != nil || len(inflated) != int(size) {
			return "", nil, 0, malformed("%s cannot be decompressed to the size declared", name)
		}
		content = inflated
	}
	return name, content, end, nil
}

func malformed(format string, args ...any) error {
	return fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), bundle.ErrFormat)
}
