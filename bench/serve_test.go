package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anvilpeering/anvil/client"
)

// built is the folder of the binary, when there is one.
var built string

// binary is the real anvil, built once for all tests.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "anvil-bench")
	if err != nil {
		return "", err
	}
	built = dir
	path := filepath.Join(dir, "anvil")
	out, err := exec.Command("go", "build", "-o", path, "../cmd/anvil").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return path, nil
})

// TestMain takes the binary away when all tests are done.
func TestMain(m *testing.M) {
	code := m.Run()
	if built != "" {
		os.RemoveAll(built)
	}
	os.Exit(code)
}

// running is a folder served by the real binary.
type running struct {
	t      testing.TB
	binary string
	dir    string
	env    []string
	output *bytes.Buffer
	stop   func() // asks the server to end, and waits
	kill   func() // ends it at once

	url, trust string
}

// serve generates an organisation and serves it. Everything that it leaves
// lies in temporary folders; the server is stopped when the test ends.
func serve(t testing.TB, prompts int) *running {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("SKIPPED: needs git")
	}
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	runtime, err := os.MkdirTemp("", "anvil") // short: a socket's path has little room
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(runtime) })
	s := &running{t: t, binary: path, dir: filepath.Join(home, "folder"), output: &bytes.Buffer{}}
	s.env = append(os.Environ(),
		"HOME="+home, "XDG_STATE_HOME="+filepath.Join(home, "state"), "XDG_RUNTIME_DIR="+runtime,
		"GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=Ida", "GIT_AUTHOR_EMAIL=ida@example.com", "GIT_COMMITTER_NAME=Ida", "GIT_COMMITTER_EMAIL=ida@example.com")
	if err := Write(s.dir, prompts); err != nil {
		t.Fatal(err)
	}
	s.git("init", "-q", "-b", "main")
	s.git("add", "-A")
	s.git("commit", "-q", "-m", "begin")
	s.start()
	return s
}

func (s *running) git(args ...string) string {
	s.t.Helper()
	return s.run("git", append([]string{"-C", s.dir}, args...)...)
}

func (s *running) anvil(args ...string) string {
	s.t.Helper()
	return s.run(s.binary, append([]string{"--dir", s.dir}, args...)...)
}

func (s *running) run(name string, args ...string) string {
	s.t.Helper()
	out, err := s.try(name, args...)
	if err != nil {
		s.t.Fatal(err)
	}
	return out
}

// try runs a command that may fail.
func (s *running) try(name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Env = s.env
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%s %s: %w\n%s", filepath.Base(name), strings.Join(args, " "), err, errs.String())
	}
	return string(out), err
}

// start starts the server and waits until the first releases are recorded.
func (s *running) start() {
	s.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, s.binary, "serve", "--dir", s.dir, "--listen", "127.0.0.1:0")
	cmd.Env = s.env
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 30 * time.Second
	s.output.Reset()
	cmd.Stdout, cmd.Stderr = s.output, s.output
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { cmd.Wait(); close(done) }()
	s.stop = sync.OnceFunc(func() { cancel(); <-done })
	s.kill = func() { cmd.Process.Kill(); <-done }
	s.t.Cleanup(s.stop)
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(20 * time.Millisecond) {
		var status struct {
			PID        int
			URL, Trust string
			Daemon     struct{ Ready bool }
		}
		cmd := exec.Command(s.binary, "--dir", s.dir, "status", "--json")
		cmd.Env = s.env
		out, err := cmd.Output()
		if err == nil {
			err = json.Unmarshal(out, &status)
		}
		if err == nil && status.PID != 0 && status.Daemon.Ready {
			s.url, s.trust = status.URL, status.Trust
			return
		}
		select {
		case <-done:
			s.t.Fatalf("the server ended:\n%s", s.output)
		default:
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("the server is not ready: %v %s\n%s", err, out, s.output)
		}
	}
}

// token makes a client token for the draft channel.
func (s *running) token() string {
	s.t.Helper()
	return strings.TrimSpace(s.anvil("tokens", "create", "bench", "--role", "client", "--project", Project, "--channel", "draft"))
}

// options are those of a client of the draft channel.
func (s *running) options(token string) client.Options {
	return client.Options{
		URLs: []string{s.url}, Token: token, Project: Project, Channel: "draft",
		Trust: []byte(s.trust + "\n"), Cache: filepath.Join(s.t.TempDir(), "cache"),
		StartTimeout: time.Minute,
	}
}
