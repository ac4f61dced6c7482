package push_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/anvilpeering/anvil/protocol"
	"github.com/anvilpeering/anvil/push"
)

// That a release reaches nobody is seen at once, with the reason.
func TestFailureIsTold(t *testing.T) {
	h, advance := at(t, push.Options{})
	h.tip(h.save(library1()))
	r, k := h.draft("support"), h.token("support", "draft")
	say := func(client string, code protocol.Code, message string) {
		t.Helper()
		h.register(k, client, nil)
		a := protocol.Acknowledgement{
			ClientID: client, Release: r.ID.String(), Revision: r.Revision.String(), State: "failed", Code: code, Message: message,
		}
		for range 3 { // it is said again when an answer was lost
			if err := h.Acknowledge(t.Context(), k, []protocol.Acknowledgement{a}); err != nil {
				t.Fatal(err)
			}
		}
		advance(time.Second)
	}
	say("c1", "untrusted", "signed by a key that is not trusted")
	say("c2", "compile", "support/triage/classify does not compile")
	for _, c := range h.Channels() {
		switch f := c.Failure; {
		case c.Project != "support":
			if f != nil {
				t.Errorf("%s: %+v", c.Project, f)
			}
		case c.Failing != 2 || f == nil || f.Client != "c2" || f.Code != "compile" || f.Message != "support/triage/classify does not compile":
			t.Errorf("%+v", c)
		}
	}
	log := h.logged.String()
	if strings.Count(log, "level=WARN") != 2 || !strings.Contains(log, "client=c1") || !strings.Contains(log, "signed by a key that is not trusted") {
		t.Errorf("logged:\n%s", log)
	}
}

// Every release stands in the log, with what it is made of; a publish also with
// who did it.
func TestReleasesAreLogged(t *testing.T) {
	h, _ := at(t, push.Options{})
	h.tip(h.save(library1()))
	r := h.publish("support", "production", "")
	h.publish("support", "production", "") // nothing new
	log := h.logged.String()
	for line, count := range map[string]int{
		`level=INFO msg="release recorded" project=`: 3,
		`project=sales channel=draft`:                1,
		`project=support channel=production release=` + r.ID.String() + ` revision=` + r.Revision.String() + ` reason=publish`: 1,
		`level=INFO msg=published project=support channel=production revision=` + r.Revision.String() + ` by=me`:               1,
	} {
		if n := strings.Count(log, line); n != count {
			t.Errorf("%d times %q in\n%s", n, line, log)
		}
	}
}

// A server that is told to end while it starts, or that cannot write down who was
// seen last, ends quietly.
func TestEndIsQuiet(t *testing.T) {
	h := newHouse(t, push.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := push.Open(ctx, h.store, h.log, push.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("opened: %v", err)
	}
	h.token("support", "draft") // was used, which is to be written down
	stop := h.run()
	if err := h.store.Close(); err != nil {
		t.Fatal(err)
	}
	stop()
	if log := h.logged.String(); !strings.Contains(log, "level=WARN msg=\"clients not written down at the end\"") {
		t.Errorf("logged: %s", log)
	}
}
