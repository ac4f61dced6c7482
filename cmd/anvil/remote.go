package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/anvilpeering/anvil/httpapi"
	"github.com/anvilpeering/anvil/protocol"
)

// remote is a running daemon's or server's management API: over the socket that
// only this user can open, or by URL with a token.
type remote struct {
	http  *http.Client
	base  string
	token string
}

// cause leaves out what net/http says around an error: method and URL are known.
func cause(err error) error {
	var around *url.Error
	if errors.As(err, &around) {
		return around.Err
	}
	return err
}

// errNoDaemon means that nothing listens on the local socket.
var errNoDaemon = errors.New("no daemon is running here")

// remote finds the server that --server or ANVIL_URL names, else the daemon of
// the repository around a.dir.
func (a *app) remote() (*remote, error) {
	server := a.server
	if server == "" {
		server = os.Getenv("ANVIL_URL")
	}
	if server != "" {
		base, _, _ := strings.Cut(server, ",")
		u, err := url.Parse(base)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			return nil, &usageError{err: fmt.Errorf("%q is no server's URL", base), hint: "write https://anvil.example.com"}
		}
		token := os.Getenv("ANVIL_TOKEN")
		if token == "" {
			return nil, fail("set ANVIL_TOKEN to a token that may do this: anvil tokens create NAME --role publisher", "%s wants a token", base)
		}
		return &remote{http: &http.Client{Timeout: time.Minute}, base: strings.TrimSuffix(base, "/"), token: token}, nil
	}
	p, err := a.openPlace()
	if err != nil {
		return nil, err
	}
	defer p.Close()
	path, err := socketPath(p.repo)
	if err != nil {
		return nil, err
	}
	return dialSocket(path), nil
}

func dialSocket(path string) *remote {
	transport := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			conn, err := httpapi.DialSocket(ctx, path)
			if errors.Is(err, fs.ErrNotExist) || errors.Is(err, httpapi.ErrNobody) {
				return nil, errNoDaemon
			}
			return conn, err
		},
	}
	return &remote{http: &http.Client{Transport: transport, Timeout: time.Minute}, base: "http://localhost"}
}

// call sends in as JSON (nil: no body) and decodes the answer into out (nil: it
// is thrown away). A refusal is a [protocol.Problem], or [httpapi.Breaking].
func (r *remote) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		content, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(content)
	}
	request, err := http.NewRequestWithContext(ctx, method, r.base+path, body)
	if err != nil {
		return err
	}
	if in != nil {
		request.Header.Set("Content-Type", protocol.TypeJSON)
	}
	if r.token != "" {
		request.Header.Set("Authorization", "Bearer "+r.token)
	}
	answer, err := r.http.Do(request)
	if err != nil {
		if errors.Is(err, errNoDaemon) {
			return fail("start one: anvil serve, or name a server with --server", "%w", errNoDaemon)
		}
		return fail("is the address right, and does an Anvil server listen there?", "ask %s: %w", r.base, cause(err))
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(io.LimitReader(answer.Body, 64<<20))
	if err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	if answer.StatusCode >= 300 {
		problem := &httpapi.Breaking{}
		if json.Unmarshal(content, problem) != nil || problem.Title == "" {
			return fail("is this an Anvil server?", "%s answers %s", r.base, answer.Status)
		}
		if len(problem.Breaks) > 0 {
			return problem
		}
		return &problem.Problem
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(content, out); err != nil {
		return fail("is this an Anvil server of the same version?", "read answer of %s: %w", r.base, err)
	}
	return nil
}
