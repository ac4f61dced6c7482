package daemon_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/anvilpeering/anvil/daemon"
)

const reply = "support/triage/reply.yaml"

func TestInvalidSaveIsHeldAndMended(t *testing.T) {
	w := newWorld(t, "prompts")
	w.start()
	before := w.head()
	w.write(reply, bad("hello"))
	h := w.awaitHeld(reply, daemon.HeldProblems)
	if len(h.Problems) == 0 {
		t.Fatal("the hold names no problem")
	}
	p := h.Problems[0]
	if p.Path != reply || p.Line != 5 || p.Rule == "" || p.Hint == "" || h.Reason == "" || h.Since.IsZero() {
		t.Errorf("the hold is %+v", h)
	}
	w.rest()
	if w.head() != before {
		t.Fatal("an invalid file was committed")
	}
	// What is right beside it is committed, and says how much is held.
	w.write("support/triage/classify.yaml", good("beside it"))
	w.awaitCommitted("support/triage/classify.yaml")
	if got := w.git("log", "-1", "--format=%(trailers:key=Anvil-Held,valueonly)"); strings.TrimSpace(got) != "1" {
		t.Errorf("Anvil-Held: %q", got)
	}
	w.write(reply, good("mended"))
	w.awaitCommitted(reply)
	w.awaitNoHolds()
	if held, mended := w.count(daemon.EventHeld), w.count(daemon.EventMended); held != 1 || mended != 1 {
		t.Errorf("%d held, %d mended, want one of each:%s", held, mended, w.told())
	}
}

func TestHoldEndsWhenTheFileIsAsItWas(t *testing.T) {
	w := newWorld(t, "")
	w.start()
	before := w.head()
	w.write(reply, bad("hello"))
	w.awaitHeld(reply, daemon.HeldProblems)
	w.git("checkout", "--", reply)
	w.awaitNoHolds()
	w.rest()
	if w.head() != before {
		t.Error("something was committed")
	}
}

func TestHoldSurvivesARestart(t *testing.T) {
	w := newWorld(t, "")
	w.start()
	w.write(reply, bad("hello"))
	w.awaitHeld(reply, daemon.HeldProblems)
	w.restart()
	w.awaitHeld(reply, daemon.HeldProblems)
	w.write(reply, good("mended"))
	w.awaitCommitted(reply)
}

// TestOldProblemsHoldNothing edits a file that was bad before.
func TestOldProblemsHoldNothing(t *testing.T) {
	w := newWorld(t, "")
	w.write(reply, bad("hello"))
	w.git("commit", "-qam", "a bad one, by hand")
	w.start()
	w.write(reply, bad("hello again"))
	w.awaitCommitted(reply)
}

// TestDependants: what needs a held new partial is held with it; a partial that
// others need cannot go.
func TestDependants(t *testing.T) {
	w := newWorld(t, "")
	w.start()
	before := w.head()
	const partial, caller = "shop/voice/_sign.yaml", "shop/voice/bye.yaml"
	w.write(partial, "template: |\n  {% if %}\n")
	w.write(caller, "name: Bye\ntemplate: |\n  Bye. {% render \"_sign\" %}\n")
	w.awaitHeld(partial, daemon.HeldProblems)
	w.awaitHeld(caller, daemon.HeldProblems)
	w.write(partial, "template: The shop\n")
	w.awaitCommitted(partial, caller)
	w.awaitNoHolds()
	w.remove("shop/voice/_tone.yaml")
	h := w.awaitHeld("shop/voice/_tone.yaml", daemon.HeldProblems)
	if !strings.Contains(h.Reason, "greet.yaml") {
		t.Errorf("the reason does not name who needs it: %q", h.Reason)
	}
	// Together with its last caller it may.
	w.remove("shop/voice/greet.yaml")
	w.awaitCommitted("shop/voice/_tone.yaml", "shop/voice/greet.yaml")
	w.awaitNoHolds()
	w.rest()
	if n := w.commits(before); n != 2 {
		t.Errorf("%d commits, want 2\n%s", n, w.git("log", "--stat", before+"..HEAD"))
	}
}

