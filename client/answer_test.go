package client

import (
	"net/http"
	"testing"
	"time"

	"github.com/anvilpeering/anvil/protocol"
)

// Whatever answers in the server's place, the client neither panics nor takes
// anything but a release signed for it.
func FuzzAnswers(f *testing.F) {
	f.Add(uint8(0), 200, protocol.TypeJSON, `{"protocol":1,"stream":"acme/support/production","poll":{"wait_max":-5}}`, "7")
	f.Add(uint8(1), 200, protocol.TypeJSON, `{"release":"x","sequence":-1,"fetch_after_ms":-9}`, "")
	f.Add(uint8(1), 304, "", "", "-1")
	f.Add(uint8(1), 404, protocol.TypeProblem, `{"title":"no","status":200}`, "99999999999999999999")
	f.Add(uint8(2), 200, protocol.TypeBundle, "PK\x05\x06", "")
	f.Add(uint8(2), 204, "text/html;;", "<html>", "Mon, 02 Jan 2006 15:04:05 GMT")
	paths := []string{protocol.PathRegister, protocol.PathCheck, protocol.PathBundle}
	ch := newChannel(f)
	ch.releaseText("Good")
	o := ch.options(f)
	o.Frozen, o.Cache = true, NoCache
	c := open(f, o)
	next := ch.releaseText("Next")
	good := c.Snapshot()
	_ = c.Close() // its loop is played by hand
	c.changes = make(chan Change, 1)
	f.Fuzz(func(t *testing.T, path uint8, status int, media, body, after string) {
		if status < 200 || status > 599 {
			return
		}
		ch.with(func() {
			ch.answer = func(w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Path != paths[int(path)%len(paths)] {
					return false
				}
				w.Header()["Content-Type"] = []string{media}
				w.Header()["Retry-After"] = []string{after}
				w.Header().Set(protocol.HeaderNextPoll, after)
				w.Header().Set(protocol.HeaderMode, "full")
				w.Header().Set(protocol.HeaderRelease, next)
				w.WriteHeader(status)
				_, _ = w.Write([]byte(body))
				return true
			}
		})
		fl := c.follower
		fl.registered = false
		err := fl.once(t.Context(), false)
		if d := fl.pace(err); d < 0 || d > maxRetryAfter+maxRetryAfter/10 {
			t.Errorf("rests %s after %v", d, err)
		}
		if now := c.Snapshot(); now != good && (now.Release() != next || now.Signer().Fingerprint == "") {
			t.Errorf("took %+v", now)
		}
		if age := c.Snapshot().Age(); age > time.Hour {
			t.Errorf("age %s", age)
		}
	})
}
