//go:build !windows

package client

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Who may write to the cache must not get the application to remove or write what
// lies elsewhere: not through a link to a folder, nor by a folder where a file
// should be.
func TestCacheStaysInItsFolder(t *testing.T) {
	victim := func(t *testing.T) string {
		dir := t.TempDir()
		for _, path := range []string{"precious/data", strings.Repeat("a", 64) + "/data", "1-0123456789abcdef/held.json", unfinished + "current/data"} {
			path = filepath.Join(dir, path)
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			overwrite(t, path, []byte("mine"))
		}
		return dir
	}
	stream := filepath.Join("streams", "support", "production")
	for name, plant := range map[string]string{
		"packs": "packs", "streams": "streams", "project": filepath.Dir(stream), "channel": stream,
		"a pack": filepath.Join("packs", strings.Repeat("b", 64)), "a release": filepath.Join(stream, "1-0123456789abcdef"),
		"an unfinished release": filepath.Join(stream, unfinished+"2-0123456789abcdef"),
	} {
		for kind, target := range map[string]func(cache, victim string) string{
			"link out": func(_, victim string) string { return victim },
			"link in": func(cache, victim string) string {
				inside := filepath.Join(cache, "elsewhere")
				if err := os.Rename(victim, inside); err != nil {
					t.Fatal(err)
				}
				if err := os.Symlink(inside, victim); err != nil {
					t.Fatal(err)
				}
				in, err := filepath.Rel(filepath.Dir(filepath.Join(cache, plant)), inside)
				if err != nil {
					t.Fatal(err)
				}
				return in
			},
		} {
			t.Run(name+", "+kind, func(t *testing.T) {
				c, lure := openCache(t.TempDir(), supportProduction), victim(t)
				now := time.Now().Unix()
				if err := c.store(signed(t, "acme", library("first"), sequence(now)), "first", time.Now(), never); err != nil {
					t.Fatal(err)
				}
				planted := filepath.Join(c.root, plant)
				if _, err := os.Lstat(planted); err == nil {
					if err := os.Rename(planted, planted+".before"); err != nil {
						t.Fatal(err)
					}
				}
				if err := os.Symlink(target(c.root, lure), planted); err != nil {
					t.Fatal(err)
				}
				before := contents(t, lure)
				for i := range int64(5) {
					_ = c.store(signed(t, "acme", library("next"), sequence(now+1+i)), "next", time.Now(), never)
				}
				if after := contents(t, lure); !maps.Equal(before, after) {
					t.Errorf("held %v, holds %v", before, after)
				}
			})
		}
	}
	t.Run("names that no client gives", func(t *testing.T) {
		c := openCache(victim(t), supportProduction)
		for _, path := range []string{"packs/notes.txt", "packs/folder/data", "packs/" + strings.Repeat("c", 64) + "/data", stream + "/notes.txt"} {
			path = filepath.Join(c.root, path)
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			overwrite(t, path, []byte("mine"))
		}
		before := contents(t, c.root)
		for i := range int64(5) {
			if err := c.store(signed(t, "acme", library("next"), sequence(time.Now().Unix()+i)), "next", time.Now(), never); err != nil {
				t.Fatal(err)
			}
		}
		after := contents(t, c.root)
		for path := range before {
			if after[path] != before[path] {
				t.Errorf("%s is gone", path)
			}
		}
	})
}

// contents are the files below a folder, which may be named by a link.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		t.Fatal(err)
	}
	files := make(map[string]string)
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			files[path] = string(readAll(t, path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// A pipe nobody writes to, or a device without an end, in place of any file of the
// cache: the client serves what else it has, or says that it has nothing, and
// keeps the next release.
func TestCacheOfPipesAndDevices(t *testing.T) {
	ch := newChannel(t)
	ch.releaseText("Old")
	o := ch.options(t)
	o.Frozen, o.ClientID = true, ""
	_ = open(t, o).Close()
	ch.releaseText("New")
	c := open(t, o)
	if err := c.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	down := o
	down.URLs = nil
	for _, path := range filesOf(t, o.Cache) {
		original := readAll(t, path)
		for kind, plant := range map[string]func() error{
			"pipe":   func() error { return syscall.Mkfifo(path, 0o600) },
			"device": func() error { return os.Symlink("/dev/zero", path) },
			"link":   func() error { return os.Symlink(path+".original", path) },
			"inside": func() error { return os.Symlink(filepath.Base(path)+".original", path) },
		} {
			overwrite(t, path+".original", original)
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			if err := plant(); err != nil {
				t.Fatal(err)
			}
			done := make(chan struct{})
			go func() {
				defer close(done)
				c, err := Open(t.Context(), down)
				if err != nil {
					if !strings.Contains(path, packsFolder) { // else it may be of both
						t.Errorf("%s is a %s: %v, but the older release is whole", path, kind, err)
					}
					return
				}
				if text := says(t, c); text != "Old Hi Be kind." && text != "New Hi Be kind." {
					t.Errorf("%s is a %s: the client says %q", path, kind, text)
				}
				_ = c.Close()
				if _, err := openCache(o.Cache, supportProduction).named(); err != nil {
					t.Errorf("%s is a %s: nothing is ever pruned: %v", path, kind, err)
				}
			}()
			select {
			case <-done:
			case <-time.After(20 * time.Second):
				t.Fatalf("%s is a %s: the client hangs", path, kind)
			}
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(path+".original", path); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// What is read of a pack is what the signed manifest leads to expect.
func TestCacheReadsNoMoreThanItHolds(t *testing.T) {
	ch := newChannel(t)
	ch.releaseText("Good")
	o := ch.options(t)
	o.Frozen = true
	_ = open(t, o).Close()
	packs, err := filepath.Glob(filepath.Join(o.Cache, packsFolder, "*"))
	if err != nil || len(packs) != 1 {
		t.Fatal(packs, err)
	}
	if err := os.Truncate(packs[0], 512<<20); err != nil { // a hole: it takes no room on disk
		t.Fatal(err)
	}
	o.URLs = nil
	if _, err := Open(t.Context(), o); err == nil || !strings.Contains(err.Error(), "too many") {
		t.Errorf("open: %v", err)
	}
}
