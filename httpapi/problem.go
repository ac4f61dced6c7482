package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"net/http"
	"strconv"
	"syscall"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/anvilpeering/anvil/prompt"
	"github.com/anvilpeering/anvil/protocol"
	"github.com/anvilpeering/anvil/push"
	"github.com/anvilpeering/anvil/release"
	"github.com/anvilpeering/anvil/state"
)

// refusal is an error that already is its answer.
type refusal struct {
	protocol.Problem
	retry    time.Duration       // > 0: Retry-After
	breaking *push.BreakingError // what it names for programs, too
}

// Breaking is the problem document of a publish that is refused because
// applications could not go on with it.
type Breaking struct {
	protocol.Problem
	Clients int            `json:"clients"` // how many follow the channel
	Breaks  []prompt.Break `json:"breaks"`
}

// document is what a refusal is sent as.
func (r *refusal) document() any {
	if r.breaking != nil {
		return Breaking{r.Problem, r.breaking.Clients, r.breaking.Breaks}
	}
	return r.Problem
}

func refuse(status int, slug, title, detail, hint string) *refusal {
	return &refusal{Problem: protocol.Problem{
		Type: "/problems/" + slug, Title: title, Status: status, Detail: detail, Help: hint,
	}}
}

func tooMany(who string, wait time.Duration) error {
	r := refuse(http.StatusTooManyRequests, "rate-limit", "too many requests", "the limit of this "+who+" is reached", "slow down")
	r.retry = jittered(wait)
	return r
}

// jittered adds up to as much again, at least a second, so that those who are
// refused together do not come back together.
func jittered(wait time.Duration) time.Duration {
	wait = max(wait, time.Second)
	return wait + rand.N(wait)
}

// kinds are the answers to push's errors.
var kinds = []struct {
	kind   error
	status int
	slug   string
	title  string
}{
	{push.ErrInvalid, http.StatusBadRequest, "invalid", "invalid request"},
	{push.ErrUnauthenticated, http.StatusUnauthorized, "token-unknown", "token not accepted"},
	{push.ErrForbidden, http.StatusForbidden, "forbidden", "not allowed"},
	{push.ErrForgotten, http.StatusGone, "client-forgotten", "client is not registered"},
	{push.ErrDamaged, http.StatusServiceUnavailable, "channel-damaged", "channel damaged"},
	{push.ErrNothing, http.StatusNotFound, "nothing-offered", "nothing offered yet"},
	{push.ErrNotFound, http.StatusNotFound, "not-found", "not found"},
	{push.ErrFull, http.StatusTooManyRequests, "too-many-clients", "too many clients"},
	{release.ErrNotFound, http.StatusNotFound, "not-found", "not found"},
	{release.ErrMoved, http.StatusConflict, "moved", "the channel has moved meanwhile"},
}

// problemOf says how an error is answered. Of what went wrong inside it tells
// only people.
func problemOf(err error, toPerson bool) *refusal {
	if r, ok := errors.AsType[*refusal](err); ok {
		return r
	}
	if e, ok := errors.AsType[*push.ProtocolError](err); ok {
		r := refuse(http.StatusUpgradeRequired, "protocol", "no protocol version in common", e.Error(), e.Hint())
		r.Min, r.Max = e.Min, e.Max
		return r
	}
	if e, ok := errors.AsType[*push.BreakingError](err); ok {
		r := refuse(http.StatusConflict, "breaking", "applications would break", e.Error(), e.Hint())
		r.breaking = e
		return r
	}
	if e, ok := errors.AsType[*release.UnfitError](err); ok {
		return refuse(http.StatusConflict, "unfit", "not fit to be released", e.Error(), e.Hint())
	}
	if errors.Is(err, state.ErrFull) || errors.Is(err, syscall.ENOSPC) {
		r := refuse(http.StatusInsufficientStorage, "disk-full", "the server's disk is full", "nothing of it was done", "free some disk space on the server")
		r.retry = jittered(30 * time.Second)
		return r
	}
	for _, k := range kinds {
		if errors.Is(err, k.kind) {
			r := refuse(k.status, k.slug, k.title, err.Error(), hintOf(err))
			switch k.status {
			case http.StatusTooManyRequests:
				r.retry = jittered(5 * time.Second)
			case http.StatusServiceUnavailable: // until a person has come
				r.retry = jittered(15 * time.Second)
			}
			return r
		}
	}
	if e, ok := errors.AsType[*echo.HTTPError](err); ok {
		return ofHTTP(e)
	}
	r := refuse(http.StatusInternalServerError, "internal", "internal error", "the server's log says more", "")
	if toPerson {
		r.Detail, r.Help = err.Error(), hintOf(err)
	}
	return r
}

func ofHTTP(e *echo.HTTPError) *refusal {
	switch e.Code {
	case http.StatusNotFound:
		return refuse(e.Code, "no-route", "no such address", "", "")
	case http.StatusMethodNotAllowed:
		return refuse(e.Code, "method", "method not allowed here", "", "")
	}
	return refuse(e.Code, "http", http.StatusText(e.Code), "", "")
}

func hintOf(err error) string {
	if h, ok := errors.AsType[interface {
		error
		Hint() string
	}](err); ok {
		return h.Hint()
	}
	return ""
}

// answerError is echo's error handler: the one place where errors become
// answers.
func (s *Server) answerError(err error, c echo.Context) {
	r := c.Request()
	if c.Response().Committed {
		return // the connection is cut, which is all that can be said now
	}
	if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
		return // nobody is there to be told
	}
	t, _ := c.Get(tokenKey).(push.Token)
	p := problemOf(err, isLocal(r) || t.May(push.RoleViewer))
	if p.Status >= http.StatusInternalServerError && p.Status != http.StatusServiceUnavailable {
		s.log.Error("request failed", "method", r.Method, "path", r.URL.Path, "token", t.ID, "error", err)
	}
	if p.Status == http.StatusUnauthorized {
		if unsaid, ok := s.unknown.next(); ok {
			s.log.Warn("token not accepted", "address", c.RealIP(), "path", r.URL.Path, "problem", p.Type, "unsaid", unsaid)
		}
	}
	h := c.Response().Header()
	for _, name := range []string{"Etag", "Cache-Control", "Content-Length", "Last-Modified"} {
		h.Del(name)
	}
	h.Set("Content-Type", protocol.TypeProblem)
	h.Set("Cache-Control", "no-store")
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="anvil"`)
	}
	if p.retry > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(p.retry.Seconds()))))
	}
	body, err := json.Marshal(p.document())
	if err != nil {
		s.log.Error("problem not encoded", "error", err)
		return
	}
	c.Response().WriteHeader(p.Status)
	if r.Method != http.MethodHead {
		_, _ = c.Response().Write(body) // a peer that is gone hears nothing
	}
}
