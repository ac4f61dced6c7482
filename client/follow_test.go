package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/anvilpeering/anvil/bundle"
	"github.com/anvilpeering/anvil/prompt"
	"github.com/anvilpeering/anvil/protocol"
)

func TestFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ch := newChannel(t)
		first := ch.releaseText("One")
		c := open(t, ch.options(t))
		wantText(t, c, "One")
		synctest.Wait()
		if s := c.Status(); s.State != StateFresh || s.Release != first || s.Source != SourceMemory || s.Problem != nil || s.Stream != theStream {
			t.Errorf("status after the start: %+v", s)
		}

		before := c.Snapshot()
		began := time.Now()
		second := ch.releaseText("Two")
		change := <-c.Changes()
		if waited := time.Since(began); waited > 0 {
			t.Errorf("the release arrived after %s: the poll was not held", waited)
		}
		wantText(t, c, "Two")
		if change.Before != before || change.After != c.Snapshot() {
			t.Error("the change is not from the one before to the one served")
		}
		synctest.Wait()
		if ack := ch.lastAck(second); ack.State != protocol.StateApplied || ack.From != first || ack.Mode != protocol.ModeDelta || ack.ClientID != "test" || ack.Revision == "" || ack.Bytes == 0 {
			t.Errorf("acknowledged %+v", ack)
		}
		if want := []protocol.Mode{protocol.ModeFull, protocol.ModeDelta}; !slices.Equal(ch.modes, want) {
			t.Errorf("fetched %v, want %v", ch.modes, want)
		}

		// An hour of nothing new costs a question every 50 s, and keeps the age down.
		asked := ch.count(protocol.PathCheck)
		time.Sleep(time.Hour)
		if n := ch.count(protocol.PathCheck) - asked; n < 60 || n > 80 {
			t.Errorf("%d questions in an hour of nothing new, want about 72", n)
		}
		out, err := c.Render(classify, Args{"message": "Hi"})
		if err != nil || out.Age > 51*time.Second || out.Stale || out.Release != second || out.Channel != "production" || out.Address != classify {
			t.Errorf("after a quiet hour: %+v, %v", out, err)
		}
	})
}

// Many are woken at once: each fetches when it was asked to, within reason.
func TestFetchesWhenAskedTo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ch := newChannel(t)
		ch.releaseText("One")
		c := open(t, ch.options(t))
		synctest.Wait()
		for _, at := range []struct{ asked, want time.Duration }{{0, 0}, {3 * time.Second, 3 * time.Second}, {time.Hour, time.Minute}} {
			ch.with(func() { ch.spread = at.asked })
			began := time.Now()
			ch.releaseText("After " + at.asked.String())
			<-c.Changes()
			if took := time.Since(began); took != at.want {
				t.Errorf("asked to wait %s: fetched after %s, want %s", at.asked, took, at.want)
			}
			synctest.Wait()
		}
	})
}

// A release with the same content is a delta without operations: a renewal.
func TestRenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ch := newChannel(t)
		ch.releaseText("One")
		c := open(t, ch.options(t))
		first := c.Snapshot()
		renewed := ch.releaseText("One", func(m *bundle.Manifest) { m.Expires = m.Expires.Add(24 * time.Hour) })
		synctest.Wait()
		if s := c.Snapshot(); s.Release() != renewed || s.Revision() != first.Revision() || !s.Expires().After(first.Expires()) {
			t.Errorf("holds %s until %s, want the renewal %s", s.Release(), s.Expires(), renewed)
		}
	})
}

func TestStartsWithoutTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ch := newChannel(t)
		ch.releaseText("One")
		o := ch.options(t)
		o.ClientID = ""
		c := open(t, o)
		id := c.Status().ClientID
		_ = c.Close()

		time.Sleep(40 * 24 * time.Hour) // the release has expired meanwhile
		down := o
		down.HTTP = &http.Client{Transport: direct{}}
		began := time.Now()
		c = open(t, down)
		if waited := time.Since(began); waited > 0 {
			t.Errorf("the start took %s", waited)
		}
		wantText(t, c, "One")
		out, err := c.Render(classify, Args{"message": "Hi"})
		if err != nil || out.Source != SourceDisk || !out.Stale || out.Age < 40*24*time.Hour {
			t.Errorf("rendered %+v, %v: want it stale and old, from disk", out, err)
		}
		synctest.Wait()
		if s := c.Status(); s.State != StateOffline || s.Problem == nil || !s.Stale || s.ClientID != id || s.Ephemeral {
			t.Errorf("status offline: %+v", s)
		}
		time.Sleep(time.Hour)
		wantText(t, c, "One")
		_ = c.Close()

		// The server is back with the same release, renewed.
		ch.releaseText("One")
		c = open(t, o)
		synctest.Wait()
		if s := c.Status(); s.State != StateFresh || s.Age > 0 {
			t.Errorf("status after the server came back: %+v", s)
		}
		if got := ch.register[len(ch.register)-1]; got.Held == nil || got.ClientID != id || got.Ephemeral {
			t.Errorf("registered %+v, want what it holds and the id it had", got)
		}
	})
}

// Until the server has said so, nobody knows that what the disk holds is what
// the channel offers.
func TestNotFreshBeforeTheFirstAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ch := newChannel(t)
		ch.releaseText("One")
		o := ch.options(t)
		_ = open(t, o).Close()
		hold := make(chan struct{})
		ch.with(func() {
			ch.answer = func(http.ResponseWriter, *http.Request) bool {
				<-hold
				return false
			}
		})
		c := open(t, o)
		wantText(t, c, "One")
		synctest.Wait()
		if s := c.Status(); s.State != StateOffline || s.Problem != nil {
			t.Errorf("before an answer: %s, %v", s.State, s.Problem)
		}
		close(hold)
		synctest.Wait()
		if s := c.Status(); s.State != StateFresh {
			t.Errorf("after it: %s, %v", s.State, s.Problem)
		}
	})
}

func TestOfflineWithNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ch := newChannel(t)
		o := ch.options(t)
		o.HTTP = &http.Client{Transport: direct{}}
		began := time.Now()
		_, err := Open(context.Background(), o)
		if !errors.Is(err, ErrOffline) || hint(err) == "" {
			t.Errorf("open: %v (hint %q), want ErrOffline", err, hint(err))
		}
		if waited := time.Since(began); waited != DefaultStartTimeout {
			t.Errorf("waited %s, want %s", waited, DefaultStartTimeout)
		}

		// A server that comes up within the timeout is soon enough.
		hosts := direct{}
		o.HTTP = &http.Client{Transport: hosts}
		o.StartTimeout = 20 * time.Second
		o.HTTP.Transport = lateServer{at: time.Now().Add(3 * time.Second), then: direct{"server": ch}}
		ch.releaseText("Late")
		wantText(t, open(t, o), "Late")
	})
}

// The start timeout is for the server, not for a slow machine: what has arrived is
// checked to the end.
func TestSlowMachineStarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ch := newChannel(t)
		ch.releaseText("One")
		o := ch.options(t)
		o.Accept = func(*Snapshot) error { time.Sleep(time.Minute); return nil }
		wantText(t, open(t, o), "One")
		o.Cache = t.TempDir()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if _, err := Open(ctx, o); !errors.Is(err, ErrOffline) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("open after the context ended: %v", err)
		}
	})
}

type lateServer struct {
	at   time.Time
	then http.RoundTripper
}

func (l lateServer) RoundTrip(r *http.Request) (*http.Response, error) {
	if time.Now().Before(l.at) {
		return nil, errors.New("connection refused")
	}
	return l.then.RoundTrip(r)
}

// What a channel without a release says reaches the one who starts.
func TestNothingOfferedYet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ch := newChannel(t)
		_, err := Open(context.Background(), ch.options(t))
		if !errors.Is(err, ErrOffline) || !strings.Contains(hint(err), "anvil publish") || !strings.Contains(err.Error(), "anvil publish support production") {
			t.Errorf("open: %v (hint %q)", err, hint(err))
		}
	})
}

