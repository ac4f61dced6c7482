package daemon

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/anvilpeering/anvil/gitstore"
)

// edits is the file that remembers, for each uncommitted file, the blob it was
// edited from. Without it a restart would take an old text for an edit of the
// newest commit. It is written whole, by rename.
type edits struct {
	name  string
	share func(name string) error // gives a new file its permissions
	last  []byte                  // as written
}

type editsFile struct {
	Root  string          `json:"root"`
	Files map[string]edit `json:"files"`
}

// edit is what is remembered of one path.
type edit struct {
	// Base is the committed blob when the file began to differ; zero: none.
	Base gitstore.Hash `json:"base"`
	// Seen are the contents the file had since. When one of them is committed
	// by somebody, the file was edited from that.
	Seen []gitstore.Hash `json:"seen,omitempty"`
	// Moved says that the file was held because its base is not what is
	// committed.
	Moved bool `json:"moved,omitempty"`
}

// load returns what is remembered for root. A file that is damaged or belongs
// to another folder remembers nothing.
func (e *edits) load(root string) (map[string]edit, error) {
	content, err := os.ReadFile(e.name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", e.name, err)
	}
	var f editsFile
	if err := json.Unmarshal(content, &f); err != nil {
		return nil, fmt.Errorf("read %s: %w", e.name, err)
	}
	if f.Root != root {
		return nil, nil
	}
	e.last = content
	return f.Files, nil
}

// save remembers files, unless they are what was saved last.
func (e *edits) save(root string, files map[string]edit) error {
	content, err := json.MarshalIndent(editsFile{Root: root, Files: files}, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", e.name, err)
	}
	if bytes.Equal(content, e.last) || (e.last == nil && len(files) == 0) {
		return nil
	}
	if err := e.write(content); err != nil {
		return fmt.Errorf("write %s: %w", e.name, err)
	}
	e.last = content
	return nil
}

// clear takes away what a write that was killed has left. The caller has the
// repository for itself.
func (e *edits) clear() {
	folder := filepath.Dir(e.name)
	left, err := os.ReadDir(folder)
	if err != nil {
		return // saving says so
	}
	for _, f := range left {
		if strings.HasPrefix(f.Name(), filepath.Base(e.name)+".") {
			_ = os.Remove(filepath.Join(folder, f.Name())) // tried again at the next start
		}
	}
}

func (e *edits) write(content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(e.name), filepath.Base(e.name)+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = e.share(f.Name())
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return os.Rename(f.Name(), e.name)
}