// TestRenameWithATypo must not make the prompt vanish.
func TestRenameWithATypo(t *testing.T) {
	w := newWorld(t, "")
	w.start()
	before := w.head()
	w.rename(reply, "support/triage/answer.yaml")
	w.write("support/triage/answer.yaml", bad("typo"))
	w.awaitHeld("support/triage/answer.yaml", daemon.HeldProblems)
	w.awaitHeld(reply, daemon.HeldDeletion)
	w.rest()
	if w.head() != before {
		t.Fatal("something was committed")
	}
	w.write("support/triage/answer.yaml", good("no typo"))
	w.awaitCommitted(reply, "support/triage/answer.yaml")
	w.awaitNoHolds()
	if n := w.commits(before); n != 1 {
		t.Errorf("%d commits, want 1", n)
	}
	if got, want := w.subject(), "rename support/triage/reply → support/triage/answer"; got != want {
		t.Errorf("subject %q, want %q", got, want)
	}
}

func TestAcceptADeletionHeldWithANewFile(t *testing.T) {
	w := newWorld(t, "")
	w.start()
	w.remove(reply)
	w.write("support/triage/answer.yaml", bad("typo"))
	w.awaitHeld(reply, daemon.HeldDeletion)
	w.must(w.d.Accept(w.t.Context(), reply))
	w.awaitCommitted(reply)
	w.awaitHeld("support/triage/answer.yaml", daemon.HeldProblems)
}

func TestMassDeletion(t *testing.T) {
	many := func(w *world, n int) (paths []string) {
		for i := range n {
			paths = append(paths, fmt.Sprintf("support/many/p%02d.yaml", i))
			w.write(paths[i], good(fmt.Sprint(i)))
		}
		w.git("add", ".")
		w.git("commit", "-qm", "many")
		return paths
	}
	t.Run("more than half and more than ten", func(t *testing.T) {
		w := newWorld(t, "")
		paths := many(w, 18)
		w.start()
		before := w.head()
		for _, path := range paths[:12] {
			w.remove(path)
		}
		h := w.awaitHeld("support", daemon.HeldDeletion)
		if !strings.Contains(h.Reason, "12 of 20") {
			t.Errorf("reason %q", h.Reason)
		}
		w.rest()
		if w.head() != before {
			t.Fatal("it was committed")
		}
		w.restart()
		w.awaitHeld("support", daemon.HeldDeletion)
		w.must(w.d.Accept(w.t.Context(), "support"))
		w.awaitCommitted(paths[:12]...)
		w.awaitNoHolds()
		if n := w.commits(before); n != 1 {
			t.Errorf("%d commits, want 1", n)
		}
	})
	t.Run("ten of twenty", func(t *testing.T) {
		w := newWorld(t, "")
		paths := many(w, 18)
		w.start()
		for _, path := range paths[:10] {
			w.remove(path)
		}
		w.awaitCommitted(paths[:10]...)
	})
	t.Run("a whole project", func(t *testing.T) {
		w := newWorld(t, "")
		w.start()
		w.remove("shop")
		w.awaitHeld("shop", daemon.HeldDeletion)
		w.write(reply, good("beside it"))
		w.awaitCommitted(reply)
		w.git("checkout", "--", "shop")
		w.awaitNoHolds()
	})
	t.Run("a folder with everything gets another name", func(t *testing.T) {
		w := newWorld(t, "")
		paths := many(w, 18)
		w.start()
		before := w.head()
		w.rename("support/many", "support/lots")
		w.awaitCommitted(paths...)
		w.rest()
		if n := w.commits(before); n != 1 {
			t.Errorf("%d commits, want 1", n)
		}
	})
}

// TestOrganisationFileIsGone: without it the folder is none of Anvil's.
func TestOrganisationFileIsGone(t *testing.T) {
	w := newWorld(t, "prompts")
	w.start()
	before := w.head()
	content := w.read("anvil.yaml")
	w.remove("anvil.yaml")
	w.awaitHeld("anvil.yaml", daemon.HeldDeletion)
	w.write(reply, good("beside it"))
	w.awaitCommitted(reply)
	w.write("anvil.yaml", content)
	w.awaitNoHolds()
	if n := w.commits(before); n != 1 {
		t.Errorf("%d commits, want 1", n)
	}
	w.remove("anvil.yaml")
	w.awaitHeld("anvil.yaml", daemon.HeldDeletion)
	w.must(w.d.Accept(w.t.Context(), "anvil.yaml"))
	w.awaitCommitted("anvil.yaml")
	w.awaitNoHolds()
	if e := w.awaitTold(daemon.EventCommitted); len(e.Removed) != 1 || e.Removed[0] != "anvil.yaml" {
		t.Errorf("told of %v, removed %v", e.Paths, e.Removed)
	}
}