// The log says what goes on: who holds nothing yet serves nothing on.
func TestLogOfTheFirstStart(t *testing.T) {
	problems := func(status int) func(ch *channel) {
		return func(ch *channel) {
			ch.with(func() {
				ch.answer = func(w http.ResponseWriter, r *http.Request) bool {
					problemDocument(w, status, "no", "")
					return true
				}
			})
			ch.releaseText("Unseen")
		}
	}
	for name, c := range map[string]struct {
		spoil func(ch *channel)
		want  string
		later string // when there is something to serve
	}{
		"down":    {problems(500), "not in step with the server, nothing to serve yet", "not in step with the server, serving on"},
		"denied":  {problems(401), "server refuses this client, nothing to serve yet", "server refuses this client, serving on and asking rarely"},
		"refused": {func(ch *channel) { ch.key = "mallory"; ch.releaseText("Evil") }, "release refused, nothing to serve yet", "release refused, serving the one before"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ch := newChannel(t)
				o := ch.options(t)
				var log bytes.Buffer
				o.Logger = slog.New(slog.NewTextHandler(&log, nil))
				c.spoil(ch)
				if _, err := Open(context.Background(), o); err == nil {
					t.Fatal("opened")
				}
				if text := log.String(); !strings.Contains(text, c.want) || strings.Contains(text, "serving") || strings.Contains(text, `hint=""`) {
					t.Errorf("logged %s, want %s", text, c.want)
				}
				ch.with(func() { ch.answer = nil })
				ch.key = "acme"
				ch.releaseText("One")
				client := open(t, o)
				synctest.Wait()
				log.Reset()
				c.spoil(ch)
				time.Sleep(2 * time.Minute)
				_ = client.Close()
				if text := log.String(); !strings.Contains(text, c.later) || strings.Contains(text, `hint=""`) {
					t.Errorf("logged %s, want %s", text, c.later)
				}
			})
		})
	}
}

// Nothing the server says takes away what is held: not 404, not 410, not 500.
func TestErrorsTakeNothingAway(t *testing.T) {
	for status, state := range map[int]State{
		http.StatusNotFound:            StateWaiting,
		http.StatusGone:                StateOffline,
		http.StatusInternalServerError: StateOffline,
		http.StatusUnauthorized:        StateDenied,
		http.StatusForbidden:           StateDenied,
		http.StatusUpgradeRequired:     StateDenied,
		http.StatusTooManyRequests:     StateOffline,
	} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ch := newChannel(t)
				ch.releaseText("One")
				c := open(t, ch.options(t))
				synctest.Wait()
				ch.with(func() {
					ch.answer = func(w http.ResponseWriter, r *http.Request) bool {
						problemDocument(w, status, "no", "do something")
						return true
					}
				})
				ch.releaseText("Unseen")
				time.Sleep(2 * time.Hour)
				synctest.Wait()
				wantText(t, c, "One")
				s := c.Status()
				if s.State != state || s.Problem == nil || hint(s.Problem) != "do something" {
					t.Errorf("status: %s, %v (hint %q), want %s", s.State, s.Problem, hint(s.Problem), state)
				}
				calls := ch.count(protocol.PathCheck) + ch.count(protocol.PathRegister)
				if most := map[State]int{StateDenied: 30, StateOffline: 130, StateWaiting: 700}[state]; calls > most {
					t.Errorf("%d calls in two hours of %d, want at most %d", calls, status, most)
				}
				ch.with(func() { ch.answer = nil })
				time.Sleep(15 * time.Minute)
				wantText(t, c, "Unseen")
				if s := c.Status(); s.State != StateFresh {
					t.Errorf("status after it was over: %+v", s)
				}
			})
		})
	}
}

func TestRetryAfterWins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ch := newChannel(t)
		ch.releaseText("One")
		c := open(t, ch.options(t))
		synctest.Wait()
		ch.with(func() {
			ch.answer = func(w http.ResponseWriter, r *http.Request) bool {
				w.Header().Set("Retry-After", "600")
				problemDocument(w, http.StatusServiceUnavailable, "busy", "")
				return true
			}
		})
		ch.releaseText("Two")
		time.Sleep(time.Minute)
		calls := ch.count(protocol.PathCheck)
		time.Sleep(8 * time.Minute)
		if n := ch.count(protocol.PathCheck); n != calls {
			t.Errorf("asked %d times although told to stay away for ten minutes", n-calls)
		}
		ch.with(func() { ch.answer = nil })
		time.Sleep(3 * time.Minute)
		wantText(t, c, "Two")
	})
}

