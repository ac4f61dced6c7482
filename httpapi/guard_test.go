package httpapi_test

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/anvilpeering/anvil/httpapi"
	"github.com/anvilpeering/anvil/protocol"
	"github.com/anvilpeering/anvil/push"
)

// Every route, every role, its own project and a foreign one. What is allowed
// stands here once more, so that a change of it is seen.
func TestWhoMayDoWhat(t *testing.T) {
	h := newHouse(t, httpapi.Options{Accept: func(string) error { return nil }})
	h.begin()
	h.local("POST", "/api/v1/publish", push.PublishRequest{Project: "support", Channel: "production"})
	h.local("POST", "/api/v1/publish", push.PublishRequest{Project: "sales", Channel: "production"})

	const client, viewer, editor, publisher, admin = push.RoleClient, push.RoleViewer, push.RoleEditor, push.RolePublisher, push.RoleAdmin
	roles := []push.Role{client, viewer, editor, publisher, admin}
	tokens := map[push.Role]string{}
	for _, r := range roles {
		tokens[r] = h.token(r, "support", "production")
	}
	victim := func(project string) string {
		return strings.Split(h.token(client, project, "production"), "_")[1]
	}
	type body = map[string]any
	routes := []struct {
		method, path string // with {project}, its {head}, and a token of it, {victim}
		body         func(project string) any
		from         push.Role // the least role of people; client: clients alone
		okay         int       // status for the own project
		foreign      int       // and for a foreign one, 0 when none can be asked for
	}{
		{"POST", protocol.PathRegister, func(string) any { return body{"client_id": "c", "protocol": []int{1}} }, client, 201, 0},
		{"GET", protocol.PathCheck, nil, client, 200, 0},
		{"GET", protocol.PathBundle + "?to={head}", nil, client, 200, 404},
		{"POST", protocol.PathAcknowledge, func(string) any { return []body{} }, client, 202, 0},
		{"GET", "/api/v1/status", nil, viewer, 200, 0},
		{"GET", "/api/v1/channels", nil, viewer, 200, 0},
		{"GET", "/api/v1/clients", nil, viewer, 200, 0},
		{"GET", "/api/v1/releases?project={project}&channel=production", nil, viewer, 200, 403},
		{"POST", "/api/v1/publish", func(p string) any { return body{"project": p, "channel": "production"} }, publisher, 200, 403},
		{"GET", "/api/v1/tokens", nil, publisher, 200, 0},
		{"POST", "/api/v1/tokens", func(p string) any {
			return body{"name": "n", "role": "client", "project": p, "channel": "production"}
		}, publisher, 201, 403},
		{"DELETE", "/api/v1/tokens/{victim}", nil, publisher, 204, 403},
		{"GET", "/healthz", nil, "", 200, 0},
	}
	for _, r := range routes {
		for _, role := range append(roles, "none") {
			for _, project := range []string{"support", "sales"} {
				if project == "sales" && r.foreign == 0 {
					continue
				}
				t.Run(fmt.Sprintf("%s %s %s %s", r.method, r.path, role, project), func(t *testing.T) {
					path := strings.ReplaceAll(r.path, "{project}", project)
					path = strings.ReplaceAll(path, "{head}", h.head(project, "production").ID.String())
					if strings.Contains(path, "{victim}") {
						path = strings.ReplaceAll(path, "{victim}", victim(project))
					}
					var content any
					if r.body != nil {
						content = r.body(project)
					}
					want := http.StatusForbidden
					switch {
					case r.from == "":
						want = r.okay
					case role == "none":
						want = http.StatusUnauthorized
					case (r.from == client) != (role == client):
					case r.from != client && !(push.Token{Role: role}).May(r.from):
					case project == "sales":
						want = r.foreign
					default:
						want = r.okay
					}
					a := h.do(r.method, path, tokens[role], content)
					if a.StatusCode != want {
						t.Fatalf("%d, want %d: %s", a.StatusCode, want, a.body)
					}
					if want >= 400 {
						a.problem(t)
					}
					if want == http.StatusUnauthorized && a.Header.Get("WWW-Authenticate") == "" {
						t.Error("no WWW-Authenticate")
					}
					if strings.Contains(string(a.body), "sales") && want < 400 && project == "support" {
						t.Errorf("tells of another project: %s", a.body)
					}
					if a.Header.Get("X-Content-Type-Options") != "nosniff" {
						t.Error("no nosniff")
					}
				})
			}
		}
	}
}

