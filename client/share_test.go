package client

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// Renders and lookups go on while releases come in; each result is of one
// revision, whole.
func TestRenderWhileReleasesSwap(t *testing.T) {
	ch := newChannel(t)
	text := func(i int) map[string]string {
		files := library(fmt.Sprint("Text ", i))
		files["support/triage/number.yaml"] = fmt.Sprintf("template: \"%d\"\n", i)
		return files
	}
	ch.release(text(0))
	o := ch.options(t)
	o.Frozen, o.Cache = true, NoCache
	c := open(t, o)
	stop, wg := make(chan struct{}), sync.WaitGroup{}
	for range 2 {
		wg.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					if n == 0 {
						t.Error("nothing was rendered")
					}
					return
				default:
				}
				s := c.Snapshot()
				var said [2]string
				for i, address := range []string{classify, "support/triage/number"} {
					p, err := s.Prompt(address)
					if err != nil {
						t.Error(err)
						return
					}
					args := Args{}
					if i == 0 {
						args["message"] = "Hi"
					}
					out, err := p.Render(args)
					if err != nil || out.Revision != s.Revision() {
						t.Errorf("rendered %+v, %v", out, err)
						return
					}
					said[i] = out.Text()
				}
				if said[0] != "Text "+said[1]+" Hi Be kind." {
					t.Errorf("torn: %q beside %q", said[0], said[1])
					return
				}
				if _, err := c.Render("support/triage/missing", nil); err == nil {
					t.Error("found what is not there")
				}
				_ = c.Status()
			}
		})
	}
	for i := 1; i <= 40; i++ {
		ch.release(text(i))
		if err := c.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	wg.Wait()
}

// After Close nothing of the client runs on, whatever it was doing.
func TestCloseLeavesNothingRunning(t *testing.T) {
	before := runtime.NumGoroutine()
	for _, state := range []string{"parked", "frozen", "down", "half a bundle"} {
		ch := newChannel(t)
		ch.releaseText("One")
		server := httptest.NewServer(ch)
		o := ch.options(t)
		o.URLs, o.HTTP, o.Frozen = []string{server.URL}, nil, state == "frozen"
		c, err := Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		switch state {
		case "parked":
			for ch.count("/api/v1/push/check") < 2 {
				runtime.Gosched()
			}
		case "down":
			server.CloseClientConnections()
		case "half a bundle":
			reached := make(chan struct{})
			ch.with(func() {
				ch.answer = func(w http.ResponseWriter, r *http.Request) bool {
					if !strings.HasSuffix(r.URL.Path, "/bundle") {
						return false
					}
					w.Header().Set("Content-Type", "application/zip")
					w.Header().Set("Anvil-Release", r.URL.Query().Get("to"))
					w.Header().Set("Anvil-Mode", "full")
					_, _ = io.WriteString(w, "PK")
					_ = http.NewResponseController(w).Flush()
					close(reached)
					<-r.Context().Done()
					return true
				}
			})
			ch.releaseText("Two")
			<-reached
		}
		_ = c.Close()
		_ = c.Close()
		wantText(t, c, "One")
		server.Close()
	}
	deadline := time.Now().Add(5 * time.Second)
	for runtime.NumGoroutine() > before && time.Now().Before(deadline) {
		time.Sleep(5 * time.Millisecond)
	}
	if n := runtime.NumGoroutine(); n > before {
		buf := make([]byte, 1<<20)
		t.Errorf("%d goroutines, %d before:\n%s", n, before, buf[:runtime.Stack(buf, true)])
	}
}

// A body that ends before its length is an answer lost on the way.
func TestServerDiesWithinABundle(t *testing.T) {
	ch := newChannel(t)
	ch.releaseText("One")
	server := httptest.NewServer(ch)
	defer server.Close()
	o := ch.options(t)
	o.URLs, o.HTTP, o.Frozen = []string{server.URL}, nil, true
	c := open(t, o)
	whole := zipOf(t, signed(t, "acme", library("Two"), sequence(time.Now().Unix()+5)))
	for _, cut := range []int{0, 1, len(whole) / 2, len(whole) - 1} {
		ch.with(func() {
			ch.answer = func(w http.ResponseWriter, r *http.Request) bool {
				if !strings.HasSuffix(r.URL.Path, "/bundle") {
					return false
				}
				w.Header().Set("Content-Type", "application/zip")
				w.Header().Set("Content-Length", fmt.Sprint(len(whole)))
				w.Header().Set("Anvil-Release", r.URL.Query().Get("to"))
				w.Header().Set("Anvil-Mode", "full")
				_, _ = w.Write(whole[:cut])
				panic(http.ErrAbortHandler)
			}
		})
		ch.releaseText(fmt.Sprint("Cut ", cut))
		if err := c.Sync(t.Context()); err == nil {
			t.Errorf("cut at %d of %d: no error", cut, len(whole))
		}
		wantText(t, c, "One")
		if s := c.Status(); s.State != StateOffline {
			t.Errorf("cut at %d: status %s, %v", cut, s.State, s.Problem)
		}
	}
}

