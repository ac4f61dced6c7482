package release

import (
	"crypto/sha256"
	"slices"
	"sync"

	"github.com/anvilpeering/anvil/bundle"
	"github.com/anvilpeering/anvil/gitstore"
)

// digest is what SHA256SUMS and a manifest say about a blob.
type digest struct {
	sum  [sha256.Size]byte
	size int64
}

func digestOf(content []byte) digest {
	return digest{sha256.Sum256(content), int64(len(content))}
}

// digests remembers the digest of each blob, so that no content is hashed
// twice. It is derived: whoever misses one reads the blob.
type digests struct {
	mu     sync.RWMutex
	byBlob map[gitstore.Hash]digest
	bound  int // forget what no head holds beyond so many
}

const fewestDigests = 1 << 16 // about 6 MB: below this nothing is forgotten

func newDigests() *digests {
	return &digests{byBlob: make(map[gitstore.Hash]digest), bound: fewestDigests}
}

func (d *digests) get(blob gitstore.Hash) (digest, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	g, ok := d.byBlob[blob]
	return g, ok
}

func (d *digests) put(blob gitstore.Hash, g digest) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.byBlob[blob] = g
}

// forget drops digests once there are more than twice as many as the given
// contents have.
func (d *digests) forget(live func(yield func(content) bool)) {
	d.mu.RLock()
	few := len(d.byBlob) <= d.bound
	d.mu.RUnlock()
	if few {
		return
	}
	// The contents may have to be waited for, and everybody needs the digests.
	contents := slices.Collect(live)
	d.mu.Lock()
	defer d.mu.Unlock()
	kept := make(map[gitstore.Hash]digest)
	for _, c := range contents {
		for _, f := range c {
			if g, ok := d.byBlob[f.blob]; ok {
				kept[f.blob] = g
			}
		}
	}
	d.byBlob = kept
	d.bound = max(fewestDigests, 2*len(kept))
}

// sums returns the SHA256SUMS of c and how many bytes its files have together.
// Blobs whose digest is not known are read from the releases repository.
func (l *Log) sums(c content) (bundle.Sums, int64, error) {
	all := make([]digest, len(c))
	var missing []int
	l.digests.mu.RLock()
	for i, f := range c {
		g, ok := l.digests.byBlob[f.blob]
		if !ok {
			missing = append(missing, i)
		}
		all[i] = g
	}
	l.digests.mu.RUnlock()
	err := each(len(missing), func(i int) error {
		f := c[missing[i]]
		data, err := l.repo.Blob(f.blob)
		if err != nil {
			return err
		}
		g := digestOf(data)
		l.digests.put(f.blob, g)
		all[missing[i]] = g
		return nil
	})
	if err != nil {
		return bundle.Sums{}, 0, err
	}
	lines := make(map[string][sha256.Size]byte, len(c))
	var bytes int64
	for i, f := range c {
		lines[f.path] = all[i].sum
		bytes += all[i].size
	}
	return bundle.NewSums(lines), bytes, nil
}
