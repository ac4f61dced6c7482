package release

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/anvilpeering/anvil/gitstore"
	"github.com/anvilpeering/anvil/library"
)

// The crash tests run this test binary again as the process that dies.
const childVariable = "ANVIL_RELEASE_CHILD"

func TestMain(m *testing.M) {
	if folder := os.Getenv(childVariable); folder != "" {
		if err := recordForever(folder); err != nil {
			fmt.Println("failed:", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// mortal is a key in whose hands the process dies.
type mortal struct {
	ssh.Signer
	left int
}

func (m *mortal) Sign(rand io.Reader, data []byte) (*ssh.Signature, error) {
	if m.left--; m.left == 0 {
		self, err := os.FindProcess(os.Getpid())
		if err != nil {
			return nil, err
		}
		if err := self.Kill(); err != nil {
			return nil, err
		}
		select {}
	}
	return m.Signer.Sign(rand, data)
}

// recordForever renews, publishes and cuts, and says after each record what it
// recorded.
func recordForever(folder string) error {
	releases, err := gitstore.Open(filepath.Join(folder, "releases.git"), gitstore.Options{})
	if err != nil {
		return err
	}
	authors, err := gitstore.Open(filepath.Join(folder, "authors"), gitstore.Options{})
	if err != nil {
		return err
	}
	signer := &mortal{Signer: testKey("acme")}
	if os.Getenv(childVariable+"_SIGNING") != "" {
		signer.left = 2
	}
	log, err := Open(releases, library.Open(authors, "", library.Options{}), Options{
		Organisation: "acme",
		Signer:       signer,
		Now:          func() time.Time { return time.Unix(start, 0) },
	})
	if err != nil {
		return err
	}
	log.cut = 3
	tip, err := authors.Resolve("main")
	if err != nil {
		return err
	}
	ctx := context.Background()
	for {
		p, err := log.Plan(ctx, "support", Draft, tip)
		if err != nil {
			return err
		}
		r, err := log.Record(ctx, p, "draft")
		if err != nil {
			return err
		}
		fmt.Println("recorded", r.ID)
		// Every other one has other content.
		if tip, err = other(authors, tip); err != nil {
			return err
		}
	}
}

// other is the parent of rev, or the tip when it has none.
func other(authors *gitstore.Repo, rev gitstore.Hash) (gitstore.Hash, error) {
	c, err := authors.CommitAt(rev)
	if err != nil || len(c.Parents) == 0 {
		return authors.Resolve("main")
	}
	return c.Parents[0], err
}

// Whenever the process dies, the channel offers the release before or the next
// one, whole, and goes on from there.
func TestKilledWhileRecording(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	h := newHouse(t)
	h.save("support/triage/classify.yaml", text("other"))
	last := h.log.Head("support", Draft)
	folder := filepath.Dir(h.authors)
	const rounds = 16
	for round := range rounds {
		h.close()
		child := exec.Command(self)
		child.Env = append(os.Environ(), childVariable+"="+folder)
		if round%4 == 3 {
			child.Env = append(child.Env, childVariable+"_SIGNING=1")
		}
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		said := last.ID
		lines := bufio.NewScanner(out)
		for n := 0; lines.Scan(); n++ {
			hex, ok := strings.CutPrefix(lines.Text(), "recorded ")
			if !ok {
				t.Fatalf("the process that records: %s", lines.Text())
			}
			if said, err = gitstore.ParseHash(hex); err != nil {
				t.Fatal(err)
			}
			if n == round%3 {
				// Somewhere in the next record, another place each round.
				time.AfterFunc(time.Duration(round)*700*time.Microsecond, func() { _ = child.Process.Kill() })
			}
		}
		_ = child.Wait() // it was killed

		h.open()
		head := h.log.Head("support", Draft)
		h.full(head)
		if head.ID != said {
			commit, err := h.log.repo.CommitAt(head.ID)
			if err != nil {
				t.Fatal(err)
			}
			before := h.history("support", Draft)[1]
			if before.ID != said {
				t.Fatalf("round %d: head %s after %v, but %s was the last that was recorded", round, head.ID.Short(), commit.Parents, said.Short())
			}
		}
		if head.Sequence <= last.Sequence && head.ID != last.ID {
			t.Fatalf("round %d: sequence %d after %d", round, head.Sequence, last.Sequence)
		}
		h.sound()
		// The next process is not in the way of what the dead one left.
		h.log.cut = 3
		last = h.record(h.plan("support", Draft), "draft")
		for _, r := range h.history("support", Draft) {
			same(t, h.read(h.artefact(last, r), h.full(r)), h.full(last))
		}
	}
	h.sound()
}

// A lock that somebody holds refuses a record and changes nothing.
func TestRefIsLocked(t *testing.T) {
	h := newHouse(t)
	head := h.record(h.plan("support", Draft), "draft")
	lock := filepath.Join(h.releases, "refs", "heads", "support", "draft.lock")
	if err := os.WriteFile(lock, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	h.write("support/triage/classify.yaml", text("new"))
	h.commit("New")
	p := h.plan("support", Draft)
	if r, err := h.log.Record(t.Context(), p, "draft"); err == nil {
		t.Errorf("recorded %s under a lock", r.ID)
	}
	if h.log.Head("support", Draft) != head {
		t.Error("the head moved")
	}
	if err := os.Remove(lock); err != nil {
		t.Fatal(err)
	}
	h.record(p, "draft")
	h.sound()
}
