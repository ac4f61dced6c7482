package main

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/anvilpeering/anvil/gitstore"
	"github.com/anvilpeering/anvil/library"
	"github.com/anvilpeering/anvil/prompt"
)

// organisationFile marks an organisation's root.
const organisationFile = "anvil.yaml"

// findRoot walks up from dir to the folder with an anvil.yaml. Symbolic links
// are resolved, so that one folder has one path.
func findRoot(dir string) (string, error) {
	start, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if start, err = filepath.EvalSymlinks(start); err != nil {
		return "", fmt.Errorf("open folder: %w", err)
	}
	for at := start; ; at = filepath.Dir(at) {
		if found, err := os.Lstat(filepath.Join(at, organisationFile)); err == nil {
			if !found.Mode().IsRegular() {
				return "", fmt.Errorf("%s is no regular file", filepath.Join(at, organisationFile))
			}
			return at, nil
		}
		if filepath.Dir(at) == at {
			return "", fail("`anvil init` makes one here; --dir names another folder",
				"no %s in %s or above it: this is no organisation's folder", organisationFile, start)
		}
	}
}

// place is an organisation's folder with the repository it lies in.
type place struct {
	root         string // absolute, without symbolic links
	organisation string // as anvil.yaml says
	repo         *gitstore.Repo
	lib          *library.Library
}

// openPlace opens the organisation around a.dir. The caller closes it.
func (a *app) openPlace() (*place, error) {
	root, err := findRoot(a.dir)
	if err != nil {
		return nil, err
	}
	organisation, err := organisationName(root)
	if err != nil {
		return nil, err
	}
	repo, err := gitstore.Open(root, gitstore.Options{Logger: a.logger()})
	if errors.Is(err, gitstore.ErrNotRepository) {
		return nil, fail("run: git init "+root, "%s is not in a git repository", root)
	}
	if err != nil {
		return nil, err
	}
	prefix, err := repo.Prefix(root)
	if err != nil {
		return nil, errors.Join(err, repo.Close())
	}
	return &place{
		root:         root,
		organisation: organisation,
		repo:         repo,
		lib:          library.Open(repo, prefix, library.Options{}),
	}, nil
}

func (p *place) Close() error { return p.repo.Close() }

// organisationName reads the name from anvil.yaml alone.
func organisationName(root string) (string, error) {
	content, err := readRegular(filepath.Join(root, organisationFile), prompt.MaxFileSize)
	if err != nil {
		return "", fmt.Errorf("read organisation: %w", err)
	}
	tree := prompt.Parse(func(yield func(string, []byte) bool) { yield(organisationFile, content) }, prompt.Options{})
	if name := tree.Organisation().Name; name != "" {
		return name, nil
	}
	for _, p := range tree.Problems() {
		if p.Level == prompt.Error {
			return "", fail(p.Hint, "%s", p)
		}
	}
	return "", fail("add a line: organisation: NAME", "%s does not name its organisation", filepath.Join(root, organisationFile))
}

// readFolder yields what the checker looks at as it lies in the folder: YAML
// files, misnamed ones too, and what belongs to .anvil. A file that is too large
// is yielded with one byte over the limit, so that the checker reports it without
// this process holding it.
func readFolder(root string, failed *error) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		*failed = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			rel, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			rel = filepath.ToSlash(rel)
			if d.IsDir() {
				hidden := strings.HasPrefix(d.Name(), ".") && rel != "." && rel != ".anvil"
				deep := strings.Count(rel, "/") > 1 && !strings.HasPrefix(rel, ".anvil/")
				if hidden || deep {
					return filepath.SkipDir
				}
				return nil
			}
			if !d.Type().IsRegular() || !prompt.Owns(rel) && !isYAML(rel) {
				return nil
			}
			content, err := readRegular(path, prompt.MaxFileSize+1)
			if err != nil {
				return err
			}
			if !yield(rel, content) {
				return filepath.SkipAll
			}
			return nil
		})
	}
}

func isYAML(path string) bool {
	suffix := strings.ToLower(filepath.Ext(path))
	return suffix == ".yaml" || suffix == ".yml"
}

// parseFolder parses what lies in the folder now, committed or not.
func parseFolder(root string) (*prompt.Tree, error) {
	var failed error
	tree := prompt.Parse(readFolder(root, &failed), prompt.Options{})
	if failed != nil {
		return nil, fmt.Errorf("read folder: %w", failed)
	}
	return tree, nil
}

// folder is what readFolder finds, read at one time.
type folder struct {
	paths   []string
	content map[string][]byte
}

func readAll(root string) (*folder, error) {
	f := &folder{content: map[string][]byte{}}
	var failed error
	for path, content := range readFolder(root, &failed) {
		f.paths = append(f.paths, path)
		f.content[path] = content
	}
	if failed != nil {
		return nil, fmt.Errorf("read folder: %w", failed)
	}
	slices.Sort(f.paths)
	return f, nil
}

func (f *folder) files() func(yield func(string, []byte) bool) {
	return func(yield func(string, []byte) bool) {
		for _, path := range f.paths {
			if !yield(path, f.content[path]) {
				return
			}
		}
	}
}