// Nobody makes a token that can do more than their own.
func TestNoTokenGrows(t *testing.T) {
	h := newHouse(t, httpapi.Options{})
	scoped := h.token(push.RoleAdmin, "support", "")
	publisher := h.token(push.RolePublisher, "support", "")
	for _, c := range []struct {
		name, by string
		n        push.NewToken
		status   int
	}{
		{"publisher makes a viewer", publisher, push.NewToken{Name: "n", Role: push.RoleViewer, Project: "support"}, 403},
		{"publisher makes a publisher", publisher, push.NewToken{Name: "n", Role: push.RolePublisher, Project: "support"}, 403},
		{"publisher makes a client", publisher, push.NewToken{Name: "n", Role: push.RoleClient, Project: "support", Channel: "production"}, 201},
		{"scoped admin makes a scoped admin", scoped, push.NewToken{Name: "n", Role: push.RoleAdmin, Project: "support"}, 201},
		{"scoped admin makes an admin of all", scoped, push.NewToken{Name: "n", Role: push.RoleAdmin}, 403},
	} {
		if a := h.do("POST", "/api/v1/tokens", c.by, c.n); a.StatusCode != c.status {
			t.Errorf("%s: %d %s", c.name, a.StatusCode, a.body)
		}
	}
	var tokens []push.Token
	h.do("GET", "/api/v1/tokens", publisher, nil).decode(t, &tokens)
	if len(tokens) != 1 || tokens[0].Role != push.RoleClient || tokens[0].CreatedBy == "" {
		t.Errorf("a publisher sees %+v", tokens)
	}
}

