//go:build unix

package gitstore

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestSharing makes the same commits in two repositories, with git in one and
// here in the other: what lies in their git folders has the same permissions.
func TestSharing(t *testing.T) {
	modes := func(w *work) map[string]fs.FileMode {
		found := map[string]fs.FileMode{}
		git := filepath.Join(w.dir, ".git")
		err := filepath.WalkDir(git, func(path string, e fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := e.Info()
			if err != nil {
				return err
			}
			name, _ := filepath.Rel(git, path)
			switch parts := strings.Split(name, "/"); {
			case parts[0] == "objects" && len(parts) > 1 && parts[1] != "info" && parts[1] != "pack":
				name = fmt.Sprint("object ", len(parts)) // their hashes differ
			case name == "COMMIT_EDITMSG" || parts[0] == "hooks":
				return nil
			}
			found[name] = info.Mode()
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	for _, umask := range []int{0o022, 0o077} {
		for _, shared := range []string{"umask", "group", "all", "world", "0640", "0660", "1", "2", "true", "false"} {
			t.Run(fmt.Sprintf("%s umask %03o", shared, umask), func(t *testing.T) {
				before := syscall.Umask(umask)
				defer syscall.Umask(before)
				by := map[string]*work{}
				for _, who := range []string{"git", "us"} {
					w := newWork(t)
					by[who] = w
					w.git("config", "core.sharedRepository", shared)
					w.open()
					w.write("a/b/x.yaml", "1\n")
					if who == "git" {
						w.git("checkout", "-q", "-b", "topic/deep")
						w.git("add", "a/b/x.yaml")
						w.git("commit", "-q", "-m", "m", "a/b/x.yaml")
					} else {
						w.git("checkout", "-q", "-b", "topic/deep")
						w.commit("a/b/x.yaml")
					}
				}
				got, want := modes(by["us"]), modes(by["git"])
				for name, mode := range want {
					if got[name] != mode {
						t.Errorf("%s: %v, git makes it %v", name, got[name], mode)
					}
				}
				if shared != "group" {
					return
				}
				for name, mode := range got { // our own files, too
					if strings.HasPrefix(name, "anvil") && mode&0o060 != 0o060 {
						t.Errorf("%s: %v", name, mode)
					}
				}
				if _, err := os.Stat(filepath.Join(by["us"].dir, ".git", "anvil", "commit.lock")); err != nil {
					t.Error(err)
				}
			})
		}
	}
}
