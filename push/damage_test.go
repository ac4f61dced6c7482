package push_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/anvilpeering/anvil/protocol"
	"github.com/anvilpeering/anvil/push"
)

// damage makes what a channel offers unreadable, and starts the server again.
func (h *house) damage(project, channel string) {
	h.t.Helper()
	h.close()
	file := filepath.Join(h.dir, "releases.git", "refs", "heads", project, channel)
	if err := os.WriteFile(file, []byte(strings.Repeat("1", 40)+"\n"), 0o644); err != nil {
		h.t.Fatal(err)
	}
	h.open()
}

// A channel that cannot be read says so to everybody who asks for it, and holds
// nobody else up.
func TestDamagedChannel(t *testing.T) {
	h, _ := at(t, push.Options{})
	h.tip(h.save(library1()))
	h.publish("support", "production", "")
	k, other := h.token("support", "draft"), h.token("sales", "draft")
	first := h.draft("support")
	k, other = push.Token{Role: k.Role, Project: k.Project, Channel: k.Channel}, push.Token{Role: other.Role, Project: other.Project, Channel: other.Channel}
	h.damage("support", "draft")

	if _, err := h.Check(t.Context(), k, push.CheckRequest{}); !errors.Is(err, push.ErrDamaged) || strings.Contains(hint(err), h.dir) {
		t.Errorf("check: %v, hint %q", err, hint(err))
	}
	if _, err := h.Bundle(t.Context(), k, push.BundleRequest{To: first.ID.String()}); !errors.Is(err, push.ErrDamaged) {
		t.Errorf("bundle: %v", err)
	}
	if _, err := h.Publish(t.Context(), push.PublishRequest{Project: "support", Channel: "production"}, "me"); !errors.Is(err, push.ErrDamaged) {
		t.Errorf("publish: %v", err)
	}
	if _, err := h.Releases(t.Context(), "support", "draft", 10); !errors.Is(err, push.ErrDamaged) {
		t.Errorf("releases: %v", err)
	}
	if a, err := h.Check(t.Context(), other, push.CheckRequest{}); err != nil || a.Stay() {
		t.Errorf("the other project: %v", err)
	}
	for _, c := range h.Channels() {
		if want := c.Project == "support" && c.Channel == "draft"; (c.Damaged != "") != want || (c.Head == nil) != want || want && !strings.Contains(c.Hint, "update-ref -d refs/heads/support/draft") {
			t.Errorf("%+v", c)
		}
	}
}

// A tip counts as looked at although a project of it is damaged. That one waits,
// and is not tried in vain.
func TestDamagedProjectHoldsNoTipUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, push.Options{})
		h.tip(h.save(library1()))
		first := h.draft("sales")
		h.damage("support", "draft")
		stop := h.run()
		time.Sleep(time.Minute)
		h.tip(h.save(map[string]string{"support/triage/classify.yaml": prompt("two"), "sales/mail/offer.yaml": prompt("two")}))
		if w := h.Waiting(); len(w) != 1 || w[0].Project != "support" || !strings.Contains(w[0].Hint, "update-ref -d") {
			t.Errorf("waiting %+v", w)
		}
		if h.draft("sales").ID == first.ID {
			t.Error("the other project was not released")
		}
		logged := h.logged.String()
		time.Sleep(time.Hour)
		if again := strings.TrimPrefix(h.logged.String(), logged); again != "" {
			t.Errorf("logged: %s", again)
		}
		stop()
	})
}

// After a signing key was lost, or the right one came back, what is published
// again is signed anew though nothing in it has changed.
func TestPublishSignsAnew(t *testing.T) {
	h, _ := at(t, push.Options{})
	h.tip(h.save(library1()))
	first := h.publish("support", "production", "")
	h.seed = "another"
	h.open()
	second := h.publish("support", "production", "")
	if second.ID == first.ID || second.Revision != first.Revision || second.Reason != string(protocol.ReasonPublish) {
		t.Errorf("published %+v", second)
	}
	if again := h.publish("support", "production", ""); again.ID != second.ID {
		t.Errorf("published once more: %+v", again)
	}
}

// A server that runs with another key than the releases' signs them anew.
func TestOtherKeySignsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, push.Options{})
		h.tip(h.save(library1()))
		h.seed = "another"
		h.open()
		stop := h.run()
		synctest.Wait()
		if r := h.draft("support"); !h.log.Signed(r) || r.Reason != string(protocol.ReasonRenewal) {
			t.Errorf("draft %+v", r)
		}
		stop()
	})
}