// Waits grow to five minutes, at random.
func TestBackoff(t *testing.T) {
	for failures := range 40 {
		limit := 5 * time.Minute
		if failures < 8 {
			limit = time.Second << failures
		}
		longest := time.Duration(0)
		for range 200 {
			d := backoff(failures, backoffMost)
			if d < 0 || d >= limit {
				t.Fatalf("after %d failures it waits %s, want below %s", failures, d, limit)
			}
			longest = max(longest, d)
		}
		if longest < limit/2 {
			t.Errorf("after %d failures it never waits longer than %s", failures, longest)
		}
	}
	now := time.Unix(1_000_000, 0).UTC()
	for text, want := range map[string]time.Duration{
		"": 0, "x": 0, "-3": 0, "7": 7 * time.Second, "99999999999": maxRetryAfter, "1e3": 0,
		now.Add(time.Minute).Format(http.TimeFormat):  time.Minute,
		now.Add(-time.Minute).Format(http.TimeFormat): 0,
	} {
		if got := retryAfter(text, now); got != want {
			t.Errorf("Retry-After %q: %s, want %s", text, got, want)
		}
	}
}

// A server that answers at once is polled, and not asked in a loop.
func TestServerWithoutLongPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ch := newChannel(t)
		ch.releaseText("One")
		c := open(t, ch.options(t))
		ch.with(func() {
			ch.answer = func(w http.ResponseWriter, r *http.Request) bool {
				r.Header.Del("Prefer")
				return false
			}
		})
		time.Sleep(time.Hour)
		if n := ch.count(protocol.PathCheck); n > 65 {
			t.Errorf("%d questions in an hour, want about 40", n)
		}
		ch.releaseText("Two")
		time.Sleep(2 * time.Minute)
		wantText(t, c, "Two")
	})
}

func TestNextPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ch := newChannel(t)
		ch.releaseText("One")
		c := open(t, ch.options(t))
		ch.with(func() {
			ch.answer = func(w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Path != protocol.PathCheck {
					return false
				}
				w.Header().Set(protocol.HeaderNextPoll, "600")
				w.WriteHeader(http.StatusNotModified)
				return true
			}
		})
		time.Sleep(2 * time.Minute)
		calls := ch.count(protocol.PathCheck)
		time.Sleep(7 * time.Minute)
		if n := ch.count(protocol.PathCheck) - calls; n > 0 {
			t.Errorf("asked %d times although told to come back in ten minutes", n)
		}
		wantText(t, c, "One")
	})
}

func TestFailover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ch := newChannel(t)
		ch.releaseText("One")
		hosts := direct{"b": ch}
		o := ch.options(t)
		o.URLs = []string{"https://a", "https://b/"}
		o.HTTP = &http.Client{Transport: hosts}
		c := open(t, o)
		wantText(t, c, "One")
		if s := c.Status(); s.URL != "https://b" {
			t.Errorf("answered by %s, want https://b", s.URL)
		}
	})
}

// A captive portal answers everything with its page, a proxy with a redirect.
func TestAnswersThatAreNotOurs(t *testing.T) {
	html := func(status int) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.Header().Set("Location", "https://portal/login")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "<html>Welcome to the airport</html>")
			return true
		}
	}
	for name, answer := range map[string]func(http.ResponseWriter, *http.Request) bool{
		"200": html(200), "302": html(302), "401": html(401), "403": html(403), "404": html(404), "410": html(410), "502": html(502),
		"json": func(w http.ResponseWriter, r *http.Request) bool {
			sendJSON(w, 200, map[string]string{"hello": "world"})
			return true
		},
		"broken json": func(w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("Content-Type", protocol.TypeJSON)
			_, _ = io.WriteString(w, `{"release": "x`)
			return true
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ch := newChannel(t)
				ch.releaseText("One")
				c := open(t, ch.options(t))
				ch.with(func() { ch.answer = answer })
				ch.releaseText("Two")
				time.Sleep(3 * time.Minute)
				wantText(t, c, "One")
				if s := c.Status(); s.State != StateOffline || !errors.Is(s.Problem, ErrNotOurs) {
					t.Errorf("status: %s, %v; want it like a lost network", s.State, s.Problem)
				}
				ch.with(func() { ch.answer = nil })
				time.Sleep(10 * time.Minute)
				wantText(t, c, "Two")
			})
		})
	}
}

