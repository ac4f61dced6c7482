package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/labstack/echo/v4"

	"github.com/anvilpeering/anvil/push"
	"github.com/anvilpeering/anvil/release"
)

// Status is what a server says of itself. Root, PID and Daemon are told on the
// socket alone.
type Status struct {
	Organisation string               `json:"organisation"`
	Version      string               `json:"version"`
	Root         string               `json:"root,omitempty"`
	PID          int                  `json:"pid,omitempty"`
	URL          string               `json:"url,omitempty"`
	Trust        string               `json:"trust,omitempty"`
	Daemon       any                  `json:"daemon,omitempty"`
	Channels     []push.ChannelStatus `json:"channels,omitempty"`
	Waiting      []push.Waiting       `json:"waiting,omitempty"`
	Notices      []push.Notice        `json:"notices,omitempty"`
}

// NewToken is a token with its secret, which is seen this once.
type NewToken struct {
	Secret string `json:"secret"`
	push.Token
}

func (s *Server) status(c echo.Context, t push.Token) error {
	status := Status{Organisation: s.o.Organisation, Version: s.o.Version, URL: s.URL(), Trust: s.o.Trust}
	if isLocal(c.Request()) {
		status.Root, status.PID = s.o.Root, os.Getpid()
		if s.o.Status != nil {
			status.Daemon = s.o.Status()
		}
	}
	if s.o.Push != nil {
		status.Channels = visible(s.o.Push.Channels(), t)
		status.Waiting = slices.DeleteFunc(s.o.Push.Waiting(), func(w push.Waiting) bool { return !t.Covers(w.Project, release.Draft) })
		status.Notices = slices.DeleteFunc(s.o.Push.Notices(), func(n push.Notice) bool { return !t.Covers(n.Project, n.Channel) })
	}
	return s.answer(c, http.StatusOK, status)
}

func visible(channels []push.ChannelStatus, t push.Token) []push.ChannelStatus {
	return slices.DeleteFunc(channels, func(c push.ChannelStatus) bool { return !t.Covers(c.Project, c.Channel) })
}

func (s *Server) channels(c echo.Context, t push.Token) error {
	if s.o.Push == nil {
		return notPushing()
	}
	return s.answer(c, http.StatusOK, visible(s.o.Push.Channels(), t))
}

func (s *Server) clients(c echo.Context, t push.Token) error {
	if s.o.Push == nil {
		return notPushing()
	}
	limit, err := limitOf(c, someClients)
	if err != nil {
		return err
	}
	clients, more, err := s.o.Push.FindClients(push.ClientQuery{Scope: t, After: c.QueryParam("after"), Limit: limit})
	if err != nil {
		return err
	}
	if more {
		next := url.Values{"after": {clients[limit-1].Cursor()}, "limit": {strconv.Itoa(limit)}}
		c.Response().Header().Set("Link", "<"+pathClients+"?"+next.Encode()+`>; rel="next"`)
	}
	return s.answer(c, http.StatusOK, clients)
}

// How many are listed, unless asked for, and at most.
const (
	someClients  = 200
	someReleases = 50
	mostListed   = 1000
)

// limitOf is how many a request wants listed.
func limitOf(c echo.Context, some int) (int, error) {
	text := c.QueryParam("limit")
	if text == "" {
		return some, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > mostListed {
		return 0, refuse(http.StatusBadRequest, "invalid", "invalid request", "limit is a number from 1 to "+strconv.Itoa(mostListed), "")
	}
	return n, nil
}

func (s *Server) releases(c echo.Context, t push.Token) error {
	if s.o.Push == nil {
		return notPushing()
	}
	project, channel := c.QueryParam("project"), c.QueryParam("channel")
	limit, err := limitOf(c, someReleases)
	if err != nil {
		return err
	}
	if !t.Covers(project, channel) {
		return outOfScope(project, channel)
	}
	releases, err := s.o.Push.Releases(c.Request().Context(), project, channel, limit)
	if err != nil {
		return err
	}
	return s.answer(c, http.StatusOK, releases)
}

func (s *Server) publish(c echo.Context, t push.Token) error {
	if s.o.Push == nil {
		return notPushing()
	}
	var q push.PublishRequest
	if err := s.decode(c, &q); err != nil {
		return err
	}
	if !t.Covers(q.Project, q.Channel) {
		return outOfScope(q.Project, q.Channel)
	}
	q.Scope = t.Project
	r, err := s.o.Push.Publish(c.Request().Context(), q, t.Who())
	if err != nil {
		return err
	}
	return s.answer(c, http.StatusOK, r)
}

// accept confirms a hold of the daemon, or a project that waits because much of
// it is gone: who says that a deletion is meant says it to both.
func (s *Server) accept(c echo.Context, t push.Token) error {
	var q struct {
		Path string `json:"path"`
	}
	if err := s.decode(c, &q); err != nil {
		return err
	}
	// The scope is judged by the very path that the daemon is told.
	if q.Path == "" || path.Clean(q.Path) != q.Path || !filepath.IsLocal(q.Path) {
		return refuse(http.StatusBadRequest, "invalid", "invalid request", fmt.Sprintf("%q is no path of the organisation", q.Path),
			"write it as anvil status shows it")
	}
	project := push.ProjectOf(q.Path)
	if !t.Covers(project, release.Draft) {
		return outOfScope(project, release.Draft)
	}
	var waited bool
	var err error
	if s.o.Push != nil && project != "" {
		if waited, err = s.o.Push.Accept(c.Request().Context(), project, t.Who()); err != nil {
			return err
		}
	}
	if s.o.Accept == nil {
		err = refuse(http.StatusNotFound, "no-folder", "no folder is watched here", "", "")
	} else {
		err = s.o.Accept(q.Path)
	}
	if err != nil && !waited {
		return s.notAccepted(err)
	}
	if err != nil && s.o.Accept != nil {
		// What was meant was the release. The folder mostly held nothing.
		s.log.Info("nothing accepted in the folder", "path", q.Path, "error", err)
	}
	return c.NoContent(http.StatusNoContent)
}

// notAccepted is the daemon's word on a path. Whatever it says was asked for by
// the request, and is for people.
func (s *Server) notAccepted(err error) error {
	if r, ok := errors.AsType[*refusal](err); ok {
		return r
	}
	return refuse(http.StatusConflict, "not-accepted", "not accepted", err.Error(), hintOf(err))
}

func (s *Server) listTokens(c echo.Context, t push.Token) error {
	if s.o.Push == nil {
		return notPushing()
	}
	tokens, err := s.o.Push.Tokens(c.Request().Context())
	if err != nil {
		return err
	}
	return s.answer(c, http.StatusOK, slices.DeleteFunc(tokens, func(k push.Token) bool { return !mayHandle(t, k.Role, k.Project, k.Channel) }))
}

// mayHandle reports whether t may make, see and revoke a token: publishers the
// clients' of their scope, admins all of theirs.
func mayHandle(t push.Token, role push.Role, project, channel string) bool {
	return t.Covers(project, channel) && (role == push.RoleClient || t.May(push.RoleAdmin))
}

func (s *Server) createToken(c echo.Context, t push.Token) error {
	if s.o.Push == nil {
		return notPushing()
	}
	var n push.NewToken
	if err := s.decode(c, &n); err != nil {
		return err
	}
	if !mayHandle(t, n.Role, n.Project, n.Channel) {
		return refuse(http.StatusForbidden, "scope", "not allowed",
			"publishers make client tokens for the project and channel that their own token covers", "ask an admin")
	}
	n.By = t.Who()
	secret, made, err := s.o.Push.CreateToken(c.Request().Context(), n)
	if err != nil {
		return err
	}
	return s.answer(c, http.StatusCreated, NewToken{Secret: secret, Token: made})
}

func (s *Server) revokeToken(c echo.Context, t push.Token) error {
	if s.o.Push == nil {
		return notPushing()
	}
	ctx, id := c.Request().Context(), c.Param("id")
	k, err := s.o.Push.FindToken(ctx, id)
	if err != nil {
		return err
	}
	if !mayHandle(t, k.Role, k.Project, k.Channel) {
		return refuse(http.StatusForbidden, "scope", "not allowed", "your token does not cover that one", "ask an admin")
	}
	if err := s.o.Push.RevokeToken(ctx, id, t.Who()); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}
