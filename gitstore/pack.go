package gitstore

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"sort"
	"strings"
	"sync"

	"github.com/go-git/go-git/v5/plumbing/format/packfile"
)

// pack is one packfile and its index (version 2), open for reading by position.
type pack struct {
	path  string // without .pack
	file  *os.File
	index io.ReaderAt
	raw   []byte       // of the index, when it is in memory
	close func() error // of the index, when it is read from its file
	count int
	fan   [256]uint32
	bases *lru[packPlace, object]
}

type packPlace struct {
	pack   *pack
	offset int64
}

// object is the content of a git object; it is shared and must not be modified.
type object struct {
	kind kind
	data []byte
}

const (
	packHeader      = 8 + 256*4 // of an index: magic, version, fan-out
	indexInMemory   = 16 << 20  // larger pack indexes are read from their file as needed
	objectSizeLimit = 1 << 30
)

var errPack = errors.New("damaged pack")

// openPack opens the pack at path, which is given without its ending.
func openPack(path string, bases *lru[packPlace, object]) (_ *pack, err error) {
	p := &pack{path: path, bases: bases, close: func() error { return nil }}
	defer func() {
		if err != nil {
			p.Close()
		}
	}()
	index, err := os.Open(path + ".idx")
	if err != nil {
		return nil, fmt.Errorf("open pack index: %w", err)
	}
	p.close = index.Close
	p.index = index
	info, err := index.Stat()
	if err != nil {
		return nil, fmt.Errorf("open pack index: %w", err)
	}
	if info.Size() <= indexInMemory {
		raw := make([]byte, info.Size())
		if _, err := io.ReadFull(index, raw); err != nil {
			return nil, fmt.Errorf("read pack index: %w", err)
		}
		p.index, p.raw = bytes.NewReader(raw), raw
		p.close = func() error { return nil }
		index.Close()
	}
	var header [packHeader]byte
	if _, err := p.index.ReadAt(header[:], 0); err != nil {
		return nil, fmt.Errorf("read pack index %s: %w", path, err)
	}
	if string(header[:8]) != "\377tOc\x00\x00\x00\x02" {
		return nil, unsupported("rewrite the packs with: git repack -ad", "pack index %s is not of version 2", path)
	}
	last := uint32(0)
	for i := range p.fan {
		p.fan[i] = binary.BigEndian.Uint32(header[8+4*i:])
		if p.fan[i] < last {
			return nil, fmt.Errorf("read pack index %s: %w", path, errPack)
		}
		last = p.fan[i]
	}
	p.count = int(last)
	if p.file, err = os.Open(path + ".pack"); err != nil {
		return nil, fmt.Errorf("open pack: %w", err)
	}
	return p, nil
}

func (p *pack) Close() {
	_ = p.close()
	if p.file != nil {
		_ = p.file.Close()
	}
}

// search returns the position of the first hash of the index that is not below
// the given prefix of one.
func (p *pack) search(prefix []byte) (int, error) {
	low, high := 0, int(p.fan[prefix[0]])
	if prefix[0] > 0 {
		low = int(p.fan[prefix[0]-1])
	}
	var err error
	n := sort.Search(high-low, func(i int) bool {
		h, e := p.hashAt(low + i)
		if e != nil {
			err = e
		}
		return bytes.Compare(h[:min(len(prefix), len(h))], prefix) >= 0
	})
	return low + n, err
}

func (p *pack) hashAt(i int) (Hash, error) {
	var h Hash
	if from := packHeader + i*len(h); from+len(h) <= len(p.raw) {
		return Hash(p.raw[from:]), nil
	}
	_, err := p.index.ReadAt(h[:], packHeader+int64(i)*20)
	return h, err
}

// find returns where in the pack an object begins.
func (p *pack) find(h Hash) (int64, bool, error) {
	i, err := p.search(h[:])
	if err != nil || i >= p.count {
		return 0, false, err
	}
	if found, err := p.hashAt(i); err != nil || found != h {
		return 0, false, err
	}
	n := int64(p.count)
	var word [8]byte
	if _, err := p.index.ReadAt(word[:4], packHeader+n*24+int64(i)*4); err != nil {
		return 0, false, err
	}
	offset := binary.BigEndian.Uint32(word[:4])
	if offset&(1<<31) == 0 {
		return int64(offset), true, nil
	}
	if _, err := p.index.ReadAt(word[:], packHeader+n*28+int64(offset&^(1<<31))*8); err != nil {
		return 0, false, err
	}
	return int64(binary.BigEndian.Uint64(word[:])), true, nil
}