func TestProblems(t *testing.T) {
	h := newHouse(t, httpapi.Options{})
	h.begin()
	token, admin := h.token(push.RoleClient, "support", "draft"), h.token(push.RoleAdmin, "", "")
	for _, c := range []struct {
		name, method, path, token string
		headers                   []string
		body                      string
		status                    int
	}{
		{"no route", "GET", "/api/v2/push/check", token, nil, "", 404},
		{"root", "GET", "/", "", nil, "", 404},
		{"wrong method", "DELETE", protocol.PathCheck, token, nil, "", 405},
		{"no token", "GET", protocol.PathCheck, "", nil, "", 401},
		{"basic authentication", "GET", protocol.PathCheck, "", []string{"Authorization", "Basic YTpi"}, "", 401},
		{"mistyped token", "GET", protocol.PathCheck, token[:20] + "0" + token[21:], nil, "", 401},
		{"unregistered client", "GET", protocol.PathCheck, token, []string{"Anvil-Client", "c9"}, "", 410},
		{"not JSON", "POST", protocol.PathRegister, token, []string{"Content-Type", "application/json"}, "{", 400},
		{"a form", "POST", protocol.PathRegister, token, []string{"Content-Type", "application/x-www-form-urlencoded"}, "a=b", 415},
		{"no content type", "POST", protocol.PathRegister, token, nil, "{}", 415},
		{"no client id", "POST", protocol.PathRegister, token, []string{"Content-Type", "application/json"}, "{}", 400},
		{"another protocol", "POST", protocol.PathRegister, token, []string{"Content-Type", "application/json"}, `{"client_id":"c","protocol":[7]}`, 426},
		{"large body", "POST", protocol.PathRegister, token, []string{"Content-Type", "application/json"}, `{"app":"` + strings.Repeat("x", 70_000) + `"}`, 413},
		{"bundle of nothing", "GET", protocol.PathBundle, token, nil, "", 400},
		{"unknown release", "GET", protocol.PathBundle + "?to=" + strings.Repeat("a", 40), token, nil, "", 404},
		{"publish nothing", "POST", "/api/v1/publish", admin, []string{"Content-Type", "application/json"}, `{"project":"nope","channel":"production"}`, 404},
		{"many releases", "GET", "/api/v1/releases?project=support&channel=draft&limit=100000", admin, nil, "", 400},
		{"releases of what", "GET", "/api/v1/releases", admin, nil, "", 400},
		{"no folder", "POST", "/api/v1/accept", admin, []string{"Content-Type", "application/json"}, `{"path":"support/triage/x.yaml"}`, 404},
		{"unknown token", "DELETE", "/api/v1/tokens/nobody", admin, nil, "", 404},
		{"foreign host", "GET", "/healthz", "", []string{"Host", "evil.example.com"}, "", 421},
		{"foreign host with a port", "GET", protocol.PathCheck, token, []string{"Host", "evil.example.com:80"}, "", 421},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := http.NewRequestWithContext(t.Context(), c.method, h.url+c.path, strings.NewReader(c.body))
			if err != nil {
				t.Fatal(err)
			}
			if c.token != "" {
				r.Header.Set("Authorization", "Bearer "+c.token)
			}
			for i := 0; i < len(c.headers); i += 2 {
				if c.headers[i] == "Host" {
					r.Host = c.headers[i+1]
				}
				r.Header.Set(c.headers[i], c.headers[i+1])
			}
			a, err := send(h.http, r)
			if err != nil {
				t.Fatal(err)
			}
			p := a.problem(t)
			if p.Status != c.status {
				t.Errorf("%+v", p)
			}
			if c.status == 426 && (p.Min != 1 || p.Max != 1) {
				t.Errorf("range %d to %d", p.Min, p.Max)
			}
			if c.status == 405 && a.Header.Get("Allow") == "" {
				t.Error("no Allow")
			}
			if strings.Contains(string(a.body), token[20:40]) {
				t.Errorf("tells a secret: %s", a.body)
			}
		})
	}
	// Three tokens were refused, which is worth one line a minute.
	log := h.logged.String()
	if strings.Contains(log, token[14:]) || strings.Count(log, "\n") != 1 || !strings.Contains(log, `level=WARN msg="token not accepted" address=127.0.0.1`) {
		t.Errorf("logged: %s", log)
	}
}

// A handler that fails is one request's failure; what it was goes to the log
// and to people, not to clients.
func TestFailureInside(t *testing.T) {
	h := newHouse(t, httpapi.Options{Accept: func(string) error { panic("a secret of the inside") }})
	a := h.do("POST", "/api/v1/accept", h.token(push.RoleAdmin, "", ""), map[string]string{"path": "support/x.yaml"})
	if p := a.problem(t); p.Status != http.StatusInternalServerError {
		t.Errorf("%+v", p)
	}
	if !strings.Contains(h.logged.String(), "a secret of the inside") {
		t.Errorf("log: %s", h.logged.String())
	}
	token := h.token(push.RoleClient, "support", "draft")
	if err := h.store.Close(); err != nil {
		t.Fatal(err)
	}
	a = h.do("POST", protocol.PathRegister, token, protocol.Registration{ClientID: "c1", Protocol: []int{1}})
	if p := a.problem(t); p.Status != http.StatusInternalServerError || strings.Contains(p.Detail, "closed") {
		t.Errorf("%+v", p)
	}
}

func TestTokenFloods(t *testing.T) {
	h := newHouse(t, httpapi.Options{Rate: 0.001, Burst: 3})
	h.begin()
	token, other := h.token(push.RoleClient, "support", "draft"), h.token(push.RoleClient, "support", "draft")
	for i := range 5 {
		a := h.do("GET", protocol.PathCheck, token, nil)
		if want := i >= 3; (a.StatusCode == http.StatusTooManyRequests) != want {
			t.Errorf("request %d: %d", i, a.StatusCode)
		} else if want && (a.problem(t).Status != 429 || a.Header.Get("Retry-After") == "") {
			t.Errorf("request %d: %v", i, a.Header)
		}
	}
	if a := h.do("GET", protocol.PathCheck, other, nil); a.StatusCode != http.StatusOK {
		t.Errorf("another token: %d", a.StatusCode)
	}
}

