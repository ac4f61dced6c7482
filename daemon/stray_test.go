package daemon_test

import (
	"os"
	"strings"
	"testing"

	"github.com/anvilpeering/anvil/daemon"
)

// TestStray: a file that is nearly a prompt is held with what is wrong about
// its name, until it has a good one or is gone. It is never committed.
func TestStray(t *testing.T) {
	for _, path := range []string{
		"support/triage/Summary.yaml",
		"support/triage/bye.yml",
		"support/top.yaml",
		"support/Two Words/hello.yaml",
		"support/triage/project.yaml",
	} {
		t.Run(path, func(t *testing.T) {
			w := newWorld(t, "prompts")
			w.start()
			before := w.head()
			w.write(path, good("nearly"))
			h := w.awaitHeld(path, daemon.HeldProblems)
			if len(h.Problems) != 1 || h.Problems[0].Path != path || h.Reason == "" || h.Hint == "" {
				t.Errorf("the hold is %+v", h)
			}
			w.write("support/triage/beside.yaml", good("beside it"))
			w.awaitCommitted("support/triage/beside.yaml")
			w.rename(path, "support/triage/goodbye.yaml")
			w.awaitCommitted("support/triage/goodbye.yaml")
			w.awaitNoHolds()
			w.write(path, good("nearly, again"))
			w.awaitHeld(path, daemon.HeldProblems)
			w.remove(path)
			w.awaitNoHolds()
			w.rest()
			if n := w.commits(before); n != 2 {
				t.Errorf("%d commits, want 2\n%s", n, w.git("log", "--stat", before+"..HEAD"))
			}
		})
	}
}

func TestStrayAtTheStart(t *testing.T) {
	w := newWorld(t, "")
	w.write("support/triage/bye.yml", good("nearly"))
	w.start()
	if w.held("support/triage/bye.yml") == nil {
		t.Fatal("ready, and the stray is not held")
	}
	w.restart()
	w.awaitHeld("support/triage/bye.yml", daemon.HeldProblems)
	w.remove("support/triage/bye.yml")
	w.awaitNoHolds()
}

// TestRenameToAStray must not make the prompt vanish.
func TestRenameToAStray(t *testing.T) {
	w := newWorld(t, "")
	w.start()
	before := w.head()
	w.rename(reply, "support/triage/reply.yml")
	w.awaitHeld("support/triage/reply.yml", daemon.HeldProblems)
	w.awaitHeld(reply, daemon.HeldDeletion)
	w.rename("support/triage/reply.yml", "support/triage/answer.yaml")
	w.awaitCommitted(reply, "support/triage/answer.yaml")
	w.awaitNoHolds()
	if n := w.commits(before); n != 1 {
		t.Errorf("%d commits, want 1\n%s", n, w.git("log", "--stat", before+"..HEAD"))
	}
}

// TestNoStrays: what is in no project, or no file, or none of the
// organisation's by name, is nobody's business.
func TestNoStrays(t *testing.T) {
	w := newWorld(t, "prompts")
	w.write("k8s/app.yaml", "kind: Deployment\n")
	w.start()
	before := w.head()
	w.write("k8s/app.yaml", "kind: Service\n")
	w.write("k8s/sub/App.yml", "kind: Service\n")
	w.write("support/triage/notes.md", "notes\n")
	w.write("support/.hidden/x.yaml", "a: b\n")
	w.write("support/triage/.#reply.yaml", "a lock\n")
	w.mkdir("support/triage/Folder.yml")
	w.must(os.Symlink("reply.yaml", w.path("support/triage/Link.yml")))
	w.status = []string{
		"?? prompts/k8s/app.yaml", "?? prompts/k8s/sub/App.yml", "?? prompts/support/triage/notes.md",
		"?? prompts/support/.hidden/x.yaml", "?? prompts/support/triage/.#reply.yaml", "?? prompts/support/triage/Link.yml",
	}
	w.rest()
	if s := w.d.Status(); len(s.Holds) != 0 || s.Waiting != 0 {
		t.Errorf("held: %v, waiting: %d", s.Holds, s.Waiting)
	}
	if w.head() != before {
		t.Error("something was committed")
	}
	// A folder becomes a project by its file.
	w.write("k8s/project.yaml", "name: Now a project\n")
	w.write("k8s/sub/set.yaml", "name: A set\n")
	h := w.awaitHeld("k8s/sub/App.yml", daemon.HeldProblems)
	if !strings.Contains(h.Hint, "app.yaml") {
		t.Errorf("hint %q", h.Hint)
	}
	w.awaitCommitted("k8s/project.yaml", "k8s/sub/set.yaml")
}