// withPrefix calls found for every object whose hash begins with the
// hexadecimal digits of prefix.
func (p *pack) withPrefix(digits string, found func(Hash)) error {
	low, err := ParseHash(digits + strings.Repeat("0", 40-len(digits)))
	if err != nil {
		return err
	}
	i, err := p.search(low[:])
	for ; err == nil && i < p.count; i++ {
		var h Hash
		if h, err = p.hashAt(i); err == nil {
			if !strings.HasPrefix(h.String(), digits) {
				return nil
			}
			found(h)
		}
	}
	return err
}

// read returns the object that begins at offset, its deltas applied.
func (p *pack) read(offset int64) (object, error) {
	type delta struct {
		offset int64
		data   []byte
	}
	var deltas []delta
	var base object
	for at := offset; ; {
		if cached, ok := p.bases.get(packPlace{p, at}); ok {
			base = cached
			break
		}
		e, err := p.entry(at)
		if err != nil {
			return object{}, fmt.Errorf("read pack %s at %d: %w", p.path, at, err)
		}
		if e.base == 0 {
			base = object{e.kind, e.data}
			if len(deltas) > 0 {
				p.bases.put(packPlace{p, at}, base, len(base.data)+100)
			}
			break
		}
		if len(deltas) > 10000 || e.base >= at && e.near {
			return object{}, fmt.Errorf("read pack %s at %d: %w", p.path, at, errPack)
		}
		deltas = append(deltas, delta{at, e.data})
		at = e.base
	}
	for i := len(deltas) - 1; i >= 0; i-- {
		data, err := packfile.PatchDelta(base.data, deltas[i].data)
		if err != nil {
			return object{}, fmt.Errorf("read pack %s at %d: %w", p.path, deltas[i].offset, err)
		}
		base = object{base.kind, data}
		if i > 0 {
			p.bases.put(packPlace{p, deltas[i].offset}, base, len(data)+100)
		}
	}
	return base, nil
}

// packEntry is one entry of a pack: an object, or a delta upon the object at
// base.
type packEntry struct {
	kind kind
	data []byte
	base int64
	near bool // base is given as a distance, and so lies before
}

var packReaders = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 4096) }}

func (p *pack) entry(offset int64) (packEntry, error) {
	r := packReaders.Get().(*bufio.Reader)
	defer packReaders.Put(r)
	r.Reset(io.NewSectionReader(p.file, offset, 1<<62))
	c, err := r.ReadByte()
	if err != nil {
		return packEntry{}, err
	}
	number := c >> 4 & 7
	size := int64(c & 15)
	for shift := 4; c&0x80 != 0; shift += 7 {
		if c, err = r.ReadByte(); err != nil || shift > 40 {
			return packEntry{}, errors.Join(errPack, err)
		}
		size |= int64(c&0x7f) << shift
	}
	var e packEntry
	switch number {
	case 1, 2, 3, 4:
		e.kind = kind(number)
	case 6:
		distance := int64(-1)
		for {
			if c, err = r.ReadByte(); err != nil || distance > 1<<48 {
				return packEntry{}, errors.Join(errPack, err)
			}
			distance = (distance+1)<<7 | int64(c&0x7f)
			if c&0x80 == 0 {
				break
			}
		}
		e.base, e.near = offset-distance, true
		if e.base <= 0 || distance == 0 {
			return packEntry{}, errPack
		}
	case 7:
		var h Hash
		if _, err := io.ReadFull(r, h[:]); err != nil {
			return packEntry{}, err
		}
		base, ok, err := p.find(h)
		if err != nil || !ok {
			return packEntry{}, errors.Join(errPack, err)
		}
		e.base = base
	default:
		return packEntry{}, errPack
	}
	e.data, err = inflate(r, size)
	return e, err
}
