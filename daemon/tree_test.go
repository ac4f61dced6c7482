package daemon_test

import (
	"fmt"
	"os"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/anvilpeering/anvil/daemon"
)

// TestTree changes folders and files as people and scripts do.
func TestTree(t *testing.T) {
	tests := []struct {
		name    string
		do      func(w *world)
		commits int    // 0: any number
		subject string // of the last commit; "": any
	}{
		{"a new prompt", func(w *world) {
			w.write("support/triage/new.yaml", good("new"))
			w.awaitCommitted("support/triage/new.yaml")
		}, 1, "add support/triage/new"},
		{"an edit", func(w *world) {
			w.write("support/triage/reply.yaml", good("edited"))
			w.awaitCommitted("support/triage/reply.yaml")
		}, 1, "update support/triage/reply"},
		{"a removal", func(w *world) {
			w.remove("support/triage/reply.yaml")
			w.awaitCommitted("support/triage/reply.yaml")
		}, 1, "remove support/triage/reply"},
		{"a rename", func(w *world) {
			w.rename("support/triage/reply.yaml", "support/triage/answer.yaml")
			w.awaitCommitted("support/triage/reply.yaml", "support/triage/answer.yaml")
		}, 1, "rename support/triage/reply → support/triage/answer"},
		{"a folder made with everything in it", func(w *world) {
			w.mkdir("support/new/deep/er")
			w.write("support/new/hello.yaml", good("hello"))
			w.write("fresh/first/one.yaml", good("one"))
			w.write("fresh/project.yaml", "name: Fresh\n")
			w.awaitCommitted("support/new/hello.yaml", "fresh/first/one.yaml", "fresh/project.yaml")
		}, 0, ""},
		{"a folder renamed, then an edit in it", func(w *world) {
			w.rename("support/triage", "support/sorting")
			w.awaitCommitted("support/sorting/reply.yaml", "support/triage/reply.yaml")
			if got, want := w.subject(), "rename support/triage/ → support/sorting/"; got != want {
				w.t.Errorf("subject %q, want %q", got, want)
			}
			w.write("support/sorting/reply.yaml", good("edited in its new folder"))
			w.awaitCommitted("support/sorting/reply.yaml")
		}, 2, "update support/sorting/reply"},
		{"a folder renamed and edited at once", func(w *world) {
			w.rename("support/triage", "support/sorting")
			w.write("support/sorting/reply.yaml", good("edited at once"))
			w.awaitCommitted("support/sorting/reply.yaml", "support/sorting/classify.yaml", "support/triage/reply.yaml")
		}, 0, ""},
		{"a file removed and made again", func(w *world) {
			w.remove("support/triage/reply.yaml")
			time.Sleep(50 * time.Millisecond)
			w.write("support/triage/reply.yaml", good("again"))
			w.awaitCommitted("support/triage/reply.yaml")
		}, 1, "update support/triage/reply"},
		{"a folder removed and made again", func(w *world) {
			w.remove("support/triage")
			time.Sleep(50 * time.Millisecond)
			w.write("support/triage/reply.yaml", good("again"))
			w.write("support/triage/classify.yaml", good("again"))
			w.awaitCommitted("support/triage/reply.yaml", "support/triage/classify.yaml")
			w.write("support/triage/reply.yaml", good("and edited"))
			w.awaitCommitted("support/triage/reply.yaml")
		}, 0, "update support/triage/reply"},
		{"a file becomes a folder and a file again", func(w *world) {
			w.remove("support/triage/reply.yaml")
			w.mkdir("support/triage/reply.yaml")
			h := w.awaitHeld("support/triage/reply.yaml", daemon.HeldUnreadable)
			if !strings.Contains(h.Reason, "folder") {
				w.t.Errorf("reason %q", h.Reason)
			}
			w.remove("support/triage/reply.yaml")
			w.write("support/triage/reply.yaml", good("a file again"))
			w.awaitCommitted("support/triage/reply.yaml")
			w.awaitNoHolds()
		}, 1, "update support/triage/reply"},
		{"a burst of 500 files", func(w *world) {
			w.mkdir("support/burst")
			paths := make([]string, 500)
			for i := range paths {
				paths[i] = fmt.Sprintf("support/burst/p%03d.yaml", i)
				w.write(paths[i], good(fmt.Sprint(i)))
			}
			w.awaitCommitted(paths[0], paths[499])
			w.eventually("all are committed", func() bool {
				return strings.Count(w.git("ls-tree", "--name-only", "HEAD:"+path.Join(w.prefix, "support/burst")), "\n") == 499
			})
			if n := w.d.Status().Commits; n > 12 {
				w.t.Errorf("%d commits for one burst", n)
			}
		}, 0, ""},
		{"what .anvil holds", func(w *world) {
			w.write(".anvil/schema/prompt.json", "{}\n")
			w.awaitCommitted(".anvil/schema/prompt.json")
			w.write(".anvil/schema/prompt.json", "{\"a\": 1}\n")
			w.awaitCommitted(".anvil/schema/prompt.json")
		}, 2, "update .anvil/schema/prompt.json"},
		{"a link to a prompt", func(w *world) {
			w.must(os.Symlink("reply.yaml", w.path("support/triage/link.yaml")))
			w.awaitHeld("support/triage/link.yaml", daemon.HeldUnreadable)
			w.must(os.Remove(w.path("support/triage/link.yaml")))
			w.awaitNoHolds()
			w.write("support/triage/reply.yaml", good("edited"))
			w.awaitCommitted("support/triage/reply.yaml")
		}, 1, ""},
		{"a file of 2 MiB", func(w *world) {
			w.write("support/triage/reply.yaml", good(strings.Repeat("x", 2<<20)))
			w.awaitHeld("support/triage/reply.yaml", daemon.HeldUnreadable)
			w.write("support/triage/reply.yaml", good("smaller"))
			w.awaitCommitted("support/triage/reply.yaml")
		}, 1, ""},
		{"a modification time in the future", func(w *world) {
			w.write("support/triage/reply.yaml", good("of tomorrow"))
			tomorrow := time.Now().Add(24 * time.Hour)
			w.must(os.Chtimes(w.path("support/triage/reply.yaml"), tomorrow, tomorrow))
			w.awaitCommitted("support/triage/reply.yaml")
		}, 1, ""},
		{"a kept modification time", func(w *world) {
			info, err := os.Stat(w.path("support/triage/reply.yaml"))
			w.must(err)
			w.write("support/triage/reply.yaml", good("rePly"))
			w.must(os.Chtimes(w.path("support/triage/reply.yaml"), info.ModTime(), info.ModTime()))
			w.awaitCommitted("support/triage/reply.yaml")
		}, 1, ""},
	}
	for i, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, []string{"", "prompts"}[i%2])
			w.start()
			before := w.head()
			test.do(w)
			w.rest()
			if n := w.commits(before); test.commits != 0 && n != test.commits {
				t.Errorf("%d commits, want %d\n%s", n, test.commits, w.git("log", "--stat", before+"..HEAD"))
			}
			if got := w.subject(); test.subject != "" && got != test.subject {
				t.Errorf("subject %q, want %q", got, test.subject)
			}
		})
	}
}