// The page of a portal in place of a bundle is a failure of the machine, not of
// the content.
func TestHTMLForABundle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ch := newChannel(t)
		ch.releaseText("One")
		c := open(t, ch.options(t))
		synctest.Wait()
		ch.with(func() {
			ch.answer = func(w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Path != protocol.PathBundle {
					return false
				}
				w.Header().Set("Content-Type", "text/html")
				_, _ = io.WriteString(w, "<html>Log in</html>")
				return true
			}
		})
		second := ch.releaseText("Two")
		synctest.Wait()
		wantText(t, c, "One")
		if ack := ch.lastAck(second); ack.State != protocol.StateFailed || ack.Code != protocol.CodeMachine {
			t.Errorf("acknowledged %+v", ack)
		}
		if s := c.Status(); s.State != StateOffline || s.Refused == nil || !errors.Is(s.Problem, ErrNotOurs) {
			t.Errorf("status: %+v", s)
		}
	})
}

func TestFrozen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ch := newChannel(t)
		ch.releaseText("One")
		o := ch.options(t)
		o.Frozen = true
		c := open(t, o)
		wantText(t, c, "One")
		second := ch.releaseText("Two")
		time.Sleep(time.Hour)
		wantText(t, c, "One")
		if err := c.Sync(context.Background()); err != nil {
			t.Fatal(err)
		}
		wantText(t, c, "Two")
		if err := c.Sync(context.Background()); err != nil {
			t.Fatal(err)
		}
		_ = c.Close()
		if ack := ch.lastAck(second); ack.State != protocol.StateApplied {
			t.Errorf("closed without acknowledging: %+v", ack)
		}
		if err := c.Sync(context.Background()); !errors.Is(err, ErrClosed) {
			t.Errorf("sync after close: %v", err)
		}
		wantText(t, c, "Two")
		if s := c.Status(); s.State != StateClosed {
			t.Errorf("status after close: %s", s.State)
		}
		if _, ok := <-c.Changes(); !ok {
			t.Error("the change was lost on close")
		}
		if _, ok := <-c.Changes(); ok {
			t.Error("the channel of changes stays open")
		}
	})
}

// Sync does not wait for a parked poll.
func TestSyncInterruptsThePoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ch := newChannel(t)
		ch.releaseText("One")
		c := open(t, ch.options(t))
		time.Sleep(time.Second)
		began, errs := time.Now(), make(chan error, 30)
		for range cap(errs) {
			go func() { errs <- c.Sync(context.Background()) }()
		}
		for range cap(errs) {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
		if waited := time.Since(began); waited > 0 {
			t.Errorf("it took %s", waited)
		}
	})
}

// A reader that is late hears of one change, from what it knew to the newest.
func TestChangesCoalesce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ch := newChannel(t)
		ch.releaseText("One")
		c := open(t, ch.options(t))
		first := c.Snapshot()
		for i := range 10 {
			ch.releaseText(fmt.Sprint("Text ", i))
			synctest.Wait()
		}
		change := <-c.Changes()
		if change.Before != first || change.After != c.Snapshot() {
			t.Errorf("heard of %d to %d", change.Before.Sequence(), change.After.Sequence())
		}
		select {
		case more := <-c.Changes():
			t.Errorf("heard of another change, to %d", more.After.Sequence())
		default:
		}
	})
}

// Acknowledging is nobody's business but its own: a server that swallows it
// delays nothing, and no more than a few wait.
func TestAcknowledgementsNeverBlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ch := newChannel(t)
		ch.answer = func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == protocol.PathAcknowledge {
				<-r.Context().Done()
				return true
			}
			return false
		}
		ch.releaseText("One")
		o := ch.options(t)
		o.Cache = NoCache
		c := open(t, o)
		for i := range acksMost + 20 {
			began := time.Now()
			ch.releaseText(fmt.Sprint("Text ", i))
			synctest.Wait()
			wantText(t, c, fmt.Sprint("Text ", i))
			if waited := time.Since(began); waited > 0 {
				t.Fatalf("applying took %s", waited)
			}
		}
		c.acks.mu.Lock()
		waiting := len(c.acks.waiting)
		c.acks.mu.Unlock()
		if waiting > acksMost {
			t.Errorf("%d acknowledgements wait", waiting)
		}
		began := time.Now()
		_ = c.Close()
		if took := time.Since(began); took > lastWords {
			t.Errorf("Close took %s", took)
		}
	})
}