// TestAcceptWaitsNoLongerThanItsContext while the loop is busy.
func TestAcceptWaitsNoLongerThanItsContext(t *testing.T) {
	w := newWorld(t, "")
	busy, free := make(chan struct{}), make(chan struct{})
	w.onEvent = func(e daemon.Event) {
		if e.Kind == daemon.EventCommitted {
			close(busy)
			<-free
		}
	}
	w.start()
	w.write(reply, good("edited"))
	<-busy
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	cancel(enough)
	if err := w.d.Accept(ctx, reply); !errors.Is(err, enough) {
		t.Errorf("accept: %v", err)
	}
	close(free)
}

// TestMoved: an older text never silently undoes a newer commit.
func TestMoved(t *testing.T) {
	// Somebody commits to the branch without touching the work tree, as a push
	// or a commit in another work tree does.
	elsewhere := func(w *world, path, content string) {
		w.t.Helper()
		blob := w.dir + "/../blob"
		w.must(os.WriteFile(blob, []byte(content), 0o666))
		hash := w.git("hash-object", "-w", blob)
		index := "GIT_INDEX_FILE=" + w.dir + "/.git/other-index"
		run := func(args ...string) string {
			w.t.Helper()
			return w.gitWith([]string{index}, args...)
		}
		run("read-tree", "HEAD")
		run("update-index", "--add", "--cacheinfo", "100644,"+hash+","+path)
		tree := run("write-tree")
		w.must(os.Remove(w.dir + "/.git/other-index"))
		w.must(os.Remove(blob))
		w.git("update-ref", "refs/heads/main", w.git("commit-tree", tree, "-p", "HEAD", "-m", "from elsewhere"))
	}
	t.Run("the folder has the older text", func(t *testing.T) {
		w := newWorld(t, "")
		w.start()
		elsewhere(w, reply, good("newer"))
		h := w.awaitHeld(reply, daemon.HeldMoved)
		if h.Hint == "" {
			t.Error("no hint")
		}
		w.restart()
		w.awaitHeld(reply, daemon.HeldMoved)
		if got := w.committed(reply); got != good("newer") {
			t.Fatalf("committed:\n%s", got)
		}
		w.git("checkout", "HEAD", "--", reply)
		w.awaitNoHolds()
		w.write(reply, good("newest"))
		w.awaitCommitted(reply)
	})
	t.Run("an edit of the older text, accepted", func(t *testing.T) {
		w := newWorld(t, "")
		w.start()
		w.write(reply, bad("mine"))
		w.awaitHeld(reply, daemon.HeldProblems)
		elsewhere(w, reply, good("newer"))
		w.awaitHeld(reply, daemon.HeldMoved)
		w.write(reply, good("mine"))
		w.rest()
		w.awaitHeld(reply, daemon.HeldMoved)
		// git's index still has the text from before, so to git it looks staged.
		w.git("reset", "-q", "--", reply)
		w.must(w.d.Accept(w.t.Context(), reply))
		w.awaitCommitted(reply)
		w.awaitNoHolds()
	})
	t.Run("the user's own commit is no other author", func(t *testing.T) {
		w := newWorld(t, "")
		w.start()
		w.write(reply, bad("mine"))
		w.awaitHeld(reply, daemon.HeldProblems)
		w.git("commit", "-qam", "bad, but mine")
		w.awaitNoHolds()
		w.write(reply, good("mine, mended"))
		w.awaitCommitted(reply)
	})
	// pull brings a commit of another clone, with edits in flight.
	pull := func(w *world, path, content string) {
		w.t.Helper()
		other := w.t.TempDir()
		w.git("clone", "-q", w.dir, other)
		w.must(os.WriteFile(filepath.Join(other, path), []byte(content), 0o666))
		w.git("-C", other, "-c", "user.name=Eve", "-c", "user.email=eve@example.com", "commit", "-qam", "from elsewhere")
		w.git("pull", "-q", "--rebase", "--autostash", other, "main")
	}
	named := func(text, name string) string { return strings.Replace(text, "name: A prompt", "name: "+name, 1) }
	t.Run("git has merged it", func(t *testing.T) {
		w := newWorld(t, "")
		w.start()
		w.write(reply, bad("mine"))
		w.awaitHeld(reply, daemon.HeldProblems)
		pull(w, reply, named(good("reply"), "Newer"))
		if got := w.read(reply); got != named(bad("mine"), "Newer") {
			t.Fatalf("git left\n%s", got)
		}
		w.rest()
		w.awaitHeld(reply, daemon.HeldProblems)
		w.write(reply, named(good("mine"), "Newer"))
		w.awaitCommitted(reply)
		w.awaitNoHolds()
	})
	t.Run("it is merged", func(t *testing.T) {
		w := newWorld(t, "")
		w.start()
		w.write(reply, bad("mine"))
		w.awaitHeld(reply, daemon.HeldProblems)
		pull(w, reply, named(good("reply"), "Newer"))
		w.awaitHeld(reply, daemon.HeldProblems)
		w.write(reply, good("mine")) // from the editor, which knows of no pull
		w.awaitContent(reply, named(good("mine"), "Newer"))
		w.awaitCommitted(reply)
		w.awaitNoHolds()
	})
	// moved has an edit of the older text in the folder, and git's index as it is
	// after a pull.
	moved := func(w *world, newer, mine string) {
		w.t.Helper()
		w.write(reply, bad("mine"))
		w.awaitHeld(reply, daemon.HeldProblems)
		elsewhere(w, reply, newer)
		w.awaitHeld(reply, daemon.HeldMoved)
		w.write(reply, mine)
		w.rest()
		w.awaitHeld(reply, daemon.HeldMoved)
		w.git("reset", "-q", "--", reply)
	}
	t.Run("in conflict", func(t *testing.T) {
		w := newWorld(t, "")
		w.start()
		newer, mine := named(good("reply"), "Newer"), named(good("mine"), "Mine")
		moved(w, newer, mine)
		w.eventually("the hold names the field", func() bool {
			h := w.held(reply)
			return h != nil && h.Kind == daemon.HeldMoved && strings.Contains(h.Reason, "name: both sides changed it")
		})
		w.restart()
		w.awaitHeld(reply, daemon.HeldMoved)
		if w.committed(reply) != newer || w.read(reply) != mine {
			t.Fatalf("committed:\n%s\nin the folder:\n%s", w.committed(reply), w.read(reply))
		}
		w.write(reply, named(good("mine"), "Newer"))
		w.awaitCommitted(reply)
		w.awaitNoHolds()
	})
	t.Run("saved again while the merge is committed", func(t *testing.T) {
		w := newWorld(t, "")
		described := func(text string) string { return text + "description: the last word\n" }
		w.onEvent = func(e daemon.Event) {
			if e.Kind == daemon.EventCommitted && w.read(reply) == good("mine") {
				w.write(reply, described(good("mine")))
			}
		}
		w.start()
		pull(w, reply, named(good("reply"), "Newer"))
		w.rest()
		w.write(reply, good("mine"))
		w.awaitContent(reply, described(named(good("mine"), "Newer")))
		w.awaitCommitted(reply)
		w.awaitNoHolds()
	})
	t.Run("killed before the file has the merge", func(t *testing.T) {
		w := newWorld(t, "")
		w.start()
		w.write(reply, bad("mine"))
		w.awaitHeld(reply, daemon.HeldProblems)
		elsewhere(w, reply, named(good("reply"), "Newer"))
		w.awaitHeld(reply, daemon.HeldMoved)
		w.write(reply, named(good("mine"), "Mine"))
		w.rest()
		w.stop()
		// What a kill leaves: the commit and the index have more than the file, and
		// a file of the update may lie in git's folder.
		elsewhere(w, reply, named(good("mine"), "Mine")+"description: theirs\n")
		w.git("reset", "-q", "--", reply)
		left := filepath.Join(w.dir, ".git", "anvil", "merged.1")
		w.must(os.WriteFile(left, []byte(named(good("mine"), "Mine")), 0o666))
		unknown := filepath.Join(w.dir, ".git", "anvil", "merged.2")
		w.must(os.WriteFile(unknown, []byte("saved in the very moment"), 0o666))
		w.start()
		w.awaitContent(reply, named(good("mine"), "Mine")+"description: theirs\n")
		w.awaitNoHolds()
		if _, err := os.Stat(left); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("what is known is left: %v", err)
		}
		w.must(os.Remove(unknown))
	})
	t.Run("the merge has problems", func(t *testing.T) {
		w := newWorld(t, "")
		w.start()
		declared := strings.Replace(good("reply"), "{{ who }}", "{{ whom }}", 1)
		declared = strings.Replace(declared, "who:", "whom:", 1)
		mine := good("reply") + "tests:\n  - with: {who: Ada}\n    expect: {contains: [Ada]}\n"
		moved(w, declared, mine)
		w.eventually("the hold says so", func() bool {
			h := w.held(reply)
			return h != nil && h.Kind == daemon.HeldMoved && strings.Contains(h.Reason, "together with what was committed")
		})
		if got := w.read(reply); got != mine {
			t.Fatalf("the author's file is\n%s", got)
		}
		if got := w.committed(reply); got != declared {
			t.Fatalf("committed:\n%s", got)
		}
	})
	t.Run("from an editor that was open since before", func(t *testing.T) {
		w := newWorld(t, "")
		w.start()
		pull(w, reply, named(good("reply"), "Newer"))
		w.rest()
		w.write(reply, good("mine")) // the old name
		w.awaitContent(reply, named(good("mine"), "Newer"))
		w.awaitCommitted(reply)
		w.write(reply, good("mine again")) // it was not loaded again
		w.rest()
		w.awaitHeld(reply, daemon.HeldMoved)
		w.must(w.d.Accept(w.t.Context(), reply))
		w.awaitCommitted(reply)
		w.write(reply, named(good("mine"), "Newer"))
		w.awaitCommitted(reply)
	})
	t.Run("an edit of what somebody else has changed", func(t *testing.T) {
		w := newWorld(t, "")
		w.start()
		pull(w, reply, named(good("theirs"), "Newer"))
		w.rest()
		w.write(reply, named(good("reply"), "Newer")) // half of it is undone
		w.awaitCommitted(reply)
		pull(w, reply, named(good("reply"), "Newest"))
		w.rest()
		w.write(reply, named(good("reply"), "Mine")) // the same line
		w.awaitCommitted(reply)
		w.awaitNoHolds()
	})
	t.Run("the user's own commit, undone", func(t *testing.T) {
		w := newWorld(t, "")
		w.start()
		w.write(reply, bad("mine"))
		w.awaitHeld(reply, daemon.HeldProblems)
		w.git("commit", "-qam", "bad, but mine")
		w.awaitNoHolds()
		w.write(reply, good("reply"))
		w.awaitCommitted(reply)
	})
	t.Run("while the daemon was away", func(t *testing.T) {
		w := newWorld(t, "")
		w.start()
		w.stop()
		w.write(reply, good("edited while nobody watched"))
		elsewhere(w, reply, good("newer"))
		w.start()
		w.awaitHeld(reply, daemon.HeldMoved)
	})
}