func TestAddressFloods(t *testing.T) {
	h := newHouse(t, httpapi.Options{AddressRate: 0.001, AddressBurst: 5})
	h.begin()
	token := h.token(push.RoleClient, "support", "draft")
	var refused int
	for range 20 {
		if a := h.do("GET", protocol.PathCheck, "", nil, "X-Forwarded-For", "203.0.113.9"); a.StatusCode == http.StatusTooManyRequests {
			refused++
			a.problem(t)
		}
	}
	if refused < 10 {
		t.Errorf("%d of 20 refused", refused)
	}
	if a := h.do("GET", protocol.PathCheck, token, nil); a.StatusCode != http.StatusTooManyRequests {
		t.Errorf("with a token: %d", a.StatusCode)
	}
	if a := h.local("GET", "/api/v1/status", nil); a.StatusCode != http.StatusOK {
		t.Errorf("the socket: %d", a.StatusCode)
	}
}

// Behind a proxy the limit is of the address that the proxy names last, however
// many the client made up before it.
func TestBehindProxy(t *testing.T) {
	h := newHouse(t, httpapi.Options{BehindProxy: true, AddressRate: 0.001, AddressBurst: 2})
	ask := func(forwarded string) int {
		return h.do("GET", "/healthz", "", nil, "X-Forwarded-For", forwarded, "Host", "anvil.example.com").StatusCode
	}
	for i := range 4 {
		// Its two cells have a burst of two each.
		if got := ask(fmt.Sprintf("198.51.100.%d, 203.0.113.9", i)); got != http.StatusOK && i < 2 {
			t.Errorf("request %d: %d", i, got)
		}
	}
	if got := ask("203.0.113.9"); got != http.StatusTooManyRequests {
		t.Errorf("the same address: %d", got)
	}
	if got := ask("203.0.113.10"); got != http.StatusOK {
		t.Errorf("another address: %d", got)
	}
}

func TestHosts(t *testing.T) {
	h := newHouse(t, httpapi.Options{Hosts: []string{"Anvil.example.com"}})
	name, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for host, ok := range map[string]bool{
		"127.0.0.1:80": true, "[::1]:80": true, "192.0.2.7": true, "localhost": true, "LOCALHOST:9": true, "app.localhost": true,
		"anvil.example.com": true, "anvil.example.com.": true, name: true,
		"example.com": false, "localhost.example.com": false, "127.0.0.1.example.com": false, "notlocalhost": false,
	} {
		a := h.do("GET", "/healthz", "", nil, "Host", host)
		if (a.StatusCode == http.StatusOK) != ok {
			t.Errorf("%s: %d", host, a.StatusCode)
		}
	}
}

func TestHealth(t *testing.T) {
	var ready bool
	h := newHouse(t, httpapi.Options{Ready: func() bool { return ready }})
	a := h.do("GET", "/healthz", "", nil)
	if p := a.problem(t); p.Status != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" {
		t.Errorf("%+v", p)
	}
	ready = true
	if a := h.do("GET", "/healthz", "", nil); a.StatusCode != http.StatusOK {
		t.Errorf("%d", a.StatusCode)
	}
	if log := h.logged.String(); log != "" {
		t.Errorf("logged: %s", log)
	}
}

