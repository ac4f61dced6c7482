package gitstore

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"

	"golang.org/x/sync/errgroup"
)

const (
	packFrom    = 100 // as many new objects are written as one pack, as git's fetch does
	syncsAtOnce = 16
)

// writeObjects puts objects on disk that are not there yet, durably. No lock is
// needed: an object has one name, and whoever else writes it writes the same.
func (r *Repo) writeObjects(list []newObject) error {
	var missing []newObject
	seen, packs := map[Hash]bool{}, map[*pack]bool{}
	for _, o := range list {
		if !seen[o.hash] && !r.objects.keep(o.hash, packs) {
			missing = append(missing, o)
		}
		seen[o.hash] = true
	}
	if len(missing) >= packFrom {
		return r.writePack(missing)
	}
	var mu sync.Mutex
	dirs := map[string]bool{}
	var group errgroup.Group
	if group.SetLimit(1); r.disk.sync {
		group.SetLimit(syncsAtOnce) // the disk takes several at once
	}
	for _, o := range missing {
		group.Go(func() error {
			made, err := r.writeLoose(o)
			if err != nil {
				return fmt.Errorf("write object %s: %w", o.hash, err)
			}
			mu.Lock()
			defer mu.Unlock()
			dirs[filepath.Dir(loosePath(r.objects.dirs[0], o.hash))] = true
			if made {
				dirs[r.objects.dirs[0]] = true
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return r.syncDirs(dirs)
}

func (r *Repo) syncDirs(dirs map[string]bool) error {
	if !r.disk.sync {
		return nil
	}
	var group errgroup.Group
	group.SetLimit(syncsAtOnce)
	for dir := range dirs {
		group.Go(func() error {
			err := r.disk.syncDir(dir)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("sync %s: %w", dir, err)
			}
			return nil
		})
	}
	return group.Wait()
}

// writeLoose writes one loose object under a temporary name that git gc would
// clear away, and renames it.
func (r *Repo) writeLoose(o newObject) (made bool, err error) {
	var packed bytes.Buffer
	deflate(&packed, objectHeader(o.kind, len(o.data)), o.data)
	path := loosePath(r.objects.dirs[0], o.hash)
	for attempt := 0; ; attempt++ {
		made, err = r.disk.mkdir(filepath.Dir(path))
		if err != nil {
			return made, err
		}
		var temp string
		if temp, err = r.disk.temporary(filepath.Dir(path), "tmp_obj_*", packed.Bytes()); err == nil {
			if err = r.disk.rename(temp, path); err == nil {
				return made, nil
			}
			_ = r.disk.remove(temp)
		}
		if !errors.Is(err, fs.ErrNotExist) || attempt == 5 {
			return made, err // otherwise a gc took the empty folder away
		}
	}
}
