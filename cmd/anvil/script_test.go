package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/anvilpeering/anvil/bundle"
	"github.com/anvilpeering/anvil/client"
	"github.com/anvilpeering/anvil/protocol"
	"github.com/anvilpeering/anvil/release"
	"github.com/rogpeppe/go-internal/testscript"
)

// patience is how long a script waits for what must come.
const patience = 20 * time.Second

// TestMain runs the real main as the command anvil of the scripts, and a small
// application as the command app.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"anvil": main,
		"app":   func() { os.Exit(application(os.Args[1:])) },
	})
}

func TestScripts(t *testing.T) {
	for _, tool := range []string{"git", "ssh-keygen", "unzip"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip("SKIPPED: needs", tool)
		}
	}
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("..", "..", "testdata", "script"),
		RequireExplicitExec: true,
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
		Setup:               setup,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"ready":     ready,
			"committed": committed,
			"held":      held,
			"sound":     sound,
			"setenv":    setenv,

			"environment": environment,
			"drafted":     drafted,
			"served":      served,
			"certificate": certificate,
		},
	})
}

// setup gives each script a home, a git identity and folders of its own, and
// nothing of this machine's.
func setup(e *testscript.Env) error {
	home := filepath.Join(e.WorkDir, "home")
	if err := os.MkdirAll(home, 0o700); err != nil {
		return err
	}
	runtime, err := os.MkdirTemp("", "anvil") // short: a socket's path has little room
	if err != nil {
		return err
	}
	e.Defer(func() { os.RemoveAll(runtime) })
	e.Setenv("HOME", home)
	e.Setenv("XDG_STATE_HOME", filepath.Join(e.WorkDir, "state"))
	e.Setenv("XDG_CACHE_HOME", filepath.Join(e.WorkDir, "cache"))
	e.Setenv("XDG_RUNTIME_DIR", runtime)
	e.Setenv("XDG_CONFIG_HOME", filepath.Join(home, ".config"))
	e.Setenv("GIT_CONFIG_NOSYSTEM", "1")
	examples, err := filepath.Abs(filepath.Join("..", "..", "docs", "examples"))
	if err != nil {
		return err
	}
	e.Setenv("EXAMPLES", examples)
	config := "[user]\n\tname = Ida Example\n\temail = ida@example.com\n[init]\n\tdefaultBranch = main\n"
	return os.WriteFile(filepath.Join(home, ".gitconfig"), []byte(config), 0o644)
}

// eventually tries until it succeeds or patience ends.
func eventually(ts *testscript.TestScript, what string, try func() error) {
	var err error
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if err = try(); err == nil {
			return
		}
	}
	ts.Fatalf("%s: %v", what, err)
}

// scripted runs a command with the script's environment.
func scripted(ts *testscript.TestScript, dir, name string, args ...string) (string, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		for _, folder := range filepath.SplitList(ts.Getenv("PATH")) {
			if at := filepath.Join(folder, name); fileExists(at) {
				path = at
				break
			}
		}
	}
	cmd := exec.Command(path, args...)
	cmd.Dir = dir
	for _, name := range []string{"HOME", "PATH", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "GIT_CONFIG_NOSYSTEM", "TMPDIR"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, errs.String())
	}
	return out.String(), nil
}

