package client

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// errForeign is something in the folder that no client puts there: a link, a
// pipe, a device.
var errForeign = errors.New("neither a file nor a folder of the cache")

// folder is a folder on disk, of which every name is taken relative to it. Others
// may write there, so nothing that lies in it leads out of it, nothing is followed
// that is a link, and nothing is read but ordinary files. It is opened anew for
// each use: somebody may have removed it since.
type folder struct{ root string }

// in calls do with the folder open, after it has made sure that what the folders
// of path are called, they are.
func (f folder) in(path string, do func(*os.Root) error) error {
	root, err := os.OpenRoot(f.root)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := onlyFolders(root, filepath.Dir(path)); err != nil {
		return err
	}
	return do(root)
}

// onlyFolders checks that path and what is above it are folders, no links to some.
func onlyFolders(root *os.Root, path string) error {
	if path == "." {
		return nil
	}
	if err := onlyFolders(root, filepath.Dir(path)); err != nil {
		return err
	}
	st, err := root.Lstat(path)
	if err == nil && !st.IsDir() {
		err = &fs.PathError{Op: "open", Path: filepath.Join(root.Name(), path), Err: errForeign}
	}
	return err
}

// open opens an ordinary file, without waiting for whoever is at the other end of
// one that is a pipe.
func (f folder) open(path string, flag int) (file *os.File, err error) {
	foreign := &fs.PathError{Op: "open", Path: filepath.Join(f.root, path), Err: errForeign}
	err = f.in(path, func(root *os.Root) error {
		if st, err := root.Lstat(path); err == nil && !st.Mode().IsRegular() {
			return foreign
		}
		if file, err = root.OpenFile(path, flag|doNotWait, 0o600); err != nil {
			return err
		}
		// It may have become something else since.
		opened, err := file.Stat()
		if err == nil {
			var named fs.FileInfo
			if named, err = root.Lstat(path); err == nil && !(opened.Mode().IsRegular() && os.SameFile(named, opened)) {
				err = foreign
			}
		}
		if err != nil {
			_ = file.Close()
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return file, nil
}

// readFile reads an ordinary file of at most so many bytes.
func (f folder) readFile(path string, most int64) ([]byte, error) {
	file, err := f.open(path, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	st, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if st.Size() > most {
		return nil, fmt.Errorf("%s: %d bytes are too many", file.Name(), st.Size())
	}
	raw := make([]byte, st.Size())
	n, err := io.ReadFull(file, raw)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	return raw[:n], nil
}

// list lists a folder. One that is not there is empty.
func (f folder) list(path string) (entries []fs.DirEntry, err error) {
	err = f.in(filepath.Join(path, "*"), func(root *os.Root) error {
		entries, err = fs.ReadDir(root.FS(), filepath.ToSlash(path))
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return entries, err
}

// stat describes what has a name, a link itself.
func (f folder) stat(path string) (st fs.FileInfo, err error) {
	err = f.in(path, func(root *os.Root) error {
		st, err = root.Lstat(path)
		return err
	})
	return st, err
}

// make makes the folder itself, then the one below it.
func (f folder) make(path string) error {
	if err := makeFolder(f.root); err != nil {
		return err
	}
	return f.in("", func(root *os.Root) error { return makeBelow(root, path) })
}

func makeBelow(root *os.Root, path string) error {
	if path == "." {
		return nil
	}
	parent := filepath.Dir(path)
	if err := makeBelow(root, parent); err != nil {
		return err
	}
	err := root.Mkdir(path, 0o700)
	if errors.Is(err, fs.ErrExist) {
		return onlyFolders(root, path)
	}
	if err != nil {
		return err
	}
	return syncFolder(root, parent)
}

// makeFolder makes a folder and its parents so that they survive a crash. Links
// on the way to it are the user's.
func makeFolder(path string) error {
	if st, err := os.Stat(path); err == nil {
		if !st.IsDir() {
			return &fs.PathError{Op: "mkdir", Path: path, Err: errors.New("not a folder")}
		}
		return nil
	}
	parent := filepath.Dir(path)
	if parent != path {
		if err := makeFolder(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	root, err := os.OpenRoot(parent)
	if err != nil {
		return err
	}
	defer root.Close()
	return syncFolder(root, ".")
}

// writeDurably writes a new file and makes its content, not yet its name, durable.
func writeDurably(root *os.Root, path string, data []byte) error {
	f, err := root.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", f.Name(), err)
	}
	return nil
}
