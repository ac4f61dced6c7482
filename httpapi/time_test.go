package httpapi

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/anvilpeering/anvil/gitstore"
	"github.com/anvilpeering/anvil/push"
	"github.com/anvilpeering/anvil/release"
	"github.com/anvilpeering/anvil/state"
)

// pipes is a network in memory, in which time is the test's.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

// peer gives a pipe an address to be limited by.
type peer struct{ net.Conn }

func (peer) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return peer{c}, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipes) dial(t *testing.T) net.Conn {
	t.Helper()
	ours, theirs := net.Pipe()
	p.conns <- theirs
	return ours
}

// inBubble runs a test against a server without releases, in a time that passes
// when everybody waits.
func inBubble(t *testing.T, test func(t *testing.T, p *pipes, token string, store *state.Store)) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		repo, err := gitstore.Create(filepath.Join(dir, "releases.git"), gitstore.Options{Bare: true})
		if err != nil {
			t.Fatal(err)
		}
		log, err := release.Open(repo, nil, release.Options{Organisation: "acme"})
		if err != nil {
			t.Fatal(err)
		}
		store, err := state.Open(t.Context(), filepath.Join(dir, "anvil.db"))
		if err != nil {
			t.Fatal(err)
		}
		pu, err := push.Open(t.Context(), store, log, push.Options{})
		if err != nil {
			t.Fatal(err)
		}
		token, _, err := pu.CreateToken(t.Context(), push.NewToken{Name: "c", Role: push.RoleClient, Project: "support", Channel: "draft"})
		if err != nil {
			t.Fatal(err)
		}
		s := New(Options{Push: pu})
		p := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
		s.doors = append(s.doors, door{Listener: s.bounded(p, 100)})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- s.Serve(ctx) }()
		test(t, p, token, store)
		cancel()
		if err := errors.Join(<-done, store.Close(), repo.Close()); err != nil {
			t.Error(err)
		}
	})
}

// lasts reports how long the server keeps a connection on which nothing more is
// sent, and the first line that it answers, if any.
func lasts(t *testing.T, c net.Conn) (time.Duration, string) {
	t.Helper()
	start := time.Now()
	answer, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(answer), "\r\n")
	return time.Since(start), line
}

// Whoever sends slowly, to hold a connection with little, is cut off.
func TestSlowRequestsAreCut(t *testing.T) {
	inBubble(t, func(t *testing.T, p *pipes, token string, _ *state.Store) {
		post := "POST /api/v1/push/register HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + token +
			"\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
		for _, c := range []struct {
			name, sends string
			most        time.Duration
			answer      string
		}{
			{"nothing", "", headerTime, ""},
			{"half a header", "GET /healthz HTTP/1.1\r\nHost: loc", headerTime, ""},
			{"half a body", post + `{"client_id":`, bodyTime + time.Second, "HTTP/1.1 400 Bad Request"},
			{"a body where none belongs", "GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n", bodyTime + time.Second, "HTTP/1.1 400 Bad Request"},
			{"a body that nobody reads", strings.Replace(post, token, "anv_x", 1), bodyTime + time.Second, "HTTP/1.1 401 Unauthorized"},
			{"one request and no other", "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", idleTime, "HTTP/1.1 200 OK"},
		} {
			conn := p.dial(t)
			if _, err := io.WriteString(conn, c.sends); err != nil {
				t.Fatal(err)
			}
			took, answer := lasts(t, conn)
			if took > c.most || answer != c.answer {
				t.Errorf("%s: %q after %v", c.name, answer, took)
			}
			conn.Close()
		}
	})
}

// An endless header is not read to its end.
func TestLargeHeaderIsRefused(t *testing.T) {
	inBubble(t, func(t *testing.T, p *pipes, _ string, _ *state.Store) {
		conn := p.dial(t)
		defer conn.Close()
		go func() {
			_, _ = fmt.Fprintf(conn, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Long: %s", strings.Repeat("x", 1<<20)) // cut off
		}()
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("status %d", resp.StatusCode)
		}
	})
}

// The bound of sending a body is over once it was sent: what is then done with it
// may take longer, on a slow disk.
func TestSlowWorkIsNoSlowBody(t *testing.T) {
	inBubble(t, func(t *testing.T, p *pipes, token string, store *state.Store) {
		busy := make(chan error, 1)
		begun := make(chan struct{})
		go func() {
			busy <- store.Update(t.Context(), func(*state.Tx) error {
				close(begun)
				time.Sleep(2 * bodyTime)
				return nil
			})
		}()
		<-begun
		conn := p.dial(t)
		defer conn.Close()
		body := `{"client_id":"c1","protocol":[1]}`
		_, err := fmt.Fprintf(conn, "POST /api/v1/push/register HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n"+
			"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", token, len(body), body)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusCreated {
			t.Errorf("status %d", resp.StatusCode)
		}
		if err := <-busy; err != nil {
			t.Error(err)
		}
	})
}

// A poll outlives every other bound, and the connection goes on after it.
func TestLongPollOutlivesItsBounds(t *testing.T) {
	inBubble(t, func(t *testing.T, p *pipes, token string, _ *state.Store) {
		conn := p.dial(t)
		defer conn.Close()
		answers := bufio.NewReader(conn)
		for range 3 {
			_, err := fmt.Fprintf(conn, "GET /api/v1/push/check HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n"+
				"If-None-Match: \"%s\"\r\nPrefer: wait=300\r\n\r\n", token, strings.Repeat("a", 40))
			if err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			resp, err := http.ReadResponse(answers, nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, resp.Body); err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			took := time.Since(start)
			if took < 35*time.Second || took > 50*time.Second || resp.Header.Get("Preference-Applied") != "wait=50" {
				t.Errorf("%d after %v, %v", resp.StatusCode, took, resp.Header)
			}
		}
	})
}

// plainLogger writes to a buffer that nobody reads meanwhile.
func plainLogger(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }
