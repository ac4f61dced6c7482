package bundle

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// Archive is a verified full bundle whose files stay where they are and are read
// when they are asked for.
type Archive struct {
	Manifest  *Manifest
	Raw       []byte // manifest.json, the exact bytes that are signed
	Signature []byte // manifest.json.sig
	Sums      Sums
	Signer    Signer // zero under Expect.Unverified

	opened *opened
	limits Limits
}

// Open verifies a full bundle as [Read] does and holds none of its files in memory.
// r must stay readable as long as the Archive is used; it is read by several
// goroutines at once.
func Open(r io.ReaderAt, size int64, e Expect) (*Archive, error) {
	limits := e.Limits.effective()
	o, err := openBundle(r, size, e, limits)
	if err != nil {
		return nil, err
	}
	if err := o.complete(o.sums, limits, o.reader); err != nil {
		return nil, err
	}
	return &Archive{
		Manifest: o.manifest, Raw: o.raw, Signature: o.signature, Sums: o.sums, Signer: o.signer,
		opened: o, limits: limits,
	}, nil
}

// ID returns the bundle's id, the SHA-256 of its manifest in hex.
func (a *Archive) ID() string { return ManifestID(a.Raw) }

// File returns the file at path, as the sums list it. It is read and held to its
// hash anew, so that what changed in r since is refused. It may be called from any
// goroutine; the caller owns what it returns.
func (a *Archive) File(path string) ([]byte, error) {
	line, ok := slices.BinarySearchFunc(a.Sums.lines, path, func(l sum, p string) int { return strings.Compare(l.path, p) })
	if !ok {
		return nil, refuse(ErrFormat, "content-missing", path, "SHA256SUMS does not list it")
	}
	data, err := a.opened.reader()(line)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return data, a.Sums.lines[line].check(data, a.limits)
}
