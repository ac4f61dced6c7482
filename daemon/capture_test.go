//go:build unix

package daemon

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/anvilpeering/anvil/gitstore"
)

func TestCapture(t *testing.T) {
	old := time.Now().Add(-time.Minute)
	write := func(t *testing.T, name, content string, at time.Time) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(name, at, at); err != nil {
			t.Fatal(err)
		}
	}
	must := func(t *testing.T, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	const path = "p/s/n.yaml"
	tests := []struct {
		name string
		make func(t *testing.T, file string)
		want presence
	}{
		{"nothing", func(*testing.T, string) {}, missing},
		{"a file", func(t *testing.T, f string) { write(t, f, "x", old) }, present},
		{"an empty file", func(t *testing.T, f string) { write(t, f, "", old) }, present},
		{"a file of this moment", func(t *testing.T, f string) { write(t, f, "x", time.Now()) }, moving},
		{"a file of tomorrow", func(t *testing.T, f string) { write(t, f, "x", time.Now().Add(24*time.Hour)) }, moving},
		{"a file that is too large", func(t *testing.T, f string) { write(t, f, string(make([]byte, MaxFile+1)), old) }, unfit},
		{"a file of the greatest size", func(t *testing.T, f string) { write(t, f, string(make([]byte, MaxFile)), old) }, present},
		{"a folder", func(t *testing.T, f string) { must(t, os.MkdirAll(f, 0o755)) }, unfit},
		{"a link", func(t *testing.T, f string) {
			write(t, f+".target", "x", old)
			must(t, os.Symlink(f+".target", f))
		}, unfit},
		{"a link to nowhere", func(t *testing.T, f string) {
			must(t, os.MkdirAll(filepath.Dir(f), 0o755))
			must(t, os.Symlink("nowhere", f))
		}, unfit},
		{"a pipe", func(t *testing.T, f string) {
			must(t, os.MkdirAll(filepath.Dir(f), 0o755))
			must(t, syscall.Mkfifo(f, 0o644))
		}, unfit},
		{"a file in a linked folder", func(t *testing.T, f string) {
			elsewhere := t.TempDir()
			write(t, filepath.Join(elsewhere, "n.yaml"), "x", old)
			must(t, os.MkdirAll(filepath.Dir(filepath.Dir(f)), 0o755))
			must(t, os.Symlink(elsewhere, filepath.Dir(f)))
		}, unfit},
		{"a file where the folder was", func(t *testing.T, f string) { write(t, filepath.Dir(f), "x", old) }, missing},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			root := t.TempDir()
			test.make(t, filepath.Join(root, path))
			got := capture(root, path, time.Second, nil)
			if got.is != test.want {
				t.Fatalf("got %+v, want presence %d", got, test.want)
			}
			if got.is == unfit && (got.reason == "" || got.hint == "") {
				t.Errorf("no reason or hint: %+v", got)
			}
			if got.is == present && got.hash != gitstore.BlobHash(got.content) {
				t.Error("the hash is not the content's")
			}
		})
	}
	t.Run("a file of tomorrow that stands still", func(t *testing.T) {
		root := t.TempDir()
		tomorrow := time.Now().Add(24 * time.Hour)
		write(t, filepath.Join(root, path), "x", tomorrow)
		first := capture(root, path, time.Second, nil)
		if second := capture(root, path, time.Second, &first.stat); second.is != present {
			t.Errorf("got %+v, want it to be present", second)
		}
	})
	t.Run("a file that may not be read", func(t *testing.T) {
		if os.Getuid() == 0 {
			// root may read everything: the error itself is judged instead.
			if got := failed(&os.PathError{Op: "open", Path: "x", Err: syscall.EACCES}); got.is != unfit {
				t.Errorf("got %+v", got)
			}
			return
		}
		root := t.TempDir()
		write(t, filepath.Join(root, path), "x", old)
		must(t, os.Chmod(filepath.Join(root, path), 0))
		if got := capture(root, path, time.Second, nil); got.is != unfit {
			t.Errorf("got %+v", got)
		}
	})
}
