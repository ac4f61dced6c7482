package daemon_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/anvilpeering/anvil/daemon"
)

// TestSparse: what a sparse checkout leaves out is not deleted, and what git was
// told to leave alone is not committed.
func TestSparse(t *testing.T) {
	w := newWorld(t, "")
	w.write("support/more/a.yaml", good("a"))
	w.write("support/more/b.yaml", good("b"))
	w.git("add", ".")
	w.git("commit", "-qm", "more")
	w.start()
	before := w.head()
	w.git("sparse-checkout", "set", "--no-cone", "/*", "!/support/more/")
	if _, err := os.Stat(filepath.Join(w.dir, "support", "more")); err == nil {
		t.Fatal("the folder is still there")
	}
	w.write(reply, good("edited")) // what comes later is committed as ever
	w.awaitCommitted(reply)
	w.rest()
	if got := w.git("diff", "--name-only", before, "HEAD"); got != reply {
		t.Errorf("committed:\n%s", got)
	}
	if n := len(w.d.Status().Holds); n != 0 {
		t.Errorf("%d holds", n)
	}
	w.git("sparse-checkout", "disable")
	w.rest()
	if _, err := os.Stat(filepath.Join(w.dir, "support", "more", "a.yaml")); err != nil {
		t.Error("the files did not come back")
	}
	if got := w.git("status", "--porcelain"); got != "" {
		t.Errorf("git status: %s", got)
	}

	w.git("update-index", "--skip-worktree", reply)
	w.write(reply, good("for this machine only"))
	w.write("support/more/a.yaml", good("edited"))
	w.awaitCommitted("support/more/a.yaml")
	w.rest()
	if got := w.git("show", "HEAD:"+reply); got+"\n" != good("edited") {
		t.Errorf("what git was told to leave alone was committed:\n%s", got)
	}
	w.git("update-index", "--no-skip-worktree", reply)
	w.awaitCommitted(reply)
}

// TestIgnored: git add would refuse a file that is ignored, and so it is left
// alone; one that is tracked is not ignored, whatever the patterns say.
func TestIgnored(t *testing.T) {
	w := newWorld(t, "")
	if err := os.WriteFile(filepath.Join(w.dir, ".git", "info", "exclude"), []byte("scratch*.yaml\nreply.yaml\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	w.write("support/triage/scratch-1.yaml", good("at the start"))
	w.start()
	w.write("support/triage/scratch-2.yaml", good("mine"))
	w.write(reply, good("tracked"))
	w.awaitCommitted(reply)
	w.write("support/triage/other.yaml", good("seen"))
	w.awaitCommitted("support/triage/other.yaml")
	w.rest()
	if got := w.git("ls-files", "support/triage/scratch*"); got != "" {
		t.Errorf("committed: %s", got)
	}
	if s := w.d.Status(); len(s.Holds) != 0 || s.Waiting != 0 {
		t.Errorf("status: %+v", s)
	}
}

// TestConverted: a file with the line ends of another system keeps no other from
// being committed where git would convert it, and goes in when it does not.
func TestConverted(t *testing.T) {
	w := newWorld(t, "prompts")
	w.git("config", "core.autocrlf", "input")
	w.start()
	const other = "support/triage/other.yaml"
	w.write(other, strings.ReplaceAll(good("other"), "\n", "\r\n"))
	w.write(reply, good("edited"))
	w.awaitCommitted(reply)
	h := w.awaitHeld(other, daemon.HeldUnreadable)
	if !strings.Contains(h.Reason, "core.autocrlf=input") || !strings.Contains(h.Hint, "LF") {
		t.Errorf("the hold is %+v", h)
	}
	w.rest()
	w.git("config", "core.autocrlf", "false")
	w.d.Rescan()
	w.awaitCommitted(other)
	w.awaitNoHolds()
	if held, mended := w.count(daemon.EventHeld), w.count(daemon.EventMended); held != 1 || mended != 1 {
		t.Errorf("%d held, %d mended:%s", held, mended, w.told())
	}
}

// TestLeftovers of a daemon that was killed while it wrote its file go at the
// next start, those of nobody else.
func TestLeftovers(t *testing.T) {
	w := newWorld(t, "")
	own := filepath.Join(w.dir, ".git", "anvil")
	w.must(os.MkdirAll(own, 0o700))
	for _, name := range []string{"edits.json.123", "edits.json.456", "edits", "other.json.1"} {
		w.must(os.WriteFile(filepath.Join(own, name), []byte("{"), 0o600))
	}
	w.start()
	left, err := filepath.Glob(filepath.Join(own, "*[0-9s]"))
	w.must(err)
	if len(left) != 2 {
		t.Errorf("left are %v", left)
	}
}

// TestMovedOutlivesRestart: the tip moved under a clean file, the daemon ended
// before it had looked at the file again, and the index was reset to the new tip
// meanwhile: the older text in the folder still undoes nothing.
func TestMovedOutlivesRestart(t *testing.T) {
	w := newWorld(t, "")
	w.write(reply, good("one"))
	w.git("commit", "-qam", "one")
	w.start()
	m := &model{world: w}
	m.push(reply, good("two"))
	pushed := w.head()
	w.eventually("the tip is noticed", func() bool { return w.d.Status().Tip.String() == pushed })
	w.stop()
	w.git("reset", "-q")
	w.launch()
	w.eventually("the file is held", func() bool {
		holds := w.d.Status().Holds
		return len(holds) == 1 && holds[0].Path == reply && holds[0].Kind == "moved"
	})
	if got := w.git("show", "HEAD:"+reply); got+"\n" != good("two") {
		t.Errorf("an older text undid a newer commit:\n%s", got)
	}
}