// A bundle that falls silent is given up.
func TestSilentBundle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ch := newChannel(t)
		ch.releaseText("One")
		o := ch.options(t)
		o.HTTP = &http.Client{Transport: silentBundles{direct{"server": ch}, ch}}
		c := open(t, o)
		synctest.Wait()
		ch.releaseText("Two")
		time.Sleep(3 * time.Minute)
		if s := c.Status(); s.State != StateOffline {
			t.Errorf("status %s, %v", s.State, s.Problem)
		}
		wantText(t, c, "One")
	})
}

// silentBundles begins every bundle but the first and never goes on.
type silentBundles struct {
	direct
	ch *channel
}

func (s silentBundles) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := s.direct.RoundTrip(r)
	if err == nil && strings.HasSuffix(r.URL.Path, "/bundle") && s.ch.count(r.URL.Path) > 1 {
		answer.ContentLength = -1
		answer.Body = neverEnding{r.Context()}
	}
	return answer, err
}

type neverEnding struct{ ctx context.Context }

func (s neverEnding) Read([]byte) (int, error) { <-s.ctx.Done(); return 0, s.ctx.Err() }
func (s neverEnding) Close() error             { return nil }

// Two processes share a folder: both follow, neither disturbs the other, and what
// one has fetched the other takes from the disk.
func TestTwoProcessesShareACache(t *testing.T) {
	if url := os.Getenv("ANVIL_TEST_FOLLOW"); url != "" {
		followAndTell(t, url)
		return
	}
	ch := newChannel(t)
	ch.releaseText("Text 0")
	server := httptest.NewServer(ch)
	defer server.Close()
	dir := t.TempDir()
	var said [2]*bufio.Scanner
	var stdin [2]io.WriteCloser
	var cmds [2]*exec.Cmd
	for i := range cmds {
		cmd := exec.Command(os.Args[0], "-test.run=^TestTwoProcessesShareACache$")
		cmd.Env = append(os.Environ(), "ANVIL_TEST_FOLLOW="+server.URL, "ANVIL_CACHE="+dir)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if stdin[i], err = cmd.StdinPipe(); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		cmds[i], said[i] = cmd, bufio.NewScanner(out)
	}
	expect := func(i int, text string) {
		t.Helper()
		for said[i].Scan() {
			if line := said[i].Text(); strings.HasPrefix(line, "says ") {
				if line == "says "+text {
					return
				}
			}
		}
		t.Fatalf("process %d ended before it said %q", i, text)
	}
	for n := range 20 {
		text := fmt.Sprint("Text ", n)
		if n > 0 {
			ch.releaseText(text)
		}
		for i := range cmds {
			expect(i, text+" Hi Be kind.")
		}
	}
	for i, cmd := range cmds {
		_ = stdin[i].Close()
		more := true
		for more {
			more = said[i].Scan()
		}
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
	ids := make(map[string]bool)
	for _, r := range ch.register {
		ids[r.ClientID] = true
	}
	if len(ids) != 1 {
		t.Errorf("registered as %v: the folder keeps one id", ids)
	}
	o := ch.options(t)
	o.URLs, o.Frozen, o.Cache = nil, true, dir
	wantText(t, open(t, o), "Text 19")
	if left := temporaries(t, dir); len(left) > 0 {
		t.Errorf("%v stayed", left)
	}
}

// followAndTell is the application of the two processes.
func followAndTell(t *testing.T, url string) {
	c, err := Open(t.Context(), Options{URLs: []string{url}, Token: "token", Project: "support", Trust: trustLine(t), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(ended)
	}()
	for {
		fmt.Println("says", says(t, c))
		select {
		case <-c.Changes():
		case <-ended:
			_ = c.Close()
			return
		}
	}
}
