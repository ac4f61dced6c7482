package daemon_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/anvilpeering/anvil/daemon"
)

// step is one system call of an editor, in the folder of the file.
type step func(folder string) error

func create(name, content string) step {
	return func(folder string) error {
		return os.WriteFile(filepath.Join(folder, name), []byte(content), 0o644)
	}
}

// appendTo writes to the end of a file as an open handle would.
func appendTo(name, content string) step {
	return func(folder string) error {
		f, err := os.OpenFile(filepath.Join(folder, name), os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			return err
		}
		if _, err := f.WriteString(content); err != nil {
			return err
		}
		return f.Close()
	}
}

func truncate(name string) step {
	return func(folder string) error { return os.Truncate(filepath.Join(folder, name), 0) }
}

func rename(from, to string) step {
	return func(folder string) error {
		return os.Rename(filepath.Join(folder, from), filepath.Join(folder, to))
	}
}

func unlink(name string) step {
	return func(folder string) error { return os.Remove(filepath.Join(folder, name)) }
}

func chmod(name string, mode os.FileMode) step {
	return func(folder string) error { return os.Chmod(filepath.Join(folder, name), mode) }
}

func symlink(target, name string) step {
	return func(folder string) error { return os.Symlink(target, filepath.Join(folder, name)) }
}

func pause(d time.Duration) step {
	return func(string) error { time.Sleep(d); return nil }
}

// TestEditors replays what editors do to a folder in a save, call by call. Each
// save is exactly one commit, of the whole new text.
func TestEditors(t *testing.T) {
	const file = "classify.yaml"
	text := good("sort the message")
	head, tail := text[:30], text[30:]
	saves := []struct {
		editor string
		steps  []step
	}{
		{"vim, backupcopy=auto and no", []step{
			create(".classify.yaml.swp", "b0VIM"), create(".classify.yaml.swx", ""), unlink(".classify.yaml.swx"),
			unlink(".classify.yaml.swp"), create(".classify.yaml.swp", "b0VIM 9.0"),
			create("4913", ""), chmod("4913", 0o644), unlink("4913"),
			rename(file, file+"~"), create(file, ""), appendTo(file, text), pause(20 * time.Millisecond), chmod(file, 0o644),
			unlink(file + "~"), unlink(".classify.yaml.swp"),
		}},
		{"vim, backupcopy=yes", []step{
			create(".classify.yaml.swp", "b0VIM"), create(file+"~", good("classify")),
			truncate(file), appendTo(file, text), unlink(file + "~"), unlink(".classify.yaml.swp"),
		}},
		{"vim, keeping its backup", []step{
			rename(file, file+"~"), create(file, ""), appendTo(file, text),
		}},
		{"VS Code", []step{truncate(file), appendTo(file, text)}},
		{"VS Code, slow after the truncation", []step{truncate(file), pause(100 * time.Millisecond), appendTo(file, text)}},
		{"VS Code, slow in the middle", []step{
			truncate(file), appendTo(file, head), pause(100 * time.Millisecond), appendTo(file, tail),
		}},
		{"JetBrains", []step{
			create(file+"___jb_tmp___", text), rename(file, file+"___jb_old___"),
			rename(file+"___jb_tmp___", file), unlink(file + "___jb_old___"),
		}},
		{"JetBrains, slow between the steps", []step{
			create(file+"___jb_tmp___", text), pause(50 * time.Millisecond), rename(file, file+"___jb_old___"), pause(150 * time.Millisecond),
			rename(file+"___jb_tmp___", file), pause(50 * time.Millisecond), unlink(file + "___jb_old___"),
		}},
		{"emacs", []step{
			symlink("ada@host.123:1700000000", ".#"+file), create("#"+file+"#", text),
			rename(file, file+"~"), create(file, ""), appendTo(file, text),
			unlink("#" + file + "#"), unlink(".#" + file),
		}},
		{"nano and echo >", []step{create(file, text)}},
		{"gedit", []step{create(".goutputstream-ABC123", text), rename(".goutputstream-ABC123", file)}},
		{"sed -i", []step{create("sedAbC12", text), rename("sedAbC12", file)}},
		{"a slow writer of single bytes", func() (steps []step) {
			steps = append(steps, truncate(file))
			for _, b := range []byte(text) {
				steps = append(steps, appendTo(file, string(b)), pause(2*time.Millisecond))
			}
			return steps
		}()},
	}
	for _, save := range saves {
		t.Run(save.editor, func(t *testing.T) {
			w := newWorld(t, "")
			if strings.HasPrefix(save.editor, "a slow writer") {
				// So that a pause of a busy machine does not look like its end.
				w.o.Quiet, w.o.QuietMax, w.o.SettleMax = 300*time.Millisecond, 500*time.Millisecond, 10*time.Second
			}
			w.start()
			before := w.head()
			folder := w.path("support/triage")
			for i, s := range save.steps {
				if err := s(folder); err != nil {
					t.Fatalf("step %d: %v", i, err)
				}
			}
			w.awaitCommitted("support/triage/classify.yaml")
			w.rest()
			if n := w.commits(before); n != 1 {
				t.Errorf("%d commits, want 1\n%s", n, w.git("log", "--stat", before+"..HEAD"))
			}
			if got := w.committed("support/triage/classify.yaml"); got != text {
				t.Errorf("committed:\n%s", got)
			}
			if n := w.count(daemon.EventHeld); n != 0 {
				t.Errorf("%d holds:%s", n, w.told())
			}
			for line := range strings.SplitSeq(w.git("status", "--porcelain", "-uall"), "\n") {
				w.status = append(w.status, line) // what editors leave
				if line != "" && !strings.HasPrefix(line, "??") {
					t.Errorf("git status shows %q", line)
				}
			}
		})
	}
}

