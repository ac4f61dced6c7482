package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/anvilpeering/anvil/prompt"
)

// errChanged is what [replaceFile] fails with when somebody else was quicker.
var errChanged = errors.New("changed meanwhile")

// replaceFile puts another content in the place of one that was read, at once
// and with its mode. A file that somebody saved meanwhile is left alone.
func replaceFile(path string, before, after []byte) (err error) {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	next, err := stage(path, info.Mode().Perm(), after)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(next))
		}
	}()
	if now, err := readRegular(path, prompt.MaxFileSize+1); err != nil || !bytes.Equal(now, before) {
		return fail("run it again", "%s: %w", path, errors.Join(errChanged, err))
	}
	return os.Rename(next, path)
}

// stage writes a content beside the file that it is for, under a hidden name
// that is nobody's.
func stage(path string, mode os.FileMode, content []byte) (name string, err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.anvil")
	if err != nil {
		return "", fmt.Errorf("write %s: %w", path, err)
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err != nil {
		return "", errors.Join(fmt.Errorf("write %s: %w", path, err), os.Remove(f.Name()))
	}
	return f.Name(), nil
}
