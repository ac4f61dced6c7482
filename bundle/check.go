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

// complete is the check that every way into this package ends in: the sums hash
// to what is signed, their paths keep to the policy, and the content is exactly
// what they list.
func (a *authentic) complete(sums Sums, content map[string][]byte, limits Limits) (*Bundle, error) {
	if err := a.root(sums); err != nil {
		return nil, err
	}
	if err := sums.checkPaths(); err != nil {
		return nil, err
	}
	if len(content) > sums.Len() {
		for path := range content {
			if _, ok := sums.Lookup(path); !ok {
				return nil, refuse(ErrTampered, "content-unlisted", path, "SHA256SUMS does not list it")
			}
		}
	}
	if _, has := sums.Lookup(resourcesFile); has != (a.manifest.Type == TypeSelection) {
		return nil, refuse(ErrFormat, "resources", resourcesFile, "a selection has it, a release does not")
	}
	var total atomic.Int64
	err := parallel(sums.Len(), func() func(int) error {
		return func(i int) error {
			line := &sums.lines[i]
			data, ok := content[line.path]
			if !ok {
				return refuse(ErrTampered, "content-missing", line.path, "SHA256SUMS lists it and it is not there")
			}
			if most := limits.of(line.path); int64(len(data)) > most {
				return refuse(ErrTooLarge, "content-size", line.path, "%d bytes, at most %d are accepted", len(data), most)
			}
			if sha256.Sum256(data) != line.hash {
				return refuse(ErrTampered, "content-hash", line.path, "its content is not what SHA256SUMS says")
			}
			total.Add(int64(len(data)))
			return nil
		}
	})
	if err != nil {
		return nil, err
	}
	if total.Load() != a.manifest.Content.Bytes {
		return nil, refuse(ErrFormat, "content-bytes", "", "the files have %d bytes, the manifest says %d", total.Load(), a.manifest.Content.Bytes)
	}
	if total.Load() > limits.Total {
		return nil, refuse(ErrTooLarge, "content-total", "", "%d bytes, at most %d are accepted", total.Load(), limits.Total)
	}
	return &Bundle{Manifest: a.manifest, Raw: a.raw, Signature: a.signature, Sums: sums, Content: content, Signer: a.signer}, nil
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
	return a.complete(parsed, content, e.Limits.effective())
}