// TestRootReplaced takes the whole folder away. That is no deletion, and what
// stands there afterwards is watched.
func TestRootReplaced(t *testing.T) {
	w := newWorld(t, "prompts")
	w.start()
	before := w.head()
	w.must(os.Rename(w.root, w.root+".away"))
	// What is told lasted for longer than the grace of a missing file.
	w.eventually("the daemon says that the folder is missing", func() bool { return strings.Contains(w.d.Status().Paused, "missing") })
	w.awaitTold(daemon.EventPaused)
	w.must(os.Mkdir(w.root, 0o777))
	w.eventually("the daemon says that the folder is empty", func() bool { return strings.Contains(w.d.Status().Paused, "none of its files") })
	w.awaitTimes(daemon.EventPaused, 2)
	if w.head() != before {
		t.Fatal("an empty folder was committed")
	}
	for path, content := range organisation() {
		w.write(path, content)
	}
	w.remove("../prompts.away")
	w.eventually("the daemon goes on", func() bool { return w.d.Status().Paused == "" })
	w.write("support/triage/reply.yaml", good("in the new folder"))
	w.awaitCommitted("support/triage/reply.yaml")
	w.rest()
	if n := w.commits(before); n != 1 {
		t.Errorf("%d commits, want 1\n%s", n, w.git("log", "--stat", before+"..HEAD"))
	}
}

func TestRootBecomesALink(t *testing.T) {
	w := newWorld(t, "prompts")
	w.start()
	before := w.head()
	w.must(os.Rename(w.root, w.root+".away"))
	w.must(os.Symlink("prompts.away", w.root))
	w.eventually("the daemon pauses", func() bool { return strings.Contains(w.d.Status().Paused, "symbolic link") })
	w.awaitTold(daemon.EventPaused) // it was paused for longer than a grace
	w.must(os.Remove(w.root))
	w.must(os.Rename(w.root+".away", w.root))
	w.eventually("the daemon goes on", func() bool { return w.d.Status().Paused == "" })
	w.rest()
	if w.head() != before {
		t.Error("something was committed")
	}
}

func TestPolling(t *testing.T) {
	w := newWorld(t, "")
	w.o.ForcePolling = true
	w.start()
	if s := w.d.Status(); !strings.HasPrefix(s.Watching, "polling: ") {
		t.Errorf("watching %q", s.Watching)
	}
	w.write("support/triage/reply.yaml", good("polled"))
	w.awaitCommitted("support/triage/reply.yaml")
	w.rename("support/triage/reply.yaml", "support/triage/answer.yaml")
	w.awaitCommitted("support/triage/reply.yaml", "support/triage/answer.yaml")
}
