package httpapi

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/anvilpeering/anvil/push"
)

const tokenKey = "token" // of the echo context: the push.Token that was accepted

// guard stands before every route, and before what is no route: it bounds the
// answer's time, refuses what must not come in, turns panics into errors, and
// notes what was slow.
func (s *Server) guard(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		start := time.Now()
		r, h := c.Request(), c.Response().Header()
		h["X-Content-Type-Options"] = nosniff
		h["Content-Security-Policy"] = noContent
		h["Referrer-Policy"] = noReferrer
		err := s.admit(c)
		if err == nil {
			err = s.call(next, c)
		}
		if err != nil {
			c.Error(err)
		}
		if took := time.Since(start); took > slow && !isPoll(r) {
			s.log.Warn("slow request", "method", r.Method, "path", r.URL.Path, "status", c.Response().Status, "took", took.Round(time.Millisecond))
		}
		return nil
	}
}

// Values of headers, shared by all answers.
var (
	nosniff    = []string{"nosniff"}
	noContent  = []string{"default-src 'none'; frame-ancestors 'none'"}
	noReferrer = []string{"no-referrer"}
)

func (s *Server) admit(c echo.Context) error {
	r, control := c.Request(), http.NewResponseController(c.Response())
	if err := control.SetWriteDeadline(time.Now().Add(answerTime)); err != nil {
		return fmt.Errorf("bound the answer's time: %w", err)
	}
	if r.ContentLength != 0 {
		// Also of a body that no handler reads: net/http wants the rest of it
		// before the next request.
		if err := control.SetReadDeadline(time.Now().Add(bodyTime)); err != nil {
			return fmt.Errorf("bound the body's time: %w", err)
		}
	}
	if r.ContentLength != 0 && r.Method != http.MethodPost {
		c.Response().Header().Set("Connection", "close")
		return refuse(http.StatusBadRequest, "body", "a body where none belongs", "only POST has one", "")
	}
	if isLocal(r) {
		return nil
	}
	if !s.o.BehindProxy && !s.isOurs(r.Host) {
		return refuse(http.StatusMisdirectedRequest, "host", "not a name of this server",
			fmt.Sprintf("the request is for %.100q", r.Host), "use its address, or start the server with that name among its hosts")
	}
	addr, err := netip.ParseAddr(c.RealIP())
	if err != nil {
		return fmt.Errorf("read the peer's address: %w", err)
	}
	if wait, ok := s.addresses.take(addr); !ok {
		return tooMany("address", wait)
	}
	return nil
}

// call runs a handler. A panic is one request's failure; http.ErrAbortHandler
// is not one.
func (s *Server) call(next echo.HandlerFunc, c echo.Context) (err error) {
	defer func() {
		if p := recover(); p != nil {
			if p == http.ErrAbortHandler {
				panic(p)
			}
			s.log.Error("handler panicked", "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return next(c)
}

// isOurs reports whether a Host header names this server. A page that points a
// name of its own at this machine sends that name; an address cannot be such a
// name.
func (s *Server) isOurs(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	return s.hosts[host] || strings.HasSuffix(host, ".localhost")
}

// handler is a route for one whose token was accepted.
type handler func(c echo.Context, t push.Token) error

// follow is a route for client tokens, whose rights push looks at itself.
func (s *Server) follow(h handler) echo.HandlerFunc {
	return func(c echo.Context) error {
		if s.o.Push == nil {
			return notPushing()
		}
		t, err := s.authenticate(c)
		if err != nil {
			return err
		}
		return h(c, t)
	}
}

// manage is a route for people with at least a role.
func (s *Server) manage(need push.Role, h handler) echo.HandlerFunc {
	return func(c echo.Context) error {
		t, err := s.authenticate(c)
		if err != nil {
			return err
		}
		if !t.May(need) {
			return refuse(http.StatusForbidden, "forbidden", "not allowed",
				fmt.Sprintf("this needs a token with the role %s, yours is %s", need, t.Role),
				fmt.Sprintf("an admin makes one with anvil tokens create NAME --role %s", need))
		}
		return h(c, t)
	}
}

func (s *Server) authenticate(c echo.Context) (push.Token, error) {
	r := c.Request()
	if isLocal(r) {
		t := push.Local()
		c.Set(tokenKey, t)
		return t, nil
	}
	if s.o.Push == nil {
		return push.Token{}, notPushing()
	}
	values := r.Header["Authorization"]
	scheme, text, _ := strings.Cut(firstOf(values), " ")
	if len(values) != 1 || !strings.EqualFold(scheme, "Bearer") {
		return push.Token{}, refuse(http.StatusUnauthorized, "token-missing", "a token is required",
			"the request has no Authorization header with one bearer token", "set ANVIL_TOKEN; anvil connect makes a token for an application")
	}
	t, err := s.o.Push.Authenticate(text)
	if err != nil {
		return push.Token{}, err
	}
	c.Set(tokenKey, t)
	welcome(r)
	if wait, ok := s.tokens.take(t.ID); !ok {
		return push.Token{}, tooMany("token", wait)
	}
	return t, nil
}

func firstOf(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

func notPushing() error {
	return refuse(http.StatusNotFound, "not-pushing", "nothing is pushed here", "this is anvil watch, which has no clients", "start anvil serve")
}

func outOfScope(project, channel string) error {
	what := project
	if channel != "" {
		what += "/" + channel
	}
	return refuse(http.StatusForbidden, "scope", "not allowed", fmt.Sprintf("the token does not cover %q", what), "use a token of that project and channel")
}
