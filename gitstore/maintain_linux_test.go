package gitstore

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Git packs when nobody else wants the processor.
func TestMaintainIsNiced(t *testing.T) {
	w := newWork(t)
	w.pile("refs/heads/main")
	w.git("config", "gc.auto", "1")
	out := filepath.Join(t.TempDir(), "nice")
	w.hook("pre-auto-gc", "nice > "+out)
	if err := w.repo.Maintain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(out); err != nil || strings.TrimSpace(string(got)) != "19" {
		t.Fatalf("its nice value is %q, %v", got, err)
	}
}
