package gitstore

import (
	"bytes"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// The index, as gitformat-index(5) describes it, is kept as the bytes of its
// file: entries are visited in one pass, and a patch copies what does not
// change.

var errIndex = errors.New("damaged index")

const (
	indexHeader = 12
	entryFixed  = 62 // stat, mode, hash and flags of an entry, before extended flags and path

	flagUnchanged   = 1 << 15 // git update-index --assume-unchanged
	flagExtended    = 1 << 14
	flagStage       = 3 << 12
	flagNameMask    = 0xfff
	flagIntentToAdd = 1 << 13 // of the extended flags
	flagSkip        = 1 << 14 // of the extended flags: sparse-checkout, --skip-worktree
)

// index is the content of an index file; nil bytes are the empty index of a new
// repository.
type index struct {
	raw     []byte
	version uint32
	count   uint32
	known   layout
}

// indexEntry is one entry; fixed and path point into the index or, of version
// 4, into the cursor.
type indexEntry struct {
	fixed    []byte // entryFixed bytes, then two of extended flags if there are any
	path     []byte
	pos, end int // of its bytes in the index
}

func (e indexEntry) flags() uint16 { return binary.BigEndian.Uint16(e.fixed[60:]) }
func (e indexEntry) stage() int    { return int(e.flags()&flagStage) >> 12 }
func (e indexEntry) mode() Mode    { return Mode(binary.BigEndian.Uint32(e.fixed[24:])) }

func (e indexEntry) hash() Hash { return Hash(e.fixed[40:60]) }

func (e indexEntry) intentToAdd() bool {
	return len(e.fixed) > entryFixed && binary.BigEndian.Uint16(e.fixed[62:])&flagIntentToAdd != 0
}

// local reports whether the user told git to leave the file of the entry alone.
func (e indexEntry) local() bool {
	return e.flags()&flagUnchanged != 0 || len(e.fixed) > entryFixed && binary.BigEndian.Uint16(e.fixed[62:])&flagSkip != 0
}

// parseIndex checks the frame of an index: signature, version, checksum.
func parseIndex(raw []byte) (*index, error) {
	if len(raw) == 0 {
		return &index{version: 2}, nil
	}
	if len(raw) < indexHeader+sha1.Size || string(raw[:4]) != "DIRC" {
		return nil, errIndex
	}
	x := &index{raw: raw, version: binary.BigEndian.Uint32(raw[4:]), count: binary.BigEndian.Uint32(raw[8:])}
	if x.version < 2 || x.version > 4 {
		return nil, unsupported("use a git that writes index version 4 or older", "index version %d", x.version)
	}
	if int64(x.count)*(entryFixed+2) > int64(len(raw)) {
		return nil, errIndex
	}
	if !x.unsummed() && sha1.Sum(x.body()) != [sha1.Size]byte(raw[len(raw)-sha1.Size:]) {
		return nil, fmt.Errorf("%w: checksum", errIndex)
	}
	return x, nil
}

// body is all but the checksum.
func (x *index) body() []byte { return x.raw[:len(x.raw)-sha1.Size] }

// unsummed reports whether the index was written with index.skipHash: zeros
// instead of a checksum.
func (x *index) unsummed() bool {
	return len(x.raw) > 0 && bytes.Equal(x.raw[len(x.raw)-sha1.Size:], make([]byte, sha1.Size))
}

// cursor goes through the entries of an index.
type cursor struct {
	index *index
	pos   int
	left  uint32
	name  []byte // of version 4: the path before
}

func (x *index) cursor() *cursor { return &cursor{index: x, pos: indexHeader, left: x.count} }

// next returns the next entry, false at the end; pos is then where the
// extensions begin.
func (c *cursor) next() (e indexEntry, ok bool, err error) {
	if c.left == 0 {
		return indexEntry{}, false, nil
	}
	c.left--
	body := c.index.body()
	rest := body[c.pos:]
	if len(rest) < entryFixed {
		return e, false, errIndex
	}
	fixed := entryFixed
	flags := binary.BigEndian.Uint16(rest[60:])
	if flags&flagExtended != 0 {
		fixed += 2
		if c.index.version < 3 || len(rest) < fixed {
			return e, false, errIndex
		}
	}
	e.fixed, e.pos = rest[:fixed:fixed], c.pos
	size := 0
	if c.index.version == 4 {
		size, err = c.compressed(rest[fixed:])
		if err != nil {
			return e, false, err
		}
		size += fixed
		e.path = c.name
	} else {
		nul := bytes.IndexByte(rest[fixed:], 0)
		if nul < 0 || min(nul, flagNameMask) != int(flags&flagNameMask) {
			return e, false, errIndex
		}
		e.path = rest[fixed : fixed+nul]
		size = (fixed + nul + 8) &^ 7
	}
	if len(e.path) == 0 || size > len(rest) {
		return e, false, errIndex
	}
	c.pos += size
	e.end = c.pos
	return e, true, nil
}

// compressed reads a path of version 4: how many bytes to take off the path
// before, and what to put there. It sets c.name anew, so that earlier paths
// stay.
func (c *cursor) compressed(rest []byte) (size int, err error) {
	strip, n := offsetVarint(rest)
	if n == 0 || strip > len(c.name) {
		return 0, errIndex
	}
	nul := bytes.IndexByte(rest[n:], 0)
	if nul < 0 {
		return 0, errIndex
	}
	name := make([]byte, 0, len(c.name)-strip+nul)
	name = append(name, c.name[:len(c.name)-strip]...)
	c.name = append(name, rest[n:n+nul]...)
	return n + nul + 1, nil
}

// offsetVarint reads a number in the encoding that packs use for distances; n
// is 0 when it does not end.
func offsetVarint(raw []byte) (value, n int) {
	for n < len(raw) && n < 5 {
		c := raw[n]
		value = value<<7 | int(c&0x7f)
		n++
		if c&0x80 == 0 {
			return value, n
		}
		value++
	}
	return 0, 0
}

func appendOffsetVarint(out []byte, value int) []byte {
	var digits [10]byte
	at := len(digits) - 1
	digits[at] = byte(value & 0x7f)
	for value >>= 7; value > 0; value >>= 7 {
		value--
		at--
		digits[at] = 0x80 | byte(value&0x7f)
	}
	return append(out, digits[at:]...)
}

// extension is one of the sections after the entries.
type extension struct {
	name string
	data []byte
	at   int // of data in the index
}

func (x *index) extensions(pos int) ([]extension, error) {
	var list []extension
	if len(x.raw) == 0 {
		return nil, nil
	}
	body := x.body()
	for rest := body[pos:]; len(rest) > 0; {
		if len(rest) < 8 {
			return nil, errIndex
		}
		size := binary.BigEndian.Uint32(rest[4:])
		if int64(size) > int64(len(rest)-8) {
			return nil, errIndex
		}
		e := extension{name: string(rest[:4]), data: rest[8 : 8+size], at: len(body) - len(rest) + 8}
		switch {
		case e.name == "link":
			return nil, unsupported("join it with: git update-index --no-split-index", "the index is split")
		case e.name == "sdir":
			return nil, unsupported("turn it off with: git sparse-checkout reapply --no-sparse-index", "the index is sparse")
		case e.name[0] < 'A' || e.name[0] > 'Z':
			return nil, unsupported("use an older git", "the index has an extension %q that is not known here", e.name)
		}
		list = append(list, e)
		rest = rest[8+size:]
	}
	return list, nil
}

// indexCache keeps the bytes of the index as they were last read or written
// here, with the stat that tells whether they are still the file's. spare are
// the bytes of the one before, to write the next one into: an index of 10 MB
// made anew for each commit would keep the garbage collector busy.
type indexCache struct {
	used  sync.RWMutex // by whoever looks into an index; held to take its bytes away
	mu    sync.Mutex
	info  fs.FileInfo
	index *index
	spare []byte
}

// viewIndex calls f with the index as it is now. Nothing of it may be kept.
func (r *Repo) viewIndex(f func(*index) error) error {
	r.indexes.used.RLock()
	defer r.indexes.used.RUnlock()
	x, _, err := r.readIndex()
	if err != nil {
		return err
	}
	return f(x)
}

// takeSpare returns bytes to write over, nil when there are none.
func (c *indexCache) takeSpare() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	spare := c.spare
	c.spare = nil
	return spare
}

