package exchange

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sync/errgroup"

	"github.com/anvilpeering/anvil/bundle"
	"github.com/anvilpeering/anvil/gitstore"
	"github.com/anvilpeering/anvil/library"
)

// ExportOptions say how a selection becomes a bundle.
type ExportOptions struct {
	Signer    ssh.Signer
	To        []bundle.Recipient // encrypted for them; plain without any
	Created   time.Time          // zero is now
	Generator bundle.Generator
	// TempDir is where the plain bundle lies while it is encrypted, in a file that
	// only its owner can read; the system's folder when empty.
	TempDir string
	// Progress is told how many files of how many are done; it may be nil.
	Progress func(done, of int)
}

// Exported says what was written.
type Exported struct {
	ID       string // of the bundle: the SHA-256 of its manifest
	Manifest *bundle.Manifest
	Bytes    int64 // written
}

// inMemory bounds what is kept of the files between hashing and writing them.
const inMemory = 32 << 20

// Export writes the selection as it is at rev, the revision it was selected from.
// Unless the error is nil, what was written is no bundle.
func Export(ctx context.Context, w io.Writer, lib *library.Library, rev gitstore.Hash, s *Selection, o ExportOptions) (*Exported, error) {
	blobs, err := lib.Blobs(rev)
	if err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	resources, err := s.resources().Encode()
	if err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	x := &export{ctx: ctx, lib: lib, blobs: blobs, kept: map[string][]byte{resourcesFile: resources}, options: o, of: 2 * len(s.Items)}
	sums, total, err := x.hash(s, resources)
	if err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	b, err := o.sign(s, rev, sums, total)
	if err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	out := &counter{w: w}
	if len(o.To) == 0 {
		err = bundle.WriteFiles(out, b, x.file)
	} else {
		err = x.encrypted(out, b)
	}
	if err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	return &Exported{ID: b.ID(), Manifest: b.Manifest, Bytes: out.n}, nil
}

const resourcesFile = "resources.json"

// sign makes the signed manifest of a selection.
func (o *ExportOptions) sign(s *Selection, rev gitstore.Hash, sums bundle.Sums, total int64) (*bundle.Bundle, error) {
	if o.Signer == nil {
		return nil, errors.New("there is no key to sign with")
	}
	created := o.Created
	if created.IsZero() {
		created = time.Now()
	}
	m := &bundle.Manifest{
		Type: bundle.TypeSelection, Organisation: s.Organisation, Scope: s.Scope, Revision: rev.String(),
		Created: created.UTC().Truncate(time.Second), Content: sums.Summary(total), Generator: o.Generator,
	}
	for _, r := range o.To {
		m.Recipients = append(m.Recipients, r.ID())
	}
	raw, err := m.Encode()
	if err != nil {
		return nil, err
	}
	signature, err := bundle.Sign(raw, bundle.ManifestNamespace, o.Signer)
	if err != nil {
		return nil, err
	}
	return &bundle.Bundle{Manifest: m, Raw: raw, Signature: signature, Sums: sums}, nil
}

// export reads the files of a selection, twice where they do not fit in memory.
type export struct {
	ctx     context.Context
	lib     *library.Library
	blobs   map[string]gitstore.Hash
	options ExportOptions

	mu       sync.Mutex
	kept     map[string][]byte // by the path in the archive
	keptSize int
	done, of int
}

// read returns a file of the content from the repository.
func (x *export) read(path string) ([]byte, error) {
	if err := x.ctx.Err(); err != nil {
		return nil, err
	}
	blob, ok := x.blobs[strings.TrimPrefix(path, contentFolder)]
	if !ok {
		return nil, fmt.Errorf("%s is not in the revision", path)
	}
	return x.lib.Read(blob)
}

// hash makes the sums of all files, and keeps of them what there is room for.
func (x *export) hash(s *Selection, resources []byte) (bundle.Sums, int64, error) {
	total := int64(len(resources))
	files := map[string][sha256.Size]byte{resourcesFile: sha256.Sum256(resources)}
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for _, item := range s.Items {
		group.Go(func() error {
			path := contentFolder + item.Path
			data, err := x.read(path)
			if err != nil {
				return err
			}
			sum := sha256.Sum256(data)
			x.mu.Lock()
			defer x.mu.Unlock()
			files[path] = sum
			total += int64(len(data))
			if x.keptSize += len(data); x.keptSize <= inMemory {
				x.kept[path] = data
			}
			x.step()
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return bundle.Sums{}, 0, err
	}
	return bundle.NewSums(files), total, nil
}

// file returns a file to be written.
func (x *export) file(path string) ([]byte, error) {
	x.mu.Lock()
	data, ok := x.kept[path]
	if path != resourcesFile {
		x.step()
	}
	x.mu.Unlock()
	if ok {
		return data, x.ctx.Err()
	}
	return x.read(path)
}

// step is called with the lock held, so that progress never goes back.
func (x *export) step() {
	x.done++
	if x.options.Progress != nil {
		x.options.Progress(x.done, x.of)
	}
}

// encrypted writes the bundle into a file of its own, and its envelope to w.
func (x *export) encrypted(w io.Writer, b *bundle.Bundle) (err error) {
	plain, err := os.CreateTemp(x.options.TempDir, ".anvil-export-*") // with mode 0600
	if err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	defer func() { err = errors.Join(err, plain.Close(), os.Remove(plain.Name())) }()
	if err := bundle.WriteFiles(plain, b, x.file); err != nil {
		return err
	}
	size, err := plain.Seek(0, io.SeekCurrent)
	if err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	return bundle.Encrypt(w, plain, size, x.options.To, x.options.Signer)
}

// counter counts what is written.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}
