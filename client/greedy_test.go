package client

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/anvilpeering/anvil/bundle"
	"github.com/anvilpeering/anvil/protocol"
)

// endless answers for a bundle with a beginning and then with rubbish, without an
// end, and counts what is read of it.
type endless struct {
	direct
	begin  func() []byte
	length int64 // claimed, -1 for none
	read   *int64
}

func (e endless) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.HasSuffix(r.URL.Path, "/bundle") {
		return e.direct.RoundTrip(r)
	}
	body := io.MultiReader(bytes.NewReader(e.begin()), rubbish{})
	return &http.Response{
		StatusCode: http.StatusOK, Request: r, ContentLength: e.length,
		Header: http.Header{
			"Content-Type": {protocol.TypeBundle}, protocol.HeaderMode: {string(protocol.ModeFull)},
			protocol.HeaderRelease: {r.URL.Query().Get("to")},
		},
		Body: io.NopCloser(counted{body, e.read}),
	}, nil
}

type rubbish struct{}

func (rubbish) Read(p []byte) (int, error) { return len(p), nil }

type counted struct {
	io.Reader
	n *int64
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	*c.n += int64(n)
	return n, err
}

// Who has no trusted key gets no client to read, or to hold in memory, more than
// what a trusted one once signed.
func TestBundleWithoutEnd(t *testing.T) {
	good := signed(t, "acme", library("Good"), sequence(time.Now().Unix()))
	allowed := good.Manifest.Content.Bytes + int64(good.Manifest.Content.Files)*besideFile + besideAll
	const chunk = 1 << 20
	for name, c := range map[string]struct {
		begin []byte
		most  int64
		want  error
	}{
		"rubbish":                   {nil, chunk, bundle.ErrFormat},
		"signed by a stranger":      {zipOf(t, signed(t, "mallory", library("Evil")))[:2000], chunk, ErrUntrusted},
		"the beginning of a signed": {zipOf(t, good)[:2000], allowed + chunk, bundle.ErrTooLarge},
		"a manifest alone": {rezip(t, zipOf(t, good), func(entry string, data []byte) ([]byte, bool) {
			return data, entry != "manifest.json.sig"
		}), chunk, bundle.ErrUnsigned},
		"a long manifest": {zipOf(t, signed(t, "acme", library("Good"), func(m *bundle.Manifest) {
			m.Ext = map[string]json.RawMessage{"x": json.RawMessage(`"` + strings.Repeat("x", 60<<10) + `"`)}
		})), allowed + chunk, bundle.ErrTooLarge},
	} {
		for _, length := range []int64{-1, 50 << 20, 1 << 40} {
			t.Run(fmt.Sprint(name, ", of length ", length), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					ch := newChannel(t)
					ch.releaseText("Good")
					o := ch.options(t)
					var read int64
					o.HTTP = &http.Client{Transport: endless{direct{"server": ch}, func() []byte { return c.begin }, length, &read}}
					o.StartTimeout = time.Second
					_, err := Open(context.Background(), o)
					want := c.want
					if length > DefaultMaxRelease {
						want = bundle.ErrTooLarge
					}
					if !errors.Is(err, want) {
						t.Errorf("open: %v, want %v", err, want)
					}
					if attempts := int64(max(1, ch.count(protocol.PathCheck))); read > attempts*c.most {
						t.Errorf("%d bytes were read in %d attempts, at most %d are needed", read, attempts, c.most)
					}
				})
			})
		}
	}
}

// How large a release may be is the application's word, also for a signed one.
func TestMaxRelease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ch := newChannel(t)
		id := ch.releaseText("Good")
		o := ch.options(t)
		o.MaxRelease = int64(len(zipOf(t, ch.releases[id])))
		_, err := Open(context.Background(), Options{
			URLs: o.URLs, Token: o.Token, Project: o.Project, Trust: o.Trust, Cache: NoCache, HTTP: o.HTTP, Logger: o.Logger, MaxRelease: o.MaxRelease - 1,
		})
		if !errors.Is(err, bundle.ErrTooLarge) || !strings.Contains(hint(err), "Options.MaxRelease") {
			t.Errorf("open with a byte less than the release has: %v (hint %q)", err, hint(err))
		}
		// The files together are more than the archive that they are packed in.
		o.MaxRelease = ch.releases[id].Manifest.Content.Bytes + 1<<20
		c := open(t, o)
		files := library("Two")
		for i := range 4 {
			files[fmt.Sprintf("support/many/p%d.yaml", i)] = "template: " + strings.Repeat("x", 1<<19) + "\n"
		}
		ch.release(files)
		if err := c.Sync(t.Context()); !errors.Is(err, bundle.ErrTooLarge) {
			t.Errorf("sync: %v", err)
		}
		wantText(t, c, "Good")
	})
}

// drip gives what there is of a path a byte at a time.
type drip struct {
	direct
	path  string
	every time.Duration
}

func (d drip) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := d.direct.RoundTrip(r)
	if err == nil && r.URL.Hostname() == "drip" && strings.HasSuffix(r.URL.Path, d.path) {
		answer.Body = slowly{answer.Body, r.Context(), d.every}
		answer.ContentLength = -1
	}
	return answer, err
}

