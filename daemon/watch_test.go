package daemon

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fsnotify/fsnotify"
)

// TestNote feeds events to a watch and looks at what it asks for.
func TestNote(t *testing.T) {
	root := t.TempDir()
	git := filepath.Join(root, ".git")
	for _, folder := range []string{"support/triage", "support/new", "fresh", "node_modules/deep"} {
		if err := os.MkdirAll(filepath.Join(root, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		name string
		path string
		op   fsnotify.Op
		want string // the name that is dirty, "all", "git" or nothing
	}{
		{"a write", "support/triage/a.yaml", fsnotify.Write, "support/triage/a.yaml"},
		{"a rename away", "support/triage/a.yaml", fsnotify.Rename, "support/triage/a.yaml"},
		{"a mode", "support/triage/a.yaml", fsnotify.Chmod, ""},
		{"a swap file", "support/triage/.a.yaml.swp", fsnotify.Create, ""},
		{"vim's probe", "support/triage/4913", fsnotify.Create, ""},
		{"a text beside it", "support/triage/readme.md", fsnotify.Write, ""},
		{"a new set", "support/new", fsnotify.Create, "all"},
		{"a new project", "fresh", fsnotify.Create, "all"},
		{"a new folder of nobody's", "node_modules/deep/er", fsnotify.Create, ""},
		{"a watched folder goes", "support/triage", fsnotify.Remove, "all"},
		{"a watched folder is renamed", "support/triage", fsnotify.Rename, "all"},
		{"a project begins", "fresh/project.yaml", fsnotify.Create, "all"},
		{"the root goes", "", fsnotify.Remove, "all"},
		{"the index", ".git/index", fsnotify.Create, "git"},
		{"a merge", ".git/MERGE_HEAD", fsnotify.Create, "git"},
		{"git's own business", ".git/config", fsnotify.Write, ""},
		{"the branch", ".git/refs/heads/main", fsnotify.Create, "git"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := &watch{
				root:    root,
				folders: map[string]bool{"": true, "support": true, "support/triage": true},
				git:     map[string]bool{git: true, filepath.Join(git, "refs/heads"): true},
				refs:    filepath.Join(git, "refs/heads"),
			}
			d := newDirty()
			w.note(fsnotify.Event{Name: filepath.Join(root, test.path), Op: test.op}, d)
			h := d.take()
			got := ""
			switch {
			case h.all && h.rebuild != "":
				got = "all"
			case h.git:
				got = "git"
			default:
				for name := range h.names {
					got = name
				}
			}
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// TestDrain: an error of the watcher, as when the system dropped events, asks
// for a new watch and a walk.
func TestDrain(t *testing.T) {
	w := &watch{
		fs:   &fsnotify.Watcher{Events: make(chan fsnotify.Event), Errors: make(chan error)},
		done: make(chan struct{}),
	}
	d := newDirty()
	go w.drain(d)
	w.fs.Errors <- fsnotify.ErrEventOverflow
	<-d.signal
	if h := d.take(); !h.all || !strings.Contains(h.rebuild, "overflow") {
		t.Errorf("hints after an overflow: %+v", h)
	}
	close(w.fs.Events)
	<-w.done
}

func TestDirtyIsBounded(t *testing.T) {
	d := newDirty()
	for i := range maxNames + 10 {
		d.name(fmt.Sprint(i))
	}
	if h := d.take(); len(h.names) != maxNames || !h.all || h.events != maxNames+10 {
		t.Errorf("%d names, all %v, %d events", len(h.names), h.all, h.events)
	}
	if h := d.take(); len(h.names) != 0 || h.all {
		t.Error("taken twice")
	}
}

func TestRemedy(t *testing.T) {
	if got := remedy(errors.New("something else")); got != "something else" {
		t.Errorf("got %q", got)
	}
}