// What is said again while it waits replaces what was said before.
func TestAcknowledgementReplacesTheOneThatWaits(t *testing.T) {
	a := newAcknowledger(&server{urls: []*url.URL{{Host: "server"}}}, slog.New(slog.DiscardHandler))
	for _, ack := range []protocol.Acknowledgement{
		{Release: "one", State: protocol.StateFailed, Message: "disk full"},
		{Release: "two", State: protocol.StateFailed},
		{Release: "one", State: protocol.StateFailed, Message: "disk full again"},
		{Release: "one", State: protocol.StateApplied},
	} {
		a.add(ack)
	}
	var got []string
	for _, ack := range a.take() {
		got = append(got, fmt.Sprintf("%s %s %s", ack.Release, ack.State, ack.Message))
	}
	if want := []string{"two failed ", "one failed disk full again", "one applied "}; !slices.Equal(got, want) {
		t.Errorf("waiting %q, want %q", got, want)
	}
}

func TestAccept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ch := newChannel(t)
		ch.releaseText("Good")
		o := ch.options(t)
		o.Accept = func(s *Snapshot) error {
			p, err := s.Prompt(classify)
			if err != nil {
				return err
			}
			out, err := p.Render(Args{"message": "Hi"})
			if err != nil {
				return err
			}
			if strings.Contains(out.Text(), "Panic") {
				panic("oh")
			}
			if strings.Contains(out.Text(), "Bad") {
				return errors.New("we do not say bad")
			}
			return nil
		}
		c := open(t, o)
		for _, text := range []string{"Bad", "Panic"} {
			id := ch.releaseText(text)
			time.Sleep(backoffWaiting)
			synctest.Wait()
			wantText(t, c, "Good")
			if ack := ch.lastAck(id); ack.State != protocol.StateFailed || ack.Code != protocol.CodeRefused {
				t.Errorf("%s: acknowledged %+v", text, ack)
			}
			if s := c.Status(); s.State != StateRefused || !errors.Is(s.Problem, ErrRefused) || s.Refused.Release != id {
				t.Errorf("%s: status %+v", text, s)
			}
		}
		fetched := ch.count(protocol.PathBundle)
		time.Sleep(time.Hour)
		if n := ch.count(protocol.PathBundle) - fetched; n > 60 {
			t.Errorf("fetched the refused release %d times in an hour", n)
		}
		good := ch.releaseText("Better")
		time.Sleep(backoffWaiting)
		synctest.Wait()
		wantText(t, c, "Better")
		if s := c.Status(); s.State != StateFresh || s.Refused != nil || s.Release != good {
			t.Errorf("status after a good one: %+v", s)
		}
		_ = c.Close()

		// At the next start the application has become stricter: what the disk
		// holds newest is refused, the release before it serves.
		strict := o
		strict.HTTP = &http.Client{Transport: direct{}}
		strict.Accept = func(s *Snapshot) error {
			if s.Release() == good {
				return errors.New("not that one")
			}
			return nil
		}
		wantText(t, open(t, strict), "Good")
	})
}

// A release that does not compile is never visible.
func TestReleaseThatDoesNotCompile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ch := newChannel(t)
		ch.releaseText("Good")
		c := open(t, ch.options(t))
		files := library("Broken {% if %}")
		id := ch.release(files)
		synctest.Wait()
		wantText(t, c, "Good")
		if ack := ch.lastAck(id); ack.State != protocol.StateFailed || ack.Code != protocol.CodeCompile || !strings.Contains(ack.Message, "classify.yaml") {
			t.Errorf("acknowledged %+v", ack)
		}
		if s := c.Status(); !errors.Is(s.Problem, ErrCompile) {
			t.Errorf("status %+v", s)
		}
	})
}

func TestMaxStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ch := newChannel(t)
		ch.releaseText("One")
		o := ch.options(t)
		o.MaxStale = time.Hour
		hosts := direct{"server": ch}
		o.HTTP = &http.Client{Transport: hosts}
		c := open(t, o)
		time.Sleep(3 * time.Hour)
		wantText(t, c, "One") // confirmed all the time
		ch.with(func() {
			ch.answer = func(w http.ResponseWriter, r *http.Request) bool {
				problemDocument(w, 500, "down", "")
				return true
			}
		})
		time.Sleep(58 * time.Minute)
		wantText(t, c, "One")
		time.Sleep(4 * time.Minute)
		_, err := c.Render(classify, Args{"message": "Hi"})
		if !errors.Is(err, ErrStale) || hint(err) == "" {
			t.Errorf("render after an hour without the server: %v", err)
		}
	})
}

// A clock that jumps makes no age negative.
func TestClockJumps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ch := newChannel(t)
		ch.releaseText("One")
		c := open(t, ch.options(t))
		s := c.Snapshot()
		s.confirmed.Store(time.Now().Add(time.Hour).UnixNano())
		if age := s.Age(); age != 0 {
			t.Errorf("age %s", age)
		}
	})
}

func TestWarnings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ch := newChannel(t)
		ch.key = "stranger"
		ch.releaseText("One")
		var log bytes.Buffer
		o := ch.options(t)
		o.InsecureSkipVerify, o.Trust, o.Cache, o.ClientID = true, nil, NoCache, ""
		o.URLs = []string{"http://server"}
		o.Logger = slog.New(slog.NewTextHandler(&log, nil))
		c := open(t, o)
		wantText(t, c, "One")
		s := c.Status()
		all := strings.Join(s.Warnings, "\n")
		for _, want := range []string{"not verified", "unencrypted"} {
			if !strings.Contains(all, want) || !strings.Contains(log.String(), want) {
				t.Errorf("nothing warns of %q: %q", want, all)
			}
		}
		if !s.Ephemeral || !ch.register[0].Ephemeral || s.ClientID == "" {
			t.Errorf("id %q is not called ephemeral", s.ClientID)
		}
	})
}

func TestNotFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ch := newChannel(t)
		ch.releaseText("One")
		c := open(t, ch.options(t))
		for address, want := range map[string]string{
			"support/triage/clasify":          "support/triage/classify",
			"support/triage/Classify":         "support/triage/classify",
			"support/other/classify":          "support/triage/classify",
			"classify":                        "support/triage/classify",
			"triage/classify":                 "support/triage/classify",
			"support/triage/classify@1.4.0":   "support/triage/classify",
			"support/triage/classify.yaml":    "support/triage/classify",
			"support/triage/_rules":           "",
			"shared/voice/greet":              "",
			"nothing/like/that":               "",
			"":                                "",
			"support/triage/xxxxxxxxxxxxxxxx": "",
		} {
			_, err := c.Render(address, nil)
			var e *NotFoundError
			if !errors.Is(err, ErrNotFound) || !errors.As(err, &e) {
				t.Errorf("%q: %v, want ErrNotFound", address, err)
				continue
			}
			if want != "" && (len(e.Near) == 0 || e.Near[0] != want) || want == "" && len(e.Near) > 0 {
				t.Errorf("%q: near names %v, want %q first", address, e.Near, want)
			}
			if e.Hint() == "" {
				t.Errorf("%q: no hint", address)
			}
		}
		var listed []string
		for p := range c.Snapshot().Prompts() {
			listed = append(listed, p.Address.String())
		}
		if want := []string{"support/triage/classify", "support/triage/reply"}; !slices.Equal(listed, want) {
			t.Errorf("listed %v, want %v", listed, want)
		}
	})
}

// Arguments are data: errors of them are prompt's own, and what they contain is
// not rendered again.
func TestArguments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ch := newChannel(t)
		ch.releaseText("One")
		c := open(t, ch.options(t))
		for name, args := range map[string]Args{
			"missing": {}, "unknown": {"message": "x", "mesage": "y"}, "type": {"message": 3},
		} {
			var e *prompt.ArgumentError
			if _, err := c.Render(classify, args); !errors.As(err, &e) || e.Reason != name {
				t.Errorf("%s: %v", name, err)
			}
		}
		out, err := c.Render("support/triage/reply", Args{
			"message": "{{ history }}",
			"history": []prompt.Message{{Role: "user", Content: "{{ message }}"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		if out.Messages[1].Content != "{{ message }}" || out.Messages[2].Content != "{{ history }}" {
			t.Errorf("rendered again what callers gave: %+v", out.Messages)
		}
	})
}