func TestStatus(t *testing.T) {
	h := newHouse(t, httpapi.Options{Trust: "acme/* ssh-ed25519 AAAA", Status: func() any { return map[string]string{"branch": "main"} }})
	h.begin()
	h.save(map[string]string{"support/triage/classify.yaml": "template: '{{ mesage }}'\n"})
	var s struct {
		httpapi.Status
		Daemon map[string]string `json:"daemon"`
	}
	h.local("GET", "/api/v1/status", nil).decode(t, &s)
	if s.Organisation != "acme" || s.Root == "" || s.PID != os.Getpid() || s.URL != h.url || s.Trust == "" ||
		s.Daemon["branch"] != "main" || len(s.Channels) != 2 || len(s.Waiting) != 1 || len(s.Waiting[0].Problems) == 0 {
		t.Errorf("on the socket %+v", s)
	}
	s.Status, s.Daemon = httpapi.Status{}, nil
	h.do("GET", "/api/v1/status", h.token(push.RoleViewer, "sales", ""), nil).decode(t, &s)
	if s.Organisation != "acme" || s.Root != "" || s.PID != 0 || s.Daemon != nil || len(s.Channels) != 1 || len(s.Waiting) != 0 {
		t.Errorf("with a token of another project %+v", s)
	}
}

func TestAccept(t *testing.T) {
	var accepted []string
	h := newHouse(t, httpapi.Options{Accept: func(path string) error {
		if path == "support/triage/no.yaml" {
			return errors.New("nothing is held there")
		}
		accepted = append(accepted, path)
		return nil
	}})
	if a := h.local("POST", "/api/v1/accept", map[string]string{"path": "support/triage/a.yaml"}); a.StatusCode != http.StatusNoContent || len(accepted) != 1 {
		t.Errorf("%d, accepted %v", a.StatusCode, accepted)
	}
	h.begin()
	if a := h.local("POST", "/api/v1/accept", map[string]string{"path": "support"}); a.StatusCode != http.StatusNoContent {
		t.Errorf("a project: %d", a.StatusCode)
	}
	if audit, err := h.store.Audit(t.Context(), 0, 1); err != nil || len(audit) != 1 || audit[0].What != "accept" || audit[0].Who != push.Local().Who() || audit[0].Project != "support" {
		t.Errorf("audit %+v, %v", audit, err)
	}
	a := h.local("POST", "/api/v1/accept", map[string]string{"path": "support/triage/no.yaml"})
	if p := a.problem(t); p.Status != http.StatusConflict || p.Detail != "nothing is held there" {
		t.Errorf("%+v", p)
	}
	// Nobody reaches another project by a path that is spelled another way.
	for _, path := range []string{"support/../sales", "support/./x.yaml", "support//x.yaml", "/support", "../sales", "support/", ""} {
		if a := h.do("POST", "/api/v1/accept", h.token(push.RoleEditor, "support", ""), map[string]string{"path": path}); a.StatusCode != http.StatusBadRequest {
			t.Errorf("%q: %d", path, a.StatusCode)
		}
	}
	if a := h.do("POST", "/api/v1/accept", h.token(push.RoleEditor, "sales", ""), map[string]string{"path": "support/triage/a.yaml"}); a.StatusCode != http.StatusForbidden {
		t.Errorf("foreign project: %d", a.StatusCode)
	}
}

// anvil watch has a socket and no push server.
func TestWithoutPush(t *testing.T) {
	h := &house{t: t, http: http.DefaultClient}
	h.serve(httpapi.Options{Organisation: "acme", Accept: func(string) error { return nil }})
	var s httpapi.Status
	h.local("GET", "/api/v1/status", nil).decode(t, &s)
	if s.Organisation != "acme" {
		t.Errorf("%+v", s)
	}
	if a := h.local("POST", "/api/v1/accept", map[string]string{"path": "a/b/c.yaml"}); a.StatusCode != http.StatusNoContent {
		t.Errorf("accept: %d %s", a.StatusCode, a.body)
	}
	for _, path := range []string{"/api/v1/channels", "/api/v1/tokens", protocol.PathCheck} {
		if p := h.local("GET", path, nil).problem(t); p.Status != http.StatusNotFound || !strings.Contains(p.Hint(), "anvil serve") {
			t.Errorf("%s: %+v", path, p)
		}
	}
	if p := h.do("GET", "/api/v1/status", "anv_x", nil).problem(t); p.Status != http.StatusNotFound {
		t.Errorf("on tcp: %+v", p)
	}
}

