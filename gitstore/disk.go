package gitstore

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// disk is the door to the file system for everything that is written here.
// before, when set, is asked before each operation and may fail it; a write
// that it fails has written half. The tests stop and break commits there.
type disk struct {
	sync    bool // write through
	sharing sharing
	before  func(op, path string) error
}

func (d *disk) ask(op, path string) error {
	if d.before == nil {
		return nil
	}
	return d.before(op, path)
}

// write makes a file, and syncs it when the disk does so and it must last. A
// file of that name is not written to but replaced: it may be a link to one
// that is in use.
func (d *disk) write(path string, data []byte, mode fs.FileMode, last bool) error {
	if err := d.ask("create", path); err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return d.create(path, data, mode, last)
}

// create makes a file that must not exist.
func (d *disk) create(path string, data []byte, mode fs.FileMode, last bool) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	if err := d.fill(f, data, last); err != nil {
		return err
	}
	return d.sharing.adjust(path)
}

// temporary makes a file in dir that has no name of its own yet: as many may read
// it as the umask lets, and nobody may write to it.
func (d *disk) temporary(dir, pattern string, data []byte) (string, error) {
	if err := d.ask("create", dir); err != nil {
		return "", err
	}
	for {
		name := filepath.Join(dir, strings.Replace(pattern, "*", strconv.FormatUint(rand.Uint64(), 36), 1))
		err := d.create(name, data, 0o444, true)
		switch {
		case err == nil:
			return name, nil
		case errors.Is(err, fs.ErrExist):
			continue
		case !errors.Is(err, fs.ErrNotExist):
			_ = d.remove(name)
		}
		return "", err
	}
}

func (d *disk) fill(f *os.File, data []byte, last bool) (err error) {
	defer func() {
		if closeErr := f.Close(); err == nil {
			err = closeErr
		}
	}()
	if err := d.ask("write", f.Name()); err != nil {
		_, _ = f.Write(data[:len(data)/2])
		return err
	}
	if _, err := f.Write(data); err != nil {
		return err
	}
	if !last || !d.sync {
		return nil
	}
	if err := d.ask("sync", f.Name()); err != nil {
		return err
	}
	return f.Sync()
}

func (d *disk) rename(from, to string) error {
	if err := d.ask("rename", to); err != nil {
		return err
	}
	return os.Rename(from, to)
}

func (d *disk) link(from, to string) error {
	if err := d.ask("link", to); err != nil {
		return err
	}
	return os.Link(from, to)
}

func (d *disk) remove(path string) error {
	if err := d.ask("remove", path); err != nil {
		return err
	}
	return os.Remove(path)
}

// mkdir makes a folder and those above it, and reports whether any was missing.
func (d *disk) mkdir(dir string) (made bool, err error) {
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return false, nil
	}
	if err := d.ask("mkdir", dir); err != nil {
		return false, err
	}
	return true, d.mkdirAll(dir)
}

func (d *disk) mkdirAll(dir string) error {
	err := os.Mkdir(dir, 0o777)
	if parent := filepath.Dir(dir); errors.Is(err, fs.ErrNotExist) && parent != dir {
		if err := d.mkdirAll(parent); err != nil {
			return err
		}
		err = os.Mkdir(dir, 0o777)
	}
	if err == nil {
		return d.sharing.adjust(dir)
	}
	if info, statErr := os.Stat(dir); statErr == nil && info.IsDir() {
		return nil // somebody else made it
	}
	return err
}

// syncDir makes the names in a folder last. Windows knows no such thing.
func (d *disk) syncDir(dir string) error {
	if !d.sync || runtime.GOOS == "windows" {
		return nil
	}
	return d.syncPath(dir, os.O_RDONLY)
}

// syncPath writes through what is at path. Windows wants to be able to write a
// file that it syncs; a folder can only be opened to be read.
func (d *disk) syncPath(path string, mode int) error {
	if err := d.ask("sync", path); err != nil {
		return err
	}
	f, err := os.OpenFile(path, mode, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// append adds to the end of a file in one write, and takes back what was
// written of it when that fails. undo takes it back later.
func (d *disk) append(path string, data []byte) (undo func(), err error) {
	if _, err := d.mkdir(filepath.Dir(path)); err != nil {
		return nil, err
	}
	if err := d.ask("create", path); err != nil {
		return nil, err
	}
	made := !exists(path)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o666)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && made {
		err = d.sharing.adjust(path)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	undo = func() {
		if d.ask("truncate", path) == nil {
			_ = os.Truncate(path, info.Size())
		}
	}
	if err := d.fill(f, data, false); err != nil {
		undo()
		return nil, fmt.Errorf("append to %s: %w", path, err)
	}
	return undo, nil
}
