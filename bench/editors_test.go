package bench

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/anvilpeering/anvil/client"
)

// TestEditors saves as editors do, through the whole house: each save is one
// commit, and the application renders the new text.
func TestEditors(t *testing.T) {
	s := serve(t, 20)
	c, err := client.Open(context.Background(), s.options(s.token()))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	address := Address(7)
	path := filepath.Join(s.dir, filepath.FromSlash(address)+".yaml")
	text := string(Prompt(7))

	write := func(name, content string) error { return os.WriteFile(name, []byte(content), 0o644) }
	pause := func(d time.Duration) error { time.Sleep(d); return nil }
	all := func(errs ...error) error {
		for _, err := range errs {
			if err != nil {
				return err
			}
		}
		return nil
	}
	vim := func(mode string) func(string) error {
		return func(content string) error {
			cmd := exec.Command("vim", "-Nu", "NONE", "-i", "NONE", "-es", "-c", "set backupcopy="+mode+" writebackup swapfile",
				"-c", "%s/in {{ language }}[.].*/in {{ language }}. "+marker(content)+"/", "-c", "wq", path)
			out, err := cmd.CombinedOutput()
			if err != nil {
				return fmt.Errorf("vim: %w %s", err, out)
			}
			return nil
		}
	}
	for _, editor := range []struct {
		name string
		save func(content string) error
	}{
		{"vim backupcopy=auto", vim("auto")},
		{"vim backupcopy=no", vim("no")},
		{"vim backupcopy=yes", vim("yes")},
		{"VS Code: truncate, write", func(content string) error {
			f, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0)
			if err != nil {
				return err
			}
			defer f.Close()
			if err := pause(40 * time.Millisecond); err != nil {
				return err
			}
			_, err = f.WriteString(content)
			return err
		}},
		{"VS Code on a slow disk: truncate, write in halves", func(content string) error {
			f, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0)
			if err != nil {
				return err
			}
			defer f.Close()
			pause(150 * time.Millisecond)
			if _, err := f.WriteString(content[:len(content)/3]); err != nil {
				return err
			}
			pause(150 * time.Millisecond)
			_, err = f.WriteString(content[len(content)/3:])
			return err
		}},
		{"JetBrains: write beside, move away, move in, remove", func(content string) error {
			temporary, old := path+"___jb_tmp___", path+"___jb_old___"
			return all(write(temporary, content), os.Rename(path, old), pause(30*time.Millisecond), os.Rename(temporary, path), os.Remove(old))
		}},
		{"emacs: lock, backup, write", func(content string) error {
			lock := filepath.Join(filepath.Dir(path), ".#"+filepath.Base(path))
			return all(os.Symlink("ida@example.1234:5", lock), os.Rename(path, path+"~"), write(path, content), os.Remove(lock), os.Remove(path+"~"))
		}},
	} {
		t.Run(editor.name, func(t *testing.T) {
			if strings.HasPrefix(editor.name, "vim") {
				if _, err := exec.LookPath("vim"); err != nil {
					t.Skip("SKIPPED: needs vim")
				}
			}
			before := strings.TrimSpace(s.git("rev-list", "--count", "HEAD"))
			changed := remark(text, int(time.Now().UnixNano()%1e9))
			if err := editor.save(changed); err != nil {
				t.Fatal(err)
			}
			for deadline := time.Now().Add(20 * time.Second); ; {
				r, err := c.Render(address, client.Args{"message": "Hello"})
				if err != nil {
					t.Fatal(err)
				}
				if marker(r.Text()) == marker(changed) {
					break
				}
				select {
				case <-c.Changes():
				case <-time.After(time.Until(deadline)):
					t.Fatalf("the save did not arrive: %+v\n%s", c.Status(), s.anvil("status"))
				}
			}
			if held := s.git("show", "HEAD:"+address+".yaml"); held != changed {
				t.Errorf("HEAD holds\n%s", held)
			}
			var n, m int
			fmt.Sscan(before, &n)
			fmt.Sscan(s.git("rev-list", "--count", "HEAD"), &m)
			if m != n+1 {
				t.Errorf("the save made %d commits:\n%s", m-n, s.git("log", "--stat", fmt.Sprintf("-%d", m-n)))
			}
			if status := s.git("status", "--porcelain"); status != "" {
				t.Errorf("git status: %s", status)
			}
			if out := s.git("fsck", "--strict", "--no-progress", "--no-dangling"); out != "" {
				t.Errorf("git fsck: %s", out)
			}
		})
	}
}
