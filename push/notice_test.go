package push_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/anvilpeering/anvil/push"
)

// copied keeps a folder or a file of a server that is down, to be put back.
func (h *house) copied(name string) (restore func()) {
	h.t.Helper()
	kept, path := filepath.Join(h.t.TempDir(), "kept"), filepath.Join(h.dir, name)
	info, err := os.Stat(path)
	if err != nil {
		h.t.Fatal(err)
	}
	move := func(from, to string) {
		h.t.Helper()
		if err := os.RemoveAll(to); err != nil {
			h.t.Fatal(err)
		}
		if info.IsDir() {
			err = os.CopyFS(to, os.DirFS(from))
		} else {
			var data []byte
			if data, err = os.ReadFile(from); err == nil {
				err = os.WriteFile(to, data, 0o600)
			}
		}
		if err != nil {
			h.t.Fatal(err)
		}
	}
	move(path, kept)
	return func() { h.t.Helper(); move(kept, path) }
}

// notices are what is told now, as "project/channel: message".
func (h *house) notices() string {
	var all []string
	for _, n := range h.Notices() {
		if n.Hint == "" {
			h.t.Errorf("no hint: %+v", n)
		}
		all = append(all, n.Project+"/"+n.Channel+": "+n.Message)
	}
	return strings.Join(all, "\n")
}

// What does not fit together after a loss or a restore is said until it does.
func TestStateThatDoesNotFit(t *testing.T) {
	for _, c := range []struct {
		name string
		harm func(t *testing.T, h *house, oldDatabase, oldReleases func())
		want string // part of the one notice, "" for none
		mend func(h *house)
	}{
		{"nothing", func(*testing.T, *house, func(), func()) {}, "", nil},
		{"the database is lost", func(t *testing.T, h *house, _, _ func()) {
			for _, name := range []string{"anvil.db", "anvil.db-wal", "anvil.db-shm"} {
				if err := os.RemoveAll(filepath.Join(h.dir, name)); err != nil {
					t.Fatal(err)
				}
			}
		}, "/: there are releases from before the database was made", func(h *house) {
			h.token("support", "draft")
			h.publish("support", "production", h.draft("support").Revision.String())
		}},
		{
			"the database is old", func(_ *testing.T, _ *house, old, _ func()) { old() },
			"support/production: the audit log does not know", func(h *house) {
				h.tip(h.save(map[string]string{"support/triage/classify.yaml": prompt("three")}))
				h.publish("support", "production", "")
			},
		},
		{
			"the releases are old", func(_ *testing.T, _ *house, _, old func()) { old() },
			"support/production: 1 of the clients of support/production hold a newer release", func(h *house) {
				h.tip(h.save(map[string]string{"support/triage/classify.yaml": prompt("three")}))
				h.publish("support", "production", "")
			},
		},
		{"a channel is lost", func(t *testing.T, h *house, _, _ func()) {
			if err := os.Remove(filepath.Join(h.dir, "releases.git", "refs", "heads", "support", "production")); err != nil {
				t.Fatal(err)
			}
		}, "support/production: support/production offers nothing, and 1 of its clients hold", func(h *house) { h.publish("support", "production", "") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHouse(t, push.Options{})
				time.Sleep(time.Minute)
				h.tip(h.save(library1()))
				h.publish("support", "production", "")
				k := h.token("support", "production")
				h.close()
				oldDatabase, oldReleases := h.copied("anvil.db"), h.copied("releases.git")
				h.open()
				time.Sleep(time.Minute)
				h.tip(h.save(map[string]string{"support/triage/classify.yaml": prompt("two")}))
				r := h.publish("support", "production", "")
				h.register(k, "c1", r)
				if got := h.notices(); got != "" {
					t.Errorf("all is well, and told is %s", got)
				}
				h.close()
				time.Sleep(time.Minute)
				c.harm(t, h, oldDatabase, oldReleases)
				h.open()
				got := h.notices()
				if !strings.HasPrefix(got, c.want) || strings.Contains(got, "\n") || (c.want == "") != (got == "") {
					t.Errorf("told is %q, want %q", got, c.want)
				}
				if logged := strings.Contains(h.logged.String(), "level=WARN"); logged != (c.want != "") {
					t.Errorf("logged: %s", h.logged.String())
				}
				for _, k := range h.Clients() {
					if current := k.Health == push.HealthCurrent; current != (c.want == "") {
						t.Errorf("%s is %s", k.ID, k.Health)
					}
				}
				if c.mend != nil {
					time.Sleep(time.Minute)
					c.mend(h)
					if got := h.notices(); got != "" {
						t.Errorf("mended, and told is %s", got)
					}
				}
				h.close()
			})
		})
	}
}
