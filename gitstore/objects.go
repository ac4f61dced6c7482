package gitstore

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// objects is the object store: loose objects and packs of the repository and of
// its alternates.
type objects struct {
	disk  *disk
	dirs  []string // the repository's own first
	packs atomic.Pointer[[]*pack]
	mu    sync.Mutex // serialises listings
	bases *lru[packPlace, object]
	trees *lru[Hash, []byte]
	heads *lru[Hash, *Commit]
}

const (
	baseCache   = 64 << 20
	treeCache   = 64 << 20
	commitCache = 16 << 20
)

func openObjects(d *disk, commonDir string) (*objects, error) {
	s := &objects{
		disk:  d,
		bases: newLRU[packPlace, object](baseCache),
		trees: newLRU[Hash, []byte](treeCache),
		heads: newLRU[Hash, *Commit](commitCache),
	}
	if err := s.addDir(filepath.Join(commonDir, "objects"), 0); err != nil {
		return nil, err
	}
	return s, s.list()
}

// addDir adds an object folder and the alternates that it names.
func (s *objects) addDir(dir string, depth int) error {
	s.dirs = append(s.dirs, dir)
	if depth > 5 { // git's own limit
		return fmt.Errorf("open %s: alternates are nested too deeply", dir)
	}
	raw, err := os.ReadFile(filepath.Join(dir, "info", "alternates"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read alternates: %w", err)
	}
	for lines := bufio.NewScanner(bytes.NewReader(raw)); lines.Scan(); {
		other := lines.Text()
		if other == "" || other[0] == '#' {
			continue
		}
		if !filepath.IsAbs(other) {
			other = filepath.Join(dir, other)
		}
		if err := s.addDir(other, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// list looks which packs there are. Packs that are gone are forgotten; whoever
// still reads one goes on with the open file, which is closed with the last
// reference to it.
func (s *objects) list() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := map[string]*pack{}
	if old := s.packs.Load(); old != nil {
		for _, p := range *old {
			known[p.path] = p
		}
	}
	var packs []*pack
	for _, dir := range s.dirs {
		entries, err := os.ReadDir(filepath.Join(dir, "pack"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("list packs: %w", err)
		}
		for _, e := range entries {
			name, ok := strings.CutSuffix(e.Name(), ".idx")
			if !ok || strings.HasPrefix(name, "tmp_") {
				continue
			}
			path := filepath.Join(dir, "pack", name)
			p, ok := known[path]
			if ok && !p.sameFile() {
				ok = false
			}
			if !ok {
				p, err = openPack(path, s.bases)
				if errors.Is(err, fs.ErrNotExist) {
					continue // taken away since the listing
				}
				if err != nil {
					return err
				}
			}
			packs = append(packs, p)
		}
	}
	s.packs.Store(&packs)
	return nil
}

// sameFile reports whether the open pack is what its path names: a repack may
// write another pack of the same name.
func (p *pack) sameFile() bool {
	now, err := os.Stat(p.path + ".pack")
	if err != nil {
		return false
	}
	then, err := p.file.Stat()
	return err == nil && os.SameFile(now, then)
}

func (s *objects) close() {
	for _, p := range *s.packs.Load() {
		p.Close()
	}
}

// read returns an object. When it is nowhere, the packs are listed once more: a
// gc may have moved it.
func (s *objects) read(h Hash) (object, error) {
	for attempt := 0; ; attempt++ {
		o, err := s.readOnce(h)
		if err == nil {
			return o, nil
		}
		if attempt == 2 {
			if errors.Is(err, fs.ErrNotExist) {
				err = ErrNotFound
			}
			return object{}, fmt.Errorf("read object %s: %w", h, err)
		}
		if err := s.list(); err != nil {
			return object{}, err
		}
	}
}

func (s *objects) readOnce(h Hash) (object, error) {
	for _, p := range *s.packs.Load() {
		offset, ok, err := p.find(h)
		if err != nil {
			return object{}, err
		}
		if ok {
			return p.read(offset)
		}
	}
	err := error(fs.ErrNotExist)
	for _, dir := range s.dirs {
		var o object
		if o, err = s.readLoose(dir, h); !errors.Is(err, fs.ErrNotExist) {
			return o, err
		}
	}
	return object{}, err
}

func (s *objects) readKind(h Hash, want kind) ([]byte, error) {
	o, err := s.read(h)
	if err != nil {
		return nil, err
	}
	if o.kind != want {
		return nil, fmt.Errorf("read %s %s: it is a %s: %w", want, h, o.kind, ErrNotFound)
	}
	return o.data, nil
}

// doubtful reports whether an object that is there is only a loose one, so that nobody
// knows whether the disk has it.
func (s *objects) doubtful(o newObject) bool {
	if !hasFileMode { // Windows replaces no file that may not be written
		return false
	}
	for _, p := range *s.packs.Load() {
		if _, ok, err := p.find(o.hash); err == nil && ok && p.sameFile() {
			return false
		}
	}
	return true
}

// keep reports whether the object is on disk now, and marks it as fresh so that
// a gc leaves it alone for a while, as git does when it is about to write what
// is there already. It trusts no open pack: its file may be gone. What it found
// of a pack is noted in packs, for the next object of the same batch.
func (s *objects) keep(h Hash, packs map[*pack]bool) bool {
	now := time.Now()
	for _, dir := range s.dirs {
		if os.Chtimes(loosePath(dir, h), now, now) == nil {
			return true
		}
	}
	for _, p := range *s.packs.Load() {
		if _, ok, err := p.find(h); err != nil || !ok {
			continue
		}
		kept, known := packs[p]
		if !known {
			kept = p.sameFile() && os.Chtimes(p.path+".pack", now, now) == nil
			packs[p] = kept
		}
		if kept {
			return true
		}
	}
	return false
}

// abbreviated lists the objects whose hash begins with the digits.
func (s *objects) abbreviated(digits string) ([]Hash, error) {
	if err := s.list(); err != nil {
		return nil, err
	}
	seen := map[Hash]bool{}
	for _, p := range *s.packs.Load() {
		if err := p.withPrefix(digits, func(h Hash) { seen[h] = true }); err != nil {
			return nil, err
		}
	}
	for _, dir := range s.dirs {
		entries, err := os.ReadDir(filepath.Join(dir, digits[:2]))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("list objects: %w", err)
		}
		for _, e := range entries {
			if h, err := ParseHash(digits[:2] + e.Name()); err == nil && strings.HasPrefix(h.String(), digits) {
				seen[h] = true
			}
		}
	}
	found := make([]Hash, 0, len(seen))
	for h := range seen {
		found = append(found, h)
	}
	return found, nil
}