type slowly struct {
	io.ReadCloser
	ctx   context.Context
	every time.Duration
}

func (s slowly) Read(p []byte) (int, error) {
	if !sleep(s.ctx, s.every) {
		return 0, s.ctx.Err()
	}
	return s.ReadCloser.Read(p[:min(1, len(p))])
}

// A server that sends a byte now and then is left for the next one, whatever it
// was asked.
func TestDrippingServer(t *testing.T) {
	for _, path := range []string{protocol.PathRegister, protocol.PathCheck, protocol.PathBundle} {
		for _, every := range []time.Duration{time.Second, 29 * time.Second} {
			t.Run(fmt.Sprint(path, " every ", every), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					ch := newChannel(t)
					ch.releaseText("One")
					o := ch.options(t)
					o.URLs = []string{"https://drip", "https://healthy"}
					o.HTTP = &http.Client{Transport: drip{direct{"drip": ch, "healthy": ch}, path, every}}
					o.StartTimeout = 10 * time.Minute
					began := time.Now()
					c := open(t, o)
					wantText(t, c, "One")
					if took := time.Since(began); took > bodyTimeout+5*time.Second {
						t.Errorf("it took %s", took)
					}
					if s := c.Status(); s.URL != "https://healthy" {
						t.Errorf("answered by %s", s.URL)
					}
				})
			})
		}
	}
}

// A slow line is no drip: a bundle that takes minutes comes in.
func TestSlowLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ch := newChannel(t)
		files := library("One")
		random := rand.NewChaCha8([32]byte{})
		for i := range 80 {
			noise := make([]byte, 20<<10)
			_, _ = random.Read(noise)
			files[fmt.Sprintf("support/many/p%d.yaml", i)] = "template: text " + base64.StdEncoding.EncodeToString(noise) + "\n"
		}
		ch.release(files)
		o := ch.options(t)
		o.HTTP = &http.Client{Transport: line{direct{"server": ch}, 40 << 10}}
		o.StartTimeout = 10 * time.Minute
		began := time.Now()
		wantText(t, open(t, o), "One")
		if took := time.Since(began); took < bodyTimeout {
			t.Errorf("it took only %s: nothing was tested", took)
		}
	})
}

// line is one that carries so many bytes a second.
type line struct {
	direct
	rate int
}

func (l line) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := l.direct.RoundTrip(r)
	if err == nil {
		answer.Body = paced{answer.Body, r.Context(), l.rate}
	}
	return answer, err
}

type paced struct {
	io.ReadCloser
	ctx  context.Context
	rate int
}

func (p paced) Read(b []byte) (int, error) {
	if !sleep(p.ctx, time.Second) {
		return 0, p.ctx.Err()
	}
	return p.ReadCloser.Read(b[:min(p.rate, len(b))])
}

// One answer, forged or mistaken, does not send a client away for long; and when
// nothing was heard for long, whyever, nobody is told that all is fresh.
func TestNoAnswerSendsToSleep(t *testing.T) {
	decades := fmt.Sprint(int64(50 * 365 * 24 * 3600))
	for name, forge := range map[string]func(ch *channel, w http.ResponseWriter, r *http.Request) bool{
		"polls": func(ch *channel, w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path != protocol.PathRegister {
				r.Header.Del("Prefer")
				return false
			}
			sendJSON(w, http.StatusCreated, protocol.Registered{Protocol: 1, Stream: theStream, Poll: protocol.Poll{Min: math.MaxInt, Max: math.MaxInt}})
			return true
		},
		"no pause": func(ch *channel, w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path != protocol.PathRegister {
				r.Header.Del("Prefer")
				return false
			}
			sendJSON(w, http.StatusCreated, protocol.Registered{Protocol: 1, Stream: theStream, Poll: protocol.Poll{Min: -1, Max: math.MinInt}})
			return true
		},
		"next poll": func(ch *channel, w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set(protocol.HeaderNextPoll, decades)
			return false
		},
		"retry after": func(ch *channel, w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("Retry-After", decades)
			problemDocument(w, http.StatusServiceUnavailable, "busy", "")
			return true
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ch := newChannel(t)
				ch.releaseText("One")
				o := ch.options(t)
				_ = open(t, o).Close()
				ch.with(func() {
					ch.answer = func(w http.ResponseWriter, r *http.Request) bool { return forge(ch, w, r) }
				})
				c := open(t, o)
				time.Sleep(2 * time.Minute)
				if name != "polls" && name != "no pause" {
					ch.with(func() { ch.answer = nil })
				}
				ch.releaseText("Two")
				time.Sleep(overdue)
				wantText(t, c, "Two")
				if n := ch.count(protocol.PathCheck); n > 60 {
					t.Errorf("asked %d times", n)
				}
			})
		})
	}
	t.Run("suspended", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ch := newChannel(t)
			ch.releaseText("One")
			c := open(t, ch.options(t))
			synctest.Wait()
			if s := c.Status(); s.State != StateFresh {
				t.Errorf("status %+v", s)
			}
			c.Snapshot().confirmed.Store(time.Now().Add(-overdue - time.Second).UnixNano())
			if s := c.Status(); s.State != StateOffline {
				t.Errorf("state %s after %s without a word of the server", s.State, s.Age)
			}
		})
	})
}
