package gitstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"sync"
)

// packedRefs is the file packed-refs as it was last read.
type packedRefs struct {
	mu   sync.Mutex
	info fs.FileInfo
	refs *packedList
}

type packedList struct{ sorted []Ref }

func (p *packedRefs) read(d *disk, commonDir string) (*packedList, error) {
	path := filepath.Join(commonDir, "packed-refs")
	p.mu.Lock()
	defer p.mu.Unlock()
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return &packedList{}, nil
	}
	if err != nil {
		return nil, err
	}
	if p.refs != nil && sameStat(p.info, info) {
		return p.refs, nil
	}
	raw, err := d.read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return &packedList{}, nil
	}
	if err != nil {
		return nil, err
	}
	list, err := parsePackedRefs(raw)
	if err != nil {
		return nil, err
	}
	p.info, p.refs = info, list
	return list, nil
}

func parsePackedRefs(raw []byte) (*packedList, error) {
	var list packedList
	for line := range bytes.Lines(raw) {
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 || line[0] == '#' || line[0] == '^' {
			continue
		}
		if len(line) < 42 || line[40] != ' ' {
			return nil, fmt.Errorf("damaged packed-refs: line %q", line)
		}
		h, err := ParseHash(string(line[:40]))
		if err != nil {
			return nil, fmt.Errorf("damaged packed-refs: %w", err)
		}
		list.sorted = append(list.sorted, Ref{Name: string(line[41:]), Hash: h})
	}
	sort.SliceStable(list.sorted, func(i, j int) bool { return list.sorted[i].Name < list.sorted[j].Name })
	return &list, nil
}

func (l *packedList) find(name string) (Hash, bool) {
	i := sort.Search(len(l.sorted), func(i int) bool { return l.sorted[i].Name >= name })
	if i < len(l.sorted) && l.sorted[i].Name == name {
		return l.sorted[i].Hash, true
	}
	return Hash{}, false
}

func (l *packedList) withPrefix(prefix string) map[string]Hash {
	found := map[string]Hash{}
	for i := sort.Search(len(l.sorted), func(i int) bool { return l.sorted[i].Name >= prefix }); i < len(l.sorted); i++ {
		if !strings.HasPrefix(l.sorted[i].Name, prefix) {
			break
		}
		found[l.sorted[i].Name] = l.sorted[i].Hash
	}
	return found
}

// unpackRef takes a ref out of packed-refs, if it is there. The lock, which may
// come with an error, is the caller's to release.
func (r *Repo) unpackRef(ref string, j journal) (*lock, error) {
	list, err := r.packed.read(&r.disk, r.commonDir)
	if err != nil {
		return nil, err
	}
	if _, ok := list.find(ref); !ok {
		return nil, nil
	}
	path := filepath.Join(r.commonDir, "packed-refs")
	if err := r.disk.write(r.own(ownPacked), j.encode(), 0o666, false); err != nil {
		return nil, err
	}
	l, err := r.disk.take(context.Background(), r.own(ownPacked), path, refWait)
	if err != nil {
		return nil, err
	}
	raw, err := r.disk.read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return l, nil
	}
	if err != nil {
		return l, fmt.Errorf("read packed-refs: %w", err)
	}
	if err := r.disk.rewrite(l.path, withoutRef(raw, ref), true); err != nil {
		return l, fmt.Errorf("write packed-refs: %w", err)
	}
	if err := l.commit(); err != nil {
		return l, fmt.Errorf("write packed-refs: %w", err)
	}
	return l, r.disk.syncDir(r.commonDir)
}

// withoutRef drops the line of a ref and the line after it that says what its
// tag peels to.
func withoutRef(raw []byte, ref string) []byte {
	var out []byte
	dropped := false
	for line := range bytes.Lines(raw) {
		if dropped && line[0] == '^' {
			continue
		}
		name, ok := bytes.CutPrefix(bytes.TrimRight(line, "\r\n"), line[:min(41, len(line))])
		if dropped = ok && line[0] != '#' && string(name) == ref; !dropped {
			out = append(out, line...)
		}
	}
	return out
}