func fileExists(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

func statusOf(ts *testscript.TestScript, dir string) (daemonStatus, error) {
	var s daemonStatus
	out, err := scripted(ts, dir, "anvil", "status", "--json")
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal([]byte(out), &s); err != nil {
		return s, err
	}
	if s.PID == 0 {
		return s, errors.New("no daemon is running")
	}
	return s, nil
}

// ready [DIR]: waits until the daemon of a folder has handed its first tip on.
// With a server, ANVIL-URL is written to the file url beside the folder.
func ready(ts *testscript.TestScript, neg bool, args []string) {
	dir := ts.MkAbs(first(args, "."))
	eventually(ts, "wait for the daemon", func() error {
		s, err := statusOf(ts, dir)
		if err == nil && (s.Daemon == nil || !s.Daemon.Ready) {
			err = errors.New("the first scan is not finished")
		}
		if err == nil && s.URL != "" {
			ts.Setenv("URL", s.URL)
		}
		return err
	})
}

// committed FILE...: waits until HEAD holds the files as they are.
func committed(ts *testscript.TestScript, neg bool, args []string) {
	for _, file := range args {
		path := ts.MkAbs(file)
		dir := filepath.Dir(path)
		eventually(ts, "wait for the commit of "+file, func() error {
			want, err := scripted(ts, dir, "git", "hash-object", filepath.Base(path))
			if err != nil {
				return err
			}
			have, err := scripted(ts, dir, "git", "rev-parse", "HEAD:./"+filepath.Base(path))
			if err == nil && have != want {
				err = fmt.Errorf("HEAD holds %s, the folder %s", strings.TrimSpace(have), strings.TrimSpace(want))
			}
			return err
		})
	}
}

// held PATH: waits until the daemon of the current folder holds a path; with !
// until it holds nothing of that path.
func held(ts *testscript.TestScript, neg bool, args []string) {
	eventually(ts, "wait for the hold of "+args[0], func() error {
		s, err := statusOf(ts, ts.MkAbs("."))
		if err != nil {
			return err
		}
		found := false
		for _, h := range s.Daemon.Holds {
			found = found || h.Path == args[0]
		}
		if found == neg {
			return fmt.Errorf("holds are %v", s.Daemon.Holds)
		}
		return nil
	})
}

// sound [DIR [LINE...]]: git's own view of a repository: fsck is clean, and
// status shows the given lines and nothing else.
func sound(ts *testscript.TestScript, neg bool, args []string) {
	dir := ts.MkAbs(first(args, "."))
	if found, err := filepath.Glob(dir); err == nil && len(found) == 1 {
		dir = found[0]
	}
	if out, err := scripted(ts, dir, "git", "fsck", "--strict", "--no-progress", "--no-dangling"); err != nil || out != "" {
		ts.Fatalf("git fsck: %v %s", err, out)
	}
	if bare, err := scripted(ts, dir, "git", "rev-parse", "--is-bare-repository"); err != nil {
		ts.Fatalf("git: %v", err)
	} else if strings.TrimSpace(bare) == "true" {
		return
	}
	want := ""
	if len(args) > 1 {
		want = strings.Join(args[1:], "\n") + "\n"
	}
	var out string
	eventually(ts, "wait for a quiet git status", func() error {
		var err error
		out, err = scripted(ts, dir, "git", "status", "--porcelain")
		out = yours.ReplaceAllString(out, "")
		if err == nil && out != want {
			err = fmt.Errorf("git status shows %q, not %q", out, want)
		}
		return err
	})
}

// yours matches what `anvil init` writes and leaves to the user to commit.
var yours = regexp.MustCompile(`(?m)^\?\? (?:.*/)?(?:\.vscode/|\.editorconfig|\.gitattributes|\.gitignore|\.pre-commit-config\.yaml)\n`)

// setenv NAME FILE: sets a variable to a file's content without its last
// newline, so that a secret that was printed can be used.
func setenv(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: setenv NAME FILE")
	}
	ts.Setenv(args[0], strings.TrimSuffix(ts.ReadFile(args[1]), "\n"))
}

// environment FILE: gives app, and it alone, the environment that `anvil connect`
// printed: the command line would follow ANVIL_URL too.
func environment(ts *testscript.TestScript, neg bool, args []string) {
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		assignment, ok := strings.CutPrefix(strings.TrimSpace(line), "export ")
		if !ok {
			continue
		}
		name, value, _ := strings.Cut(assignment, "=")
		ts.Setenv("APP_"+name, strings.Trim(value, "'"))
	}
}

// certificate NAME CERT KEY: writes a self-signed certificate for a host name,
// and for loopback.
func certificate(ts *testscript.TestScript, neg bool, args []string) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	ts.Check(err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		DNSNames:     []string{args[0], "localhost"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		IsCA:         true,

		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	ts.Check(err)
	key, err := x509.MarshalPKCS8PrivateKey(private)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644))
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), 0o600))
}

// drafted PROJECT: waits until the project's draft release names HEAD.
func drafted(ts *testscript.TestScript, neg bool, args []string) {
	dir := ts.MkAbs(".")
	eventually(ts, "wait for the draft of "+args[0], func() error {
		head, err := scripted(ts, dir, "git", "rev-parse", "HEAD")
		if err != nil {
			return err
		}
		s, err := statusOf(ts, dir)
		if err != nil {
			return err
		}
		for _, c := range s.Channels {
			if c.Project == args[0] && c.Channel == "draft" && c.Head != nil && c.Head.Revision.String() == strings.TrimSpace(head) {
				return nil
			}
		}
		return errors.New("the draft release is of another revision")
	})
}

