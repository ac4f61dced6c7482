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

	"golang.org/x/sync/errgroup"
)

// disk is the door to the file system for everything that is written here, and
// for what is read of it before. before, when set, is asked before each
// operation and may fail it; a write that it fails has written half. The tests
// stop and break commits there.
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

func (d *disk) read(path string) ([]byte, error) {
	if err := d.ask("read", path); err != nil {
		return nil, &fs.PathError{Op: "read", Path: path, Err: err}
	}
	return os.ReadFile(path)
}

// unsynced is a file that is written but not yet synced, and the name that it
// gets when it is; "": it has it already.
type unsynced struct {
	file *os.File
	name string
}

// write makes a file in one go, and syncs it when the disk does so and it must
// last.
func (d *disk) write(path string, data []byte, mode fs.FileMode, last bool) error {
	f, err := d.begin(path, data, mode)
	if err != nil {
		return err
	}
	if last {
		return d.settle([]unsynced{{file: f}})
	}
	return f.Close()
}

// begin makes a file that is yet to be settled. A file of that name is not
// written to but replaced: it may be a link to one that is in use.
func (d *disk) begin(path string, data []byte, mode fs.FileMode) (*os.File, error) {
	if err := d.ask("create", path); err != nil {
		return nil, err
	}
	f, err := d.create(path, data, mode)
	if errors.Is(err, fs.ErrExist) {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		f, err = d.create(path, data, mode)
	}
	return f, err
}

// create makes a file that must not exist.
func (d *disk) create(path string, data []byte, mode fs.FileMode) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return nil, err
	}
	if err = d.fill(f, data); err == nil {
		err = d.sharing.adjust(path)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// temporary makes a file in dir that has no name of its own yet: as many may read
// it as the umask lets, and nobody may write to it.
func (d *disk) temporary(dir, pattern string, data []byte) (*os.File, error) {
	if err := d.ask("create", dir); err != nil {
		return nil, err
	}
	for {
		name := filepath.Join(dir, strings.Replace(pattern, "*", strconv.FormatUint(rand.Uint64(), 36), 1))
		f, err := d.create(name, data, 0o444)
		switch {
		case err == nil:
			return f, nil
		case errors.Is(err, fs.ErrExist):
			continue
		case !errors.Is(err, fs.ErrNotExist):
			_ = d.remove(name)
		}
		return nil, err
	}
}

// settle syncs files and then gives them their names, in their order. All are
// written before the first is synced: the file system then brings them to the
// disk together. When it fails, none is left that has not got its name.
func (d *disk) settle(files []unsynced) error {
	err := d.syncAll(files)
	for _, f := range files {
		if closeErr := f.file.Close(); err == nil {
			err = closeErr
		}
	}
	for _, f := range files {
		if f.name == "" {
			continue
		}
		if err == nil {
			err = d.rename(f.file.Name(), f.name)
		}
		if err != nil {
			_ = d.remove(f.file.Name())
		}
	}
	return err
}

func (d *disk) syncAll(files []unsynced) error {
	if !d.sync {
		return nil
	}
	var group errgroup.Group
	group.SetLimit(syncsAtOnce)
	for _, f := range files {
		group.Go(func() error {
			if err := d.ask("sync", f.file.Name()); err != nil {
				return err
			}
			return f.file.Sync()
		})
	}
	return group.Wait()
}

// abandon closes files that will not be settled and removes those that have no
// name of their own.
func (d *disk) abandon(files []unsynced) {
	for _, f := range files {
		_ = f.file.Close()
		if f.name != "" {
			_ = d.remove(f.file.Name())
		}
	}
}

// fill writes all of a file; when it is to fail, half of it.
func (d *disk) fill(f *os.File, data []byte) error {
	if err := d.ask("write", f.Name()); err != nil {
		_, _ = f.Write(data[:len(data)/2])
		return err
	}
	_, err := f.Write(data)
	return err
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
	if err := d.ask("sync", dir); err != nil {
		return err
	}
	f, err := os.Open(dir)
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
	err = d.fill(f, data)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		undo()
		return nil, fmt.Errorf("append to %s: %w", path, err)
	}
	return undo, nil
}
