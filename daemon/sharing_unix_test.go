//go:build unix

package daemon_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/anvilpeering/anvil/daemon"
)

// TestSharing: in a repository that a group shares, another of the group can run
// the daemon next.
func TestSharing(t *testing.T) {
	w := newWorld(t, "")
	w.git("config", "core.sharedRepository", "group")
	w.start()
	w.write(reply, bad("hello"))
	w.awaitHeld(reply, daemon.HeldProblems)
	for name, want := range map[string]fs.FileMode{
		"":           fs.ModeDir | fs.ModeSetgid | 0o770,
		"pid":        0o660,
		"edits.json": 0o660,
	} {
		w.eventually("anvil/"+name+" is shared", func() bool {
			info, err := os.Stat(filepath.Join(w.dir, ".git", "anvil", name))
			return err == nil && info.Mode()&^0o007 == want
		})
	}
}
