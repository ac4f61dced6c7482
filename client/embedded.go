package client

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"path"

	"github.com/anvilpeering/anvil/bundle"
)

// embedded is the release in the binary, found but not verified.
type embedded struct {
	manifest *bundle.Manifest // as claimed
	open     func(bundle.Expect) (*bundle.Bundle, error)
}

// findEmbedded finds the one release of a file system: a *.anvil.zip at its root
// or one folder below, as go:embed keeps the folder's name, or an unpacked bundle
// in the same places.
func findEmbedded(fsys fs.FS) (*embedded, error) {
	var archives, folders []string
	for _, depth := range []string{"", "*/"} {
		for pattern, into := range map[string]*[]string{depth + "*.anvil.zip": &archives, depth + "manifest.json": &folders} {
			found, err := fs.Glob(fsys, pattern)
			if err != nil {
				return nil, fmt.Errorf("read embedded release: %w", err)
			}
			*into = append(*into, found...)
		}
	}
	if len(archives)+len(folders) != 1 {
		return nil, advise("Options.Embedded holds one release, as a *.anvil.zip or unpacked; with go:embed write //go:embed release.anvil.zip",
			nil, "read embedded release: there are %d, not one", len(archives)+len(folders))
	}
	e, err := (*embedded)(nil), error(nil)
	if len(archives) == 1 {
		e, err = embeddedArchive(fsys, archives[0])
	} else {
		e, err = embeddedFolder(fsys, path.Dir(folders[0]))
	}
	if err != nil {
		return nil, fmt.Errorf("read embedded release: %w", err)
	}
	return e, nil
}

func embeddedArchive(fsys fs.FS, name string) (*embedded, error) {
	raw, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, err
	}
	archive, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	f, err := archive.Open("manifest.json")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	defer f.Close()
	claim, err := io.ReadAll(io.LimitReader(f, bundle.MaxManifest+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	manifest, err := bundle.ParseManifest(claim)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &embedded{manifest, func(e bundle.Expect) (*bundle.Bundle, error) {
		return bundle.Read(bytes.NewReader(raw), int64(len(raw)), e)
	}}, nil
}

func embeddedFolder(fsys fs.FS, dir string) (*embedded, error) {
	fsys, err := fs.Sub(fsys, dir)
	if err != nil {
		return nil, err
	}
	var raw, signature, sums []byte
	for name, into := range map[string]*[]byte{"manifest.json": &raw, "manifest.json.sig": &signature, "SHA256SUMS": &sums} {
		if *into, err = fs.ReadFile(fsys, name); err != nil {
			return nil, err
		}
	}
	manifest, err := bundle.ParseManifest(raw)
	if err != nil {
		return nil, err
	}
	content := make(map[string][]byte)
	err = fs.WalkDir(fsys, "content", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content[name], err = fs.ReadFile(fsys, name)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &embedded{manifest, func(e bundle.Expect) (*bundle.Bundle, error) {
		return bundle.Assemble(raw, signature, sums, content, e)
	}}, nil
}
