package daemon

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/anvilpeering/anvil/prompt"
)

// walked is what a walk of the organisation's folder found.
type walked struct {
	files   map[string]fs.FileInfo // own files (and what else bears their names), by path
	folders []string               // to be watched, the root ("") first
	closed  []string               // folders that could not be read: what lies in them is not missing
}

// walk looks at every folder that can hold one of the organisation's own
// files. Links to folders are not followed.
func walk(root string) (*walked, error) {
	w := &walked{files: make(map[string]fs.FileInfo)}
	if err := w.folder(root, ""); err != nil {
		return nil, err
	}
	return w, nil
}

func (w *walked) folder(root, folder string) error {
	entries, err := os.ReadDir(filepath.Join(root, filepath.FromSlash(folder)))
	if err != nil {
		if folder == "" {
			return err
		}
		if !errors.Is(err, fs.ErrNotExist) && !isNotFolder(err) {
			w.closed = append(w.closed, folder)
		}
		return nil
	}
	w.folders = append(w.folders, folder)
	for _, e := range entries {
		path := e.Name()
		if folder != "" {
			path = folder + "/" + path
		}
		switch {
		case e.IsDir() && ownFolder(path):
			if err := w.folder(root, path); err != nil {
				return err
			}
		case own(path):
			info, err := e.Info()
			if err != nil {
				continue // gone since; capture will see
			}
			w.files[path] = info
		}
	}
	return nil
}

// holdsAny reports whether any own file lies in root.
func holdsAny(root string) bool {
	w, err := walk(root)
	return err == nil && len(w.files) > 0
}

// covers reports whether the walk can say of path that it is missing.
func (w *walked) covers(path string) bool {
	for _, folder := range w.closed {
		if strings.HasPrefix(path, folder+"/") {
			return false
		}
	}
	return true
}

// ownFolder reports whether own files may lie in the folder at path: a project,
// a set, or a folder in .anvil.
func ownFolder(path string) bool {
	switch strings.Count(path, "/") {
	case 0:
		return prompt.Owns(path+"/project.yaml") || prompt.Owns(path+"/any")
	case 1:
		return prompt.Owns(path+"/set.yaml") || prompt.Owns(path+"/any")
	}
	return prompt.Owns(path + "/any")
}

// project is the project that the file at path belongs to; empty for the
// organisation's own.
func project(path string) string {
	first, _, ok := strings.Cut(path, "/")
	if !ok || strings.HasPrefix(first, ".") {
		return ""
	}
	return first
}

// isPrompt reports whether an own file is a prompt or a partial.
func isPrompt(path string) bool {
	return strings.Count(path, "/") == 2 && project(path) != "" && !strings.HasSuffix(path, "/set.yaml")
}