func (r *Repo) indexPath() string { return filepath.Join(r.gitDir, "index") }

// readIndex returns the index of the work tree as it is now, and its stat, nil
// when there is none yet.
func (r *Repo) readIndex() (*index, fs.FileInfo, error) {
	c := &r.indexes
	c.mu.Lock()
	defer c.mu.Unlock()
	for attempt := 0; ; attempt++ {
		info, err := os.Stat(r.indexPath())
		if errors.Is(err, fs.ErrNotExist) {
			return &index{version: 2}, nil, nil
		}
		if err != nil {
			return nil, nil, fmt.Errorf("read index: %w", err)
		}
		if c.index != nil && sameStat(c.info, info) {
			return c.index, info, nil
		}
		raw, err := r.disk.read(r.indexPath())
		if err != nil {
			return nil, nil, fmt.Errorf("read index: %w", err)
		}
		if again, err := os.Stat(r.indexPath()); (err != nil || !sameStat(info, again)) && attempt < 100 {
			continue // replaced between the two
		}
		x, err := parseIndex(raw)
		if err == nil && len(raw) == 0 {
			err = errIndex // git writes none that is empty, and takes none
		}
		if errors.Is(err, errIndex) {
			err = &hinted{err, "git cannot read it either; make it anew, the files stay as they are: rm " + r.indexPath() + " && git reset"}
		}
		if err != nil {
			return nil, nil, fmt.Errorf("read index: %w", err)
		}
		c.info, c.index = info, x
		return x, info, nil
	}
}

