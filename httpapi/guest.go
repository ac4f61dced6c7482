package httpapi

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/netutil"
)

// strangerTime is how long a connection may stay on which no token was accepted.
// A request that is being answered is let finish.
const strangerTime = 10 * time.Second

// entrance is a listener that says in the log when it fails, or is full.
type entrance struct {
	net.Listener
	s    *Server
	most int // guests at a time; 0: they are not counted
	open atomic.Int64
}

// bounded lets at most so many connections in. Further ones wait in the kernel.
func (s *Server) bounded(l net.Listener, most int) net.Listener {
	return &entrance{Listener: netutil.LimitListener(l, most), s: s, most: most}
}

func (e *entrance) Accept() (net.Conn, error) {
	c, err := e.Listener.Accept()
	if err != nil {
		if !errors.Is(err, net.ErrClosed) {
			if unsaid, ok := e.s.deaf.next(); ok {
				e.s.log.Warn("connection not accepted", "address", e.Addr().String(), "error", err, "unsaid", unsaid)
			}
		}
		return nil, err
	}
	if e.most == 0 {
		return c, nil
	}
	if e.open.Add(1) >= int64(e.most) {
		if unsaid, ok := e.s.full.next(); ok {
			e.s.log.Warn("no more connections are accepted until some end", "address", e.Addr().String(), "connections", e.most, "unsaid", unsaid)
		}
	}
	return &guest{Conn: c, left: sync.OnceFunc(func() { e.open.Add(-1) }), opened: time.Now()}, nil
}

// guest is a connection from outside.
type guest struct {
	net.Conn
	left   func() // it is counted no longer
	opened time.Time
	known  atomic.Bool // a token was accepted on it

	mu    sync.Mutex
	leave *time.Timer // ends it, while it is a stranger's and idle
}

func (g *guest) Close() error {
	g.left()
	return g.Conn.Close()
}

// watch is told by net/http how a connection is doing.
func watch(c net.Conn, state http.ConnState) {
	g := guestOf(c)
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.leave != nil {
		g.leave.Stop()
	}
	if state == http.StateIdle && !g.known.Load() {
		g.leave = time.AfterFunc(time.Until(g.opened.Add(strangerTime)), func() { _ = g.Close() })
	}
}

// guestOf returns the guest below a connection, nil when there is none.
func guestOf(c net.Conn) *guest {
	if encrypted, ok := c.(*tls.Conn); ok {
		c = encrypted.NetConn()
	}
	g, _ := c.(*guest)
	return g
}

type guestKey struct{}

func withGuest(ctx context.Context, c net.Conn) context.Context {
	if g := guestOf(c); g != nil {
		return context.WithValue(ctx, guestKey{}, g)
	}
	return ctx
}

// welcome notes that a request's token was accepted.
func welcome(r *http.Request) {
	if g, ok := r.Context().Value(guestKey{}).(*guest); ok {
		g.known.Store(true)
	}
}
