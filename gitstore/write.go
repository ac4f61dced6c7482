package gitstore

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"
)

const (
	packFrom       = 100 // as many new objects are written as one pack, as git's fetch does
	packFromSynced = 16  // the same where each loose object is two syncs, and a pack three
	syncsAtOnce    = 16
)

// writeObjects puts objects on disk that are not there yet, durably, together
// with other files that are to be synced. No lock is needed: an object has one
// name, and whoever else writes it writes the same.
//
// It is done in two waves, each of which the disk takes at once: the content of
// all files, and then, when the objects have their names, the folders that they
// are in. No object has its name before its content is on the disk: after a
// power failure an empty file of that name would pass for the object for ever.
func (r *Repo) writeObjects(list []newObject, beside ...unsynced) error {
	var missing []newObject
	seen, packs := map[Hash]bool{}, map[*pack]bool{}
	for _, o := range list {
		if !seen[o.hash] && !r.objects.keep(o.hash, packs) {
			missing = append(missing, o)
		}
		seen[o.hash] = true
	}
	return r.write(missing, beside...)
}

// ensureObjects is writeObjects for a commit's first look: a loose object that is there
// already was written by somebody who may not have synced it, as git does not, or who
// lost power in the middle. It is written again.
func (r *Repo) ensureObjects(list []newObject, beside ...unsynced) error {
	var missing []newObject
	seen, packs := map[Hash]bool{}, map[*pack]bool{}
	for _, o := range list {
		if !seen[o.hash] && (!r.objects.keep(o.hash, packs) || r.objects.doubtful(o)) {
			missing = append(missing, o)
		}
		seen[o.hash] = true
	}
	return r.write(missing, beside...)
}

func (r *Repo) write(missing []newObject, beside ...unsynced) error {
	var files []unsynced
	var dirs map[string]bool
	var err error
	packed := len(missing) >= packFrom || r.disk.sync && len(missing) >= packFromSynced
	if packed {
		files, dirs, err = r.beginPack(missing)
	} else {
		files, dirs, err = r.beginLoose(missing)
	}
	if err != nil {
		r.disk.abandon(append(files, beside...))
		return err
	}
	if err := r.disk.settle(append(files, beside...)); err != nil {
		return fmt.Errorf("write objects: %w", err)
	}
	if err := r.syncDirs(dirs); err != nil {
		return err
	}
	if packed {
		return r.objects.list()
	}
	return nil
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

// beginLoose writes loose objects under temporary names that git gc would clear
// away; dirs are the folders whose names change.
func (r *Repo) beginLoose(list []newObject) (files []unsynced, dirs map[string]bool, err error) {
	dirs = make(map[string]bool, len(list))
	var mu sync.Mutex
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for _, o := range list {
		path := loosePath(r.objects.dirs[0], o.hash)
		group.Go(func() error {
			f, made, err := r.beginObject(filepath.Dir(path), o)
			mu.Lock()
			defer mu.Unlock()
			dirs[filepath.Dir(path)] = true
			if made {
				dirs[r.objects.dirs[0]] = true
			}
			if err != nil {
				return fmt.Errorf("write object %s: %w", o.hash, err)
			}
			files = append(files, unsynced{f, path})
			return nil
		})
	}
	err = group.Wait()
	return files, dirs, err
}

// beginObject reports also whether it had to make the folder.
func (r *Repo) beginObject(dir string, o newObject) (f *os.File, made bool, err error) {
	var packed bytes.Buffer
	deflate(&packed, objectHeader(o.kind, len(o.data)), o.data)
	for attempt := 0; ; attempt++ {
		made, err = r.disk.mkdir(dir)
		if err != nil {
			return nil, made, err
		}
		f, err = r.disk.temporary(dir, "tmp_obj_*", packed.Bytes())
		if err == nil || !errors.Is(err, fs.ErrNotExist) || attempt == 5 {
			return f, made, err // otherwise a gc took the empty folder away
		}
	}
}
