package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// writeOut writes a file that appears whole or not at all. One that is there is
// overwritten only when that is said.
func writeOut(path string, mode fs.FileMode, overwrite bool, write func(io.Writer) error) (err error) {
	if _, err := os.Lstat(path); err == nil && !overwrite {
		return fail("name another file, or say --force", "%s is there already", path)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".anvil-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close(), os.Remove(f.Name()))
		}
	}()
	if err := write(f); err != nil {
		return err
	}
	if err := errors.Join(f.Chmod(mode), f.Sync()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
