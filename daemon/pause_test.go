package daemon_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/anvilpeering/anvil/daemon"
)

// awaitWaiting waits until that many files wait in a pause, and everything was
// looked at once more.
func (w *world) awaitWaiting(files int) {
	w.t.Helper()
	ok := func() bool { s := w.d.Status(); return s.Paused != "" && s.Waiting == files }
	w.eventually("files wait", ok)
	w.rest()
	if s := w.d.Status(); !ok() {
		w.t.Errorf("paused %q, %d files wait, want %d", s.Paused, s.Waiting, files)
	}
}

// awaitTold waits for an event of a kind and returns the last.
func (w *world) awaitTold(kind string) (last daemon.Event) {
	w.t.Helper()
	w.eventually("people are told: "+kind, func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, e := range w.events {
			if e.Kind == kind {
				last = e
			}
		}
		return last.Kind != ""
	})
	return last
}

func (w *world) awaitTimes(kind string, n int) {
	w.t.Helper()
	w.eventually(fmt.Sprintf("people are told %d times: %s", n, kind), func() bool { return w.count(kind) == n })
}

// TestPauseIsTold: whoever saves in a pause learns that the save waits, for
// what, and when that is over; once each.
func TestPauseIsTold(t *testing.T) {
	tests := []struct {
		name       string
		pinned     bool
		begin, end func(w *world)
		text, hint string
	}{
		{
			name:  "a merge",
			begin: func(w *world) { w.must(os.WriteFile(w.dir+"/.git/MERGE_HEAD", []byte(w.head()+"\n"), 0o666)) },
			end:   func(w *world) { w.must(os.Remove(w.dir + "/.git/MERGE_HEAD")) },
			text:  "paused: waiting for a merge; saves are committed when it ends",
		},
		{
			name:  "a lock that stays",
			begin: func(w *world) { w.must(os.WriteFile(w.dir+"/.git/index.lock", nil, 0o666)) },
			end:   func(w *world) { w.must(os.Remove(w.dir + "/.git/index.lock")) },
			text:  "paused: waiting for index.lock; saves are committed when it ends",
			hint:  "if no git runs: rm " + filepath.FromSlash(".git/index.lock"),
		},
		{
			name:  "a detached HEAD",
			begin: func(w *world) { w.git("checkout", "-q", "--detach") },
			end:   func(w *world) { w.git("checkout", "-q", "main") },
			text:  "paused: HEAD is detached at",
		},
		{
			name:   "another branch",
			pinned: true,
			begin:  func(w *world) { w.git("checkout", "-q", "-b", "feature") },
			end:    func(w *world) { w.git("checkout", "-q", "main") },
			text:   "; saves are committed when main is checked out again",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, "prompts")
			w.o.Pinned = test.pinned
			w.start()
			before := w.head()
			test.begin(w)
			w.eventually("the daemon pauses", func() bool { return w.d.Status().Paused != "" })
			w.write(reply, good("in the pause"))
			w.awaitWaiting(1)
			if w.head() != before {
				t.Error("committed in the pause")
			}
			e := w.awaitTold(daemon.EventPaused)
			if !strings.HasPrefix(e.Text, "paused: ") || !strings.Contains(e.Text, test.text) || e.Hint != test.hint || e.Time.IsZero() {
				t.Errorf("told %q, hint %q", e.Text, e.Hint)
			}
			test.end(w)
			w.awaitTold(daemon.EventResumed)
			w.awaitCommitted(reply)
			w.rest()
			if s := w.d.Status(); s.Waiting != 0 || s.Paused != "" {
				t.Errorf("in the end: %+v", s)
			}
			if e := w.awaitTold(daemon.EventCommitted); e.Time.Before(w.awaitTold(daemon.EventResumed).Time) {
				t.Errorf("a commit was told before the end of the pause:%s", w.told())
			}
			if paused, resumed := w.count(daemon.EventPaused), w.count(daemon.EventResumed); paused != 1 || resumed != 1 {
				t.Errorf("%d times paused, %d resumed", paused, resumed)
			}
		})
	}
}

// TestFilesOfAnotherBranchDoNotWait: git has put them there.
func TestFilesOfAnotherBranchDoNotWait(t *testing.T) {
	w := newWorld(t, "")
	w.git("checkout", "-qb", "feature")
	w.write(reply, good("feature"))
	w.write("support/triage/more.yaml", good("feature"))
	w.git("add", ".")
	w.git("commit", "-qm", "feature")
	w.git("checkout", "-q", "main")
	w.o.Pinned = true
	w.start()
	w.git("checkout", "-q", "feature")
	w.awaitWaiting(0)
	w.remove("support/triage/more.yaml")
	w.mkdir("support/new")
	w.write("support/new/hello.yaml", good("new"))
	w.awaitWaiting(2)
	w.git("checkout", "-q", "--", "support/triage/more.yaml")
	w.remove("support/new")
	w.awaitWaiting(0)
	w.git("checkout", "-q", "main")
	w.eventually("the daemon goes on", func() bool { return w.d.Status().Paused == "" })
}

// TestShortPauseIsNotTold: git status takes the lock too, for a moment.
func TestShortPauseIsNotTold(t *testing.T) {
	w := newWorld(t, "")
	w.start()
	lock := w.dir + "/.git/index.lock"
	w.must(os.WriteFile(lock, nil, 0o666))
	w.eventually("the daemon waits", func() bool { return w.d.Status().Paused != "" })
	w.must(os.Remove(lock))
	w.write(reply, good("after it"))
	w.awaitCommitted(reply)
	if n := w.count(daemon.EventPaused) + w.count(daemon.EventResumed); n != 0 {
		t.Errorf("told:%s", w.told())
	}
}

// TestMissingFolderIsTold while the daemon runs.
func TestMissingFolderIsTold(t *testing.T) {
	w := newWorld(t, "prompts")
	w.start()
	before := w.head()
	w.must(os.RemoveAll(w.root))
	if e := w.awaitTold(daemon.EventPaused); e.Text != "paused: the folder is missing" {
		t.Errorf("told %q", e.Text)
	}
	w.git("checkout", "-q", "--", "prompts")
	w.awaitTold(daemon.EventResumed)
	w.rest()
	if w.head() != before {
		t.Error("something was committed")
	}
}
