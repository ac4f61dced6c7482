package httpapi

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/anvilpeering/anvil/protocol"
	"github.com/anvilpeering/anvil/state"
)

// A connection is kept for those who showed a token. Others may ask something,
// and ask again, and are sent away soon.
func TestStrangersLeave(t *testing.T) {
	inBubble(t, func(t *testing.T, p *pipes, token string, _ *state.Store) {
		const stranger, known = "", "Authorization: Bearer "
		for _, c := range []struct {
			name, path, authorization string
			requests                  int // one every 4 seconds
			stays                     time.Duration
		}{
			{"healthz", "/healthz", stranger, 1, 10 * time.Second},
			{"healthz, again and again", "/healthz", stranger, 3, 10 * time.Second},
			{"no token", protocol.PathCheck, stranger, 1, 10 * time.Second},
			{"a wrong token", protocol.PathCheck, known + "anv_x", 1, 10 * time.Second},
			{"a token", protocol.PathCheck, known + token, 1, idleTime},
			{"a token, again and again", protocol.PathCheck, known + token, 5, 16*time.Second + idleTime},
		} {
			conn := p.dial(t)
			answers, start := bufio.NewReader(conn), time.Now()
			for i := range c.requests {
				if i > 0 {
					time.Sleep(4 * time.Second)
				}
				header := ""
				if c.authorization != "" {
					header = c.authorization + "\r\n"
				}
				if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", c.path, header); err != nil {
					t.Fatal(err)
				}
				answer, err := http.ReadResponse(answers, nil)
				if err != nil {
					t.Fatal(err)
				}
				answer.Body.Close()
			}
			_, _ = answers.ReadByte() // until it is closed
			if stayed := time.Since(start); stayed != c.stays {
				t.Errorf("%s: stayed %s, want %s", c.name, stayed, c.stays)
			}
			conn.Close()
		}
	})
}

// However many connections there are, so many are accepted and no more; it is
// said, and when some end others come in.
func TestConnectionsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var logged strings.Builder
		s := New(Options{Logger: plainLogger(&logged)})
		p := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
		l := s.bounded(p, 2)
		accepted := make(chan net.Conn, 10)
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					close(accepted)
					return
				}
				accepted <- c
			}
		}()
		for range 3 {
			go func() {
				_, theirs := net.Pipe()
				select {
				case p.conns <- theirs:
				case <-p.closed:
				}
			}()
		}
		synctest.Wait()
		if n := len(accepted); n != 2 {
			t.Fatalf("%d connections were accepted", n)
		}
		first := <-accepted
		first.Close()
		first.Close() // as net/http does at times
		synctest.Wait()
		if n := len(accepted); n != 2 {
			t.Errorf("%d are there after one has ended", n)
		}
		l.Close()
		synctest.Wait()
		if log := logged.String(); strings.Count(log, "no more connections") != 1 {
			t.Errorf("logged: %s", log)
		}
	})
}
