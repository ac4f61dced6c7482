package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// readRegular reads at most limit bytes of a regular file. A link is refused: what
// it points to is not the organisation's.
func readRegular(path string, limit int64) ([]byte, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, limit))
}

// linkFree refuses a path below root that leads over a symbolic link: a clone can
// bring links to anywhere.
func linkFree(root, path string) error {
	at := root
	for name := range strings.SplitSeq(filepath.ToSlash(path), "/") {
		at = filepath.Join(at, name)
		info, err := os.Lstat(at)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if info.Mode()&fs.ModeSymlink != 0 {
			return fail("nothing was written through it: look where it leads, and remove it", "%s is a symbolic link", at)
		}
	}
	return nil
}

// writeNew writes a file below root that must not be there yet, with its folders.
// No link is followed.
func writeNew(root, path string, content []byte) error {
	if err := linkFree(root, path); err != nil {
		return err
	}
	folder, err := os.OpenRoot(root)
	if err != nil {
		return err
	}
	defer folder.Close()
	if err := folder.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("make folder of %s: %w", path, err)
	}
	f, err := folder.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if os.IsExist(err) {
		return fail("nothing was changed", "%s is there already", filepath.Join(root, path))
	}
	if err != nil {
		return err
	}
	if _, err := f.Write(content); err != nil {
		f.Close()
		return fmt.Errorf("write %s: %w", path, err)
	}
	return f.Close()
}

// writeOver writes a file below root, with its folders, in the place of one that
// may be there. No link is followed, and nobody sees half of it.
func writeOver(root, path string, content []byte) (err error) {
	if err := linkFree(root, path); err != nil {
		return err
	}
	folder, err := os.OpenRoot(root)
	if err != nil {
		return err
	}
	defer folder.Close()
	if err := folder.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("make folder of %s: %w", path, err)
	}
	next := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+"."+rand.Text()+".anvil")
	f, err := folder.OpenFile(next, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = folder.Rename(next, path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", path, err), folder.Remove(next))
	}
	return nil
}

// freePath refuses a path below root that something has, on this or any other
// file system.
func freePath(root, path string) error {
	at := root
	names := strings.Split(path, "/")
	for i, name := range names {
		entries, err := os.ReadDir(at)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		found := slices.IndexFunc(entries, func(e fs.DirEntry) bool { return e.Name() == name })
		if found < 0 {
			found = slices.IndexFunc(entries, func(e fs.DirEntry) bool { return strings.EqualFold(e.Name(), name) })
		}
		if found < 0 {
			return nil
		}
		e := entries[found]
		at = filepath.Join(at, e.Name())
		switch {
		case e.Name() != name:
			return fail("nothing was changed", "%s differs from %s only by case", at, path)
		case i < len(names)-1 && !e.IsDir():
			return fail("nothing was changed", "%s is no folder", at)
		}
	}
	return fail("nothing was changed", "%s is there already", at)
}
