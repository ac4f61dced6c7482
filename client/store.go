package client

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/anvilpeering/anvil/bundle"
)

// store makes a verified release the current one, unless another process was
// further already: newer tells whether a manifest found here is a later one that
// is trusted. When store returns nil, the release, or a later one, survives a
// crash.
func (c *cache) store(b *bundle.Bundle, release string, accepted time.Time, newer func(*record) bool) error {
	unlock, err := c.lock(true)
	if err != nil {
		return fmt.Errorf("store release: %w", err)
	}
	defer unlock()
	if err := c.storeLocked(b, release, accepted, newer); err != nil {
		return fmt.Errorf("store release: %w", err)
	}
	return nil
}

func (c *cache) storeLocked(b *bundle.Bundle, release string, accepted time.Time, newer func(*record) bool) error {
	var base *record
	if current := c.current(); current != "" {
		if r, err := c.read(current); err == nil {
			if newer(r) {
				if bytes.Equal(r.raw, b.Raw) {
					c.valid = current // another process was faster with the same
				}
				return nil
			}
			if current == c.valid {
				base = r
			}
		}
	}
	for _, dir := range []string{packsFolder, c.stream} {
		if err := c.make(dir); err != nil {
			return err
		}
	}
	packs, err := c.pack(b, base)
	if err != nil {
		return err
	}
	name, err := c.writeRecord(b, held{Release: release, Accepted: accepted.UTC(), Packs: packs})
	if err != nil {
		return err
	}
	if err := c.replace(filepath.Join(c.stream, currentPtr), []byte(name+"\n")); err != nil {
		return err
	}
	c.valid = name
	c.touch(accepted)
	c.prune(name)
	return nil
}

// pack writes the files that the packs of base do not hold, and returns all packs
// of the release.
func (c *cache) pack(b *bundle.Bundle, base *record) ([]string, error) {
	have := make(map[hash]bool)
	var packs []string
	if base != nil && len(base.held.Packs) < packsMost {
		var all, live int64
		for _, p := range base.held.Packs {
			entries, err := c.index(p)
			if err != nil {
				return c.pack(b, nil) // damaged since it was verified
			}
			for _, e := range entries {
				all += e.size
				have[e.hash] = true
			}
		}
		for path, h := range b.Sums.All() {
			if have[h] {
				live += int64(len(b.Content[path]))
			}
		}
		if 2*live < all { // mostly of releases past
			return c.pack(b, nil)
		}
		packs = slices.Clone(base.held.Packs)
	}
	var files []packed
	for path, h := range b.Sums.All() {
		if !have[h] {
			have[h] = true
			files = append(files, packed{h, b.Content[path]})
		}
	}
	if len(files) == 0 {
		return packs, nil
	}
	name, raw := encodePack(files)
	if err := c.replace(filepath.Join(packsFolder, name), raw); err != nil {
		return nil, err
	}
	return append(packs, name), nil
}

// writeRecord writes the release's folder under a name of its own.
func (c *cache) writeRecord(b *bundle.Bundle, h held) (string, error) {
	about, err := json.MarshalIndent(h, "", "  ")
	if err != nil {
		return "", err
	}
	about = append(about, '\n')
	name := fmt.Sprintf("%d-%s", b.Manifest.Sequence, sumOf(about))
	return name, c.place(filepath.Join(c.stream, name), func(root *os.Root, temporary string) error {
		if err := root.Mkdir(temporary, 0o700); err != nil {
			return err
		}
		for _, f := range []struct {
			name string
			data []byte
		}{
			{"manifest.json", b.Raw}, {"manifest.json.sig", b.Signature}, {"SHA256SUMS", b.Sums.Bytes()}, {heldFile, about},
		} {
			if err := writeDurably(root, filepath.Join(temporary, f.name), f.data); err != nil {
				return err
			}
			if err := c.step("written " + f.name); err != nil {
				return err
			}
		}
		return syncFolder(root, temporary)
	})
}

// prune removes what nothing names any more: older releases, packs of no release,
// and what a crash left behind. What has no name that a client gives is not the
// cache's, and stays; what cannot be removed stays for the next time.
func (c *cache) prune(current string) {
	entries, _ := c.list(c.stream)
	names, _ := c.records()
	keep := append(slices.Clip(names[:min(kept, len(names))]), current)
	for _, e := range entries {
		name, left := strings.CutPrefix(e.Name(), unfinished)
		if recordName.MatchString(name) && (left || !slices.Contains(keep, name)) {
			c.remove(filepath.Join(c.stream, e.Name()), (*os.Root).RemoveAll)
		} else if left && name == currentPtr {
			c.remove(filepath.Join(c.stream, e.Name()), (*os.Root).Remove)
		}
	}
	named, err := c.named()
	if err != nil {
		return
	}
	packs, _ := c.list(packsFolder)
	for _, e := range packs {
		name, left := strings.CutPrefix(e.Name(), unfinished)
		if packName.MatchString(name) && (left || !named[name]) {
			c.remove(filepath.Join(packsFolder, e.Name()), (*os.Root).Remove)
		}
	}
}

func (c *cache) remove(path string, how func(*os.Root, string) error) {
	_ = c.in(path, func(root *os.Root) error { return errors.Join(how(root, path), c.step("removed "+filepath.Base(path))) })
}

// named returns the packs that the releases of all streams name.
func (c *cache) named() (map[string]bool, error) {
	records := []string{"streams"}
	for range 3 { // project, channel, release
		var below []string
		for _, path := range records {
			entries, err := c.list(path)
			if err != nil {
				return nil, err
			}
			for _, e := range entries {
				if e.IsDir() {
					below = append(below, filepath.Join(path, e.Name()))
				}
			}
		}
		records = below
	}
	named := make(map[string]bool)
	for _, path := range records {
		raw, err := c.readFile(filepath.Join(path, heldFile), maxHeld)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errForeign) {
			continue
		}
		if err != nil {
			return nil, err
		}
		var h held
		if json.Unmarshal(raw, &h) != nil {
			continue // damaged: its packs are of no use to anyone
		}
		for _, p := range h.Packs {
			named[p] = true
		}
	}
	return named, nil
}