func TestStaged(t *testing.T) {
	w := newWorld(t, "")
	w.start()
	before := w.head()
	w.d.Rescan()
	// Two versions: one staged, another in the folder.
	w.stop()
	w.write(reply, good("staged"))
	w.git("add", reply)
	w.write(reply, good("not staged yet"))
	w.start()
	h := w.awaitHeld(reply, daemon.HeldStaged)
	if !strings.Contains(h.Hint, "git restore --staged") {
		t.Errorf("hint %q", h.Hint)
	}
	var refused *daemon.AcceptError
	if err := w.d.Accept(w.t.Context(), reply); !errors.As(err, &refused) || refused.Hint() == "" {
		t.Errorf("accept: %v", err)
	}
	// What is staged elsewhere stays staged, while others are committed.
	w.write("support/triage/classify.yaml", good("beside it"))
	w.awaitCommitted("support/triage/classify.yaml")
	w.eventually("the same is staged as before", func() bool { return w.git("diff", "--cached", "--name-only") == reply })
	w.git("restore", "--staged", reply)
	w.awaitCommitted(reply)
	w.awaitNoHolds()
	if n := w.commits(before); n != 2 {
		t.Errorf("%d commits, want 2", n)
	}
}

func TestAcceptWhatIsNotHeld(t *testing.T) {
	w := newWorld(t, "")
	w.start()
	err := w.d.Accept(w.t.Context(), reply)
	var advice interface{ Hint() string }
	if !errors.Is(err, daemon.ErrNotHeld) || !errors.As(err, &advice) || !strings.Contains(advice.Hint(), "anvil status") {
		t.Errorf("accept: %v", err)
	}
	w.write(reply, bad("hello"))
	w.awaitHeld(reply, daemon.HeldProblems)
	var refused *daemon.AcceptError
	if err := w.d.Accept(w.t.Context(), reply); !errors.As(err, &refused) {
		t.Errorf("accept: %v", err)
	}
	w.stop()
	done := make(chan error)
	go func() { done <- w.d.Accept(context.Background(), reply) }()
	select {
	case err := <-done:
		if !errors.Is(err, daemon.ErrStopped) {
			t.Errorf("accept: %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("Accept hangs after the end")
	}
	w.start()
}