// TestVim lets the real vim save, in each way it knows.
func TestVim(t *testing.T) {
	needs(t, "vim")
	for _, backup := range []string{"auto", "no", "yes"} {
		for _, keep := range []string{"backup", "nobackup"} {
			t.Run(backup+" "+keep, func(t *testing.T) {
				w := newWorld(t, "")
				w.start()
				before := w.head()
				cmd := exec.Command("vim", "-u", "NONE", "-N", "-es",
					"-c", "set backupcopy="+backup+" "+keep+" swapfile directory=. backupdir=.",
					"-c", "%s/classify/sort the message/", "-c", "wq", "classify.yaml")
				cmd.Dir = w.path("support/triage")
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Fatalf("vim: %v\n%s", err, out)
				}
				if got := w.read("support/triage/classify.yaml"); got != good("sort the message") {
					t.Fatalf("vim wrote:\n%s", got)
				}
				w.awaitCommitted("support/triage/classify.yaml")
				w.rest()
				if n := w.commits(before); n != 1 {
					t.Errorf("%d commits, want 1", n)
				}
				if keep == "backup" {
					w.status = append(w.status, "?? support/triage/classify.yaml~")
				}
			})
		}
	}
}

// TestEditorKilled leaves half a text: the old one stays committed until
// somebody finishes it.
func TestEditorKilled(t *testing.T) {
	w := newWorld(t, "")
	w.start()
	before := w.head()
	text := "name: A prompt\ntemplate: |\n  {{ 'never clo"
	w.write("support/triage/classify.yaml", text)
	w.awaitHeld("support/triage/classify.yaml", daemon.HeldProblems)
	w.rest()
	if w.head() != before {
		t.Error("half a text was committed")
	}
}

func TestUndoneSaveIsNoCommit(t *testing.T) {
	w := newWorld(t, "")
	w.o.Quiet = 150 * time.Millisecond
	w.start()
	before := w.head()
	old := w.read("support/triage/reply.yaml")
	w.write("support/triage/reply.yaml", good("changed my mind"))
	w.write("support/triage/reply.yaml", old)
	w.rest()
	if w.head() != before {
		t.Error("a commit for nothing")
	}
}

// TestNoise writes what is not the organisation's.
func TestNoise(t *testing.T) {
	w := newWorld(t, "")
	w.start()
	before := w.head()
	for _, path := range []string{
		"README.md", "support/notes.txt", "support/triage/.classify.yaml.swp", "support/triage/4913", "support/triage/x.yml",
		"support/triage/deep/er.yaml", "support/triage/UPPER.yaml", "node_modules/a/b.yaml", "deploy/k8s/app.yaml", ".anvil/schema/prompt.json~",
	} {
		w.write(path, good("noise"))
		w.status = append(w.status, "?? "+path)
	}
	w.write("support/triage/reply.yaml", good("a real one"))
	w.awaitCommitted("support/triage/reply.yaml")
	w.rest()
	if got, want := w.git("diff", "--name-only", before, "HEAD"), "support/triage/reply.yaml"; got != want {
		t.Errorf("committed %s, want %s alone", got, want)
	}
}

// TestContinuousWriter keeps one file moving: others are committed meanwhile.
func TestContinuousWriter(t *testing.T) {
	w := newWorld(t, "")
	w.start()
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
			}
			if err := os.WriteFile(w.path("support/triage/classify.yaml"), []byte(good(fmt.Sprint("version ", i))), 0o644); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	w.write("support/triage/reply.yaml", good("in between"))
	w.awaitCommitted("support/triage/reply.yaml")
	close(stop)
	<-done
	w.awaitCommitted("support/triage/classify.yaml")
}
