package daemon

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/anvilpeering/anvil/prompt"
)

// walked is what a walk of the organisation's folder found.
type walked struct {
	files   map[string]fs.FileInfo // own files (and what else bears their names) and strays, by path
	folders []string               // to be watched, the root ("") first
	closed  []string               // folders that could not be read: what lies in them is not missing

	known func(project string) bool
}

// walk looks at every folder that can hold one of the organisation's own
// files, or a stray. Links to folders are not followed.
// In a code repository most folders are no projects: they are watched, since a
// project.yaml may come, but not entered, unless known says that the tip has a
// project of that name.
func walk(root string, known func(project string) bool) (*walked, error) {
	w := &walked{files: make(map[string]fs.FileInfo), known: known}
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
	if folder != "" && folder == project(folder+"/") && !w.known(folder) &&
		!slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == "project.yaml" }) {
		return nil
	}
	for _, e := range entries {
		path := e.Name()
		if folder != "" {
			path = folder + "/" + path
		}
		switch {
		case e.IsDir() && watchedFolder(path):
			if err := w.folder(root, path); err != nil {
				return err
			}
		case own(path), stray(path) && e.Type().IsRegular():
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
func holdsAny(root string, known func(string) bool) bool {
	w, err := walk(root, known)
	if err != nil {
		return false
	}
	for path := range w.files {
		if own(path) {
			return true
		}
	}
	return false
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

// watchedFolder reports whether own files or strays may lie in the folder at
// path: a project, a set, whatever their names, or a folder in .anvil.
func watchedFolder(path string) bool {
	return watched(path+"/any.yaml") || prompt.Owns(path+"/any")
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
