package bundle

import (
	"crypto/sha256"
	"encoding/hex"
	"sync/atomic"
)

// root holds the sums to the manifest: they hash to what is signed.
func (a *authentic) root(sums Sums) error {
	root := sums.Root()
	if got := hex.EncodeToString(root[:]); got != a.manifest.Content.SumsSHA256 {
		return refuse(ErrTampered, "sums-root", sumsFile, "it hashes to %s, the manifest says %s", got, a.manifest.Content.SumsSHA256)
	}
	if sums.Len() != a.manifest.Content.Files {
		return refuse(ErrFormat, "sums-count", sumsFile, "it lists %d files, the manifest says %d", sums.Len(), a.manifest.Content.Files)
	}
	return nil
}

// listing checks what the sums say before any file is looked at: they hash to what
// is signed, and their paths keep to the policy.
func (a *authentic) listing(sums Sums) error {
	if err := a.root(sums); err != nil {
		return err
	}
	if err := sums.checkPaths(); err != nil {
		return err
	}
	if _, has := sums.Lookup(resourcesFile); has != (a.manifest.Type == TypeSelection) {
		return refuse(ErrFormat, "resources", resourcesFile, "a selection has it, a release does not")
	}
	return nil
}

// fetch returns the file that a line of the sums lists. Each goroutine has its own.
type fetch func(line int) ([]byte, error)

// complete is the check that every way into this package ends in: the files are
// what the sums list, which listing has checked. Each worker fetches files of its
// own.
func (a *authentic) complete(sums Sums, limits Limits, worker func() fetch) error {
	var total atomic.Int64
	err := parallel(sums.Len(), func() func(int) error {
		file := worker()
		return func(i int) error {
			data, err := file(i)
			if err != nil {
				return err
			}
			total.Add(int64(len(data)))
			return a.accept(sums, i, data, limits)
		}
	})
	if err != nil {
		return err
	}
	return a.bytes(total.Load(), limits)
}

// accept holds a file to its line, and resources.json to all of them.
func (a *authentic) accept(sums Sums, line int, data []byte, limits Limits) error {
	if err := sums.lines[line].check(data, limits); err != nil {
		return err
	}
	if sums.lines[line].path != resourcesFile {
		return nil
	}
	r, err := ParseResources(data)
	if err != nil {
		return err
	}
	return r.describes(a.manifest, sums)
}

// check holds a file to its line.
func (l *sum) check(data []byte, limits Limits) error {
	if most := limits.of(l.path); int64(len(data)) > most {
		return refuse(ErrTooLarge, "content-size", l.path, "%d bytes, at most %d are accepted", len(data), most)
	}
	if sha256.Sum256(data) != l.hash {
		return refuse(ErrTampered, "content-hash", l.path, "its content is not what SHA256SUMS says")
	}
	return nil
}

// bytes holds the size of all files together to the manifest.
func (a *authentic) bytes(total int64, limits Limits) error {
	if total != a.manifest.Content.Bytes {
		return refuse(ErrFormat, "content-bytes", "", "the files have %d bytes, the manifest says %d", total, a.manifest.Content.Bytes)
	}
	if total > limits.Total {
		return refuse(ErrTooLarge, "content-total", "", "%d bytes, at most %d are accepted", total, limits.Total)
	}
	return nil
}

// hold checks content that is in memory, and makes the bundle of it.
func (a *authentic) hold(sums Sums, content map[string][]byte, limits Limits) (*Bundle, error) {
	if err := a.listing(sums); err != nil {
		return nil, err
	}
	if len(content) > sums.Len() {
		for path := range content {
			if _, ok := sums.Lookup(path); !ok {
				return nil, refuse(ErrTampered, "content-unlisted", path, "SHA256SUMS does not list it")
			}
		}
	}
	err := a.complete(sums, limits, func() fetch {
		return func(line int) ([]byte, error) {
			path := sums.lines[line].path
			data, ok := content[path]
			if !ok {
				return nil, refuse(ErrTampered, "content-missing", path, "SHA256SUMS lists it and it is not there")
			}
			return data, nil
		}
	})
	if err != nil {
		return nil, err
	}
	return a.bundle(sums, content), nil
}

func (a *authentic) bundle(sums Sums, content map[string][]byte) *Bundle {
	return &Bundle{Manifest: a.manifest, Raw: a.raw, Signature: a.signature, Sums: sums, Content: content, Signer: a.signer}
}

// Assemble verifies what lies unpacked: manifest.json, its signature, SHA256SUMS
// and all files by their paths in an archive. It is the same check that [Read]
// ends in; the bundle keeps the slices and the map.
func Assemble(raw, signature, sums []byte, content map[string][]byte, e Expect) (*Bundle, error) {
	a, err := e.authenticate(raw, signature)
	if err != nil {
		return nil, err
	}
	parsed, err := ParseSums(sums)
	if err != nil {
		return nil, err
	}
	return a.hold(parsed, content, e.Limits.effective())
}