func TestTLS(t *testing.T) {
	donor := httptest.NewUnstartedServer(nil)
	donor.StartTLS()
	certificate, roots := donor.TLS.Certificates, donor.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	donor.Close()
	h := newHouse(t, httpapi.Options{TLS: &tls.Config{Certificates: certificate}})
	c := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	defer c.CloseIdleConnections()
	if got := h.server.URL(); got != strings.Replace(h.url, "http:", "https:", 1) {
		t.Errorf("URL %s", got)
	}
	resp, err := c.Get(h.server.URL() + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("status %d", resp.StatusCode)
	}
	if a := h.local("GET", "/api/v1/status", nil); a.StatusCode != http.StatusOK {
		t.Errorf("the socket: %d", a.StatusCode)
	}
}

// Two tokens in one request are none.
func TestOneTokenOnly(t *testing.T) {
	h := newHouse(t, httpapi.Options{})
	h.begin()
	token := h.token(push.RoleClient, "support", "draft")
	conn, err := net.Dial("tcp", strings.TrimPrefix(h.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nAuthorization: Bearer %s\r\n\r\n", protocol.PathCheck, token, token)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("status %d", resp.StatusCode)
	}
}

func TestSocket(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("SKIPPED: needs file modes")
	}
	listen := func(path string) (*httpapi.Server, error) {
		s := httpapi.New(httpapi.Options{})
		t.Cleanup(func() { s.Close() })
		_, err := s.Listen("unix", path)
		return s, err
	}
	mode := func(path string) os.FileMode {
		info, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Mode().Perm()
	}

	t.Run("made private", func(t *testing.T) {
		dir := filepath.Join(socketFolder(t), "anvil")
		path := filepath.Join(dir, "s")
		if _, err := listen(path); err != nil {
			t.Fatal(err)
		}
		if mode(dir) != 0o700 || mode(path) != 0o600 {
			t.Errorf("modes %o and %o", mode(dir), mode(path))
		}
	})
	t.Run("one that answers is left alone", func(t *testing.T) {
		path := filepath.Join(socketFolder(t), "s")
		if _, err := listen(path); err != nil {
			t.Fatal(err)
		}
		if _, err := listen(path); !errors.Is(err, httpapi.ErrInUse) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("one of a dead process is replaced", func(t *testing.T) {
		path := filepath.Join(socketFolder(t), "s")
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		l.SetUnlinkOnClose(false)
		l.Close()
		if _, err := listen(path); err != nil {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a file is not replaced", func(t *testing.T) {
		path := filepath.Join(socketFolder(t), "s")
		if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := listen(path); err == nil {
			t.Error("listens")
		}
		if b, err := os.ReadFile(path); err != nil || string(b) != "mine" {
			t.Errorf("the file is %q, %v", b, err)
		}
	})
	t.Run("an open folder is refused", func(t *testing.T) {
		dir := socketFolder(t)
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		_, err := listen(filepath.Join(dir, "s"))
		var hinted interface{ Hint() string }
		if !errors.As(err, &hinted) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a link to a folder is refused", func(t *testing.T) {
		dir := socketFolder(t)
		link := filepath.Join(socketFolder(t), "link")
		if err := os.Symlink(dir, link); err != nil {
			t.Fatal(err)
		}
		if _, err := listen(filepath.Join(link, "s")); err == nil {
			t.Error("listens")
		}
	})
	t.Run("a long path is refused", func(t *testing.T) {
		if _, err := listen(filepath.Join(socketFolder(t), strings.Repeat("x", 120))); err == nil {
			t.Error("listens")
		}
	})
	t.Run("gone after a stop", func(t *testing.T) {
		h := &house{t: t, http: http.DefaultClient}
		h.serve(httpapi.Options{})
		if err := h.stop(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Lstat(h.socket); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("socket: %v", err)
		}
	})
}
