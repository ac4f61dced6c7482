package daemon

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/anvilpeering/anvil/gitstore"
)

func TestOneDaemonARepository(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "anvil")
	first, err := takePID(folder, "/prompts")
	if err != nil {
		t.Fatal(err)
	}
	_, err = takePID(folder, "/elsewhere")
	var running *RunningError
	if !errors.Is(err, ErrRunning) || !errors.As(err, &running) {
		t.Fatalf("got %v, want ErrRunning", err)
	}
	if running.PID != os.Getpid() || running.Root != "/prompts" || !strings.Contains(err.Error(), "/prompts") || running.Hint() == "" {
		t.Errorf("got %+v: %v", running, err)
	}
	if err := first.release(); err != nil {
		t.Fatal(err)
	}
	again, err := takePID(folder, "/elsewhere")
	if err != nil {
		t.Fatalf("after the first is gone: %v", err)
	}
	if err := again.release(); err != nil {
		t.Fatal(err)
	}
}

func TestEdits(t *testing.T) {
	name := filepath.Join(t.TempDir(), "edits.json")
	files := map[string]edit{"a/b/c.yaml": {Base: gitstore.BlobHash([]byte("x")), Seen: []gitstore.Hash{{1}}}, "a/b/new.yaml": {}}
	if err := (&edits{name: name, share: func(string) error { return nil }}).save("/root", files); err != nil {
		t.Fatal(err)
	}
	got, err := (&edits{name: name}).load("/root")
	if err != nil || len(got) != 2 || got["a/b/c.yaml"].Base != files["a/b/c.yaml"].Base || got["a/b/c.yaml"].Seen[0] != (gitstore.Hash{1}) || !got["a/b/new.yaml"].Base.IsZero() {
		t.Errorf("loaded %v, %v", got, err)
	}
	if got, err := (&edits{name: name}).load("/other"); err != nil || got != nil {
		t.Errorf("another folder's: %v, %v", got, err)
	}
	if err := os.WriteFile(name, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := (&edits{name: name}).load("/root"); err == nil || got != nil {
		t.Errorf("damaged: %v, %v", got, err)
	}
	entries, err := os.ReadDir(filepath.Dir(name))
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}
