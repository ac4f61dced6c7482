package gitstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const ownPacked = "packed.pending"

// unpackRef takes a ref out of packed-refs, if it is there.
func (r *Repo) unpackRef(ref string) error {
	list, err := r.packed.read(r.commonDir)
	if err != nil {
		return err
	}
	if _, ok := list.find(ref); !ok {
		return nil
	}
	path := filepath.Join(r.commonDir, "packed-refs")
	if err := r.disk.write(r.own(ownPacked), nil, 0o666, false); err != nil {
		return err
	}
	defer func() { _ = r.disk.remove(r.own(ownPacked)) }()
	l, err := r.disk.take(context.Background(), r.own(ownPacked), path, refWait)
	if err != nil {
		return err
	}
	defer l.release()
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read packed-refs: %w", err)
	}
	if err := l.rewrite(withoutRef(raw, ref)); err != nil {
		return fmt.Errorf("write packed-refs: %w", err)
	}
	if err := l.commit(); err != nil {
		return fmt.Errorf("write packed-refs: %w", err)
	}
	return r.disk.syncDir(r.commonDir)
}

// withoutRef drops the line of a ref and the line after it that says what its tag peels to.
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