// keepIndex remembers an index that was written here, if it still is the file
// that it was written to.
func (r *Repo) keepIndex(x *index, written fs.FileInfo) {
	info, err := os.Stat(r.indexPath())
	kept := err == nil && os.SameFile(info, written) && info.ModTime().Equal(written.ModTime()) && info.Size() == int64(len(x.raw))
	unused := r.indexes.used.TryLock()
	if unused {
		defer r.indexes.used.Unlock()
	}
	r.indexes.mu.Lock()
	defer r.indexes.mu.Unlock()
	if unused && r.indexes.index != nil {
		r.indexes.spare = r.indexes.index.raw
	}
	r.indexes.info, r.indexes.index = nil, nil
	if kept {
		r.indexes.info, r.indexes.index = info, x
	}
}

// framed is parseIndex without the checksum, for bytes that were summed here.
func framed(raw []byte) (*index, error) {
	if len(raw) < indexHeader+sha1.Size {
		return nil, errIndex
	}
	return &index{raw: raw, version: binary.BigEndian.Uint32(raw[4:]), count: binary.BigEndian.Uint32(raw[8:])}, nil
}

// sameStat reports whether two stats are of a file that nobody has replaced or
// written to in between.
func sameStat(a, b fs.FileInfo) bool {
	return a != nil && b != nil && os.SameFile(a, b) && a.Size() == b.Size() &&
		a.ModTime().Equal(b.ModTime()) && statOf(a).ctime == statOf(b).ctime
}

// checkIndex refuses an index that could not be patched.
func (r *Repo) checkIndex() error {
	return r.viewIndex(func(x *index) error {
		l := x.layout()
		if l.err != nil {
			return fmt.Errorf("read index: %w", l.err)
		}
		_, err := x.extensions(l.end)
		return err
	})
}

// IndexBlobs returns the blobs of the index below a folder by path: what the
// user has staged or last checked out. Paths in conflict and paths that are
// only intended to be added are left out. local are those whose files git was
// told to leave alone, so that whatever lies there, or does not, counts as
// unchanged: outside of a sparse checkout, --skip-worktree or --assume-unchanged.
// Both are empty for a bare repository.
func (r *Repo) IndexBlobs(prefix string) (blobs map[string]Hash, local map[string]bool, err error) {
	blobs, local = map[string]Hash{}, map[string]bool{}
	if r.root == "" {
		return blobs, local, nil
	}
	below := slashed(prefix)
	err = r.viewIndex(func(x *index) error {
		for c := x.cursor(); ; {
			e, ok, err := c.next()
			if err != nil {
				return fmt.Errorf("read index: %w", err)
			}
			if !ok {
				return nil
			}
			if e.stage() == 0 && !e.intentToAdd() && e.mode() != ModeGitlink && strings.HasPrefix(string(e.path), below) {
				blobs[string(e.path)] = e.hash()
				if e.local() {
					local[string(e.path)] = true
				}
			}
		}
	})
	if err != nil {
		return nil, nil, err
	}
	return blobs, local, nil
}

// unmerged reports whether the index holds paths in conflict.
func (r *Repo) unmerged() (conflicts bool, err error) {
	err = r.viewIndex(func(x *index) error {
		if err := x.layout().err; err != nil {
			return fmt.Errorf("read index: %w", err)
		}
		conflicts = x.layout().unmerged
		return nil
	})
	return conflicts, err
}