// served PROJECT CHANNEL: fetches every listed release of a channel from the
// server at ANVIL_URL, whole and as a delta, and verifies each with package
// bundle. What was served before must come again byte for byte.
func served(ts *testscript.TestScript, neg bool, args []string) {
	dir := ts.MkAbs(".")
	run := func(args ...string) string {
		out, err := scripted(ts, dir, "anvil", args...)
		ts.Check(err)
		return out
	}
	var c connection
	ts.Check(json.Unmarshal([]byte(run("connect", args[0], args[1], "--json")), &c))
	var releases []release.Release
	ts.Check(json.Unmarshal([]byte(run("releases", "list", args[0], args[1], "--json")), &releases))
	if len(releases) == 0 {
		ts.Fatalf("no release is listed")
	}
	trust, err := bundle.ParseTrust([]byte(c.Trust + "\n"))
	ts.Check(err)
	var newer *bundle.Bundle
	for _, r := range releases {
		body := fetch(ts, c, "?to="+r.ID.String())
		expect := bundle.Expect{Trust: trust, Identity: "acme/" + args[0] + "/" + args[1], Now: time.Now()}
		b, err := bundle.Read(bytes.NewReader(body), int64(len(body)), expect)
		ts.Check(err)
		if b.Manifest.Revision != r.Revision.String() || b.Manifest.Sequence != r.Sequence {
			ts.Fatalf("release %s is served as revision %s, sequence %d", r.ID, b.Manifest.Revision, b.Manifest.Sequence)
		}
		kept := filepath.Join(ts.Getenv("WORK"), "served-"+r.ID.String())
		if before, err := os.ReadFile(kept); err == nil && !bytes.Equal(before, body) {
			ts.Fatalf("release %s is served with other bytes than before", r.ID)
		}
		ts.Check(os.WriteFile(kept, body, 0o644))
		if newer != nil {
			back := fetch(ts, c, "?to="+r.ID.String()+"&from="+releases[0].ID.String())
			if _, err := bundle.Read(bytes.NewReader(back), int64(len(back)), expect); err != nil {
				_, err = bundle.ReadDelta(bytes.NewReader(back), int64(len(back)), newer, expect)
				ts.Check(err)
			}
		} else {
			newer = b
		}
	}
}

func fetch(ts *testscript.TestScript, c connection, query string) []byte {
	request, err := http.NewRequest(http.MethodGet, c.URL+protocol.PathBundle+query, nil)
	ts.Check(err)
	request.Header.Set("Authorization", "Bearer "+c.Token)
	answer, err := http.DefaultClient.Do(request)
	ts.Check(err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	ts.Check(err)
	if answer.StatusCode != http.StatusOK {
		ts.Fatalf("GET %s: %s %s", query, answer.Status, body)
	}
	return body
}

func first(args []string, or string) string {
	if len(args) > 0 {
		return args[0]
	}
	return or
}

// application is an application of a few lines, configured by its environment
// alone, less the prefix APP_:
//
//	app ADDRESS WANT [NAME=VALUE...]
//
// It renders a prompt until the text contains WANT, prints revision and text,
// and ends. An error is printed with its hint.
func application(args []string) int {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for _, variable := range os.Environ() {
		if name, value, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "APP_") {
			os.Setenv(strings.TrimPrefix(name, "APP_"), value)
		}
	}
	c, err := client.Open(ctx, client.Options{})
	if err != nil {
		fmt.Fprintf(os.Stderr, "error: %v\nhint: %s\n", err, hintOf(err))
		return exitFailed
	}
	defer c.Close()
	values := client.Args{}
	for _, pair := range args[2:] {
		name, value, _ := strings.Cut(pair, "=")
		values[name] = value
	}
	for {
		r, err := c.Render(args[0], values)
		if err == nil && strings.Contains(r.Text(), args[1]) {
			fmt.Printf("%s %s\n%s\n", r.Source, r.Revision, r.Text())
			return exitOK
		}
		select {
		case <-c.Changes():
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			fmt.Fprintf(os.Stderr, "error: never rendered %q: %v, %+v\n", args[1], err, c.Status())
			return exitFailed
		}
	}
}
