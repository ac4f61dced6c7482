//go:build soak

package bench

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/anvilpeering/anvil/client"
)

// soakTime is how long a soak runs: ANVIL_SOAK, else the short form.
func soakTime(t *testing.T) time.Duration {
	text := os.Getenv("ANVIL_SOAK")
	if text == "" {
		return time.Minute
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("ANVIL_SOAK: %v", err)
	}
	return d
}

// TestSoakSaves lets an author edit, break, mend, add, remove and rename, use
// git beside it, and kills the server now and then. Whenever things settle, the
// application holds what the folder says, history equals the folder, and git
// finds nothing wrong. ANVIL_SEED replays a run.
func TestSoakSaves(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("ANVIL_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("ANVIL_SEED: %v", err)
		}
	}
	t.Logf("ANVIL_SEED=%d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	s := serve(t, 100)
	token := s.token()
	options := s.options(token)
	c, err := client.Open(context.Background(), options)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { c.Close() }()

	good := map[string]string{} // path → the last good text of the author's
	for n := range 100 {
		good[Address(n)+".yaml"] = string(Prompt(n))
	}
	added, restarts := 0, 0
	pick := func() string {
		all := make([]string, 0, len(good))
		for path := range good {
			all = append(all, path)
		}
		slices.Sort(all) // so that a seed replays
		return all[r.IntN(len(all))]
	}
	for end := time.Now().Add(soakTime(t)); time.Now().Before(end); {
		for range 1 + r.IntN(6) {
			path := pick()
			at := filepath.Join(s.dir, filepath.FromSlash(path))
			switch op := r.IntN(10); {
			case op < 4: // edit
				good[path] = remark(good[path], r.IntN(1e9))
				must(t, save(at, good[path], r))
			case op < 5: // break, and mend
				must(t, save(at, strings.Replace(good[path], "{{ message }}", "{{ mesage }}", 1), r))
				time.Sleep(time.Duration(r.IntN(150)) * time.Millisecond)
				must(t, save(at, good[path], r))
			case op < 6: // add
				added++
				path := fmt.Sprintf("%s/set-0000/added-%d.yaml", Project, added)
				good[path] = remark(string(Prompt(added)), r.IntN(1e9))
				must(t, save(filepath.Join(s.dir, filepath.FromSlash(path)), good[path], r))
			case op < 7 && len(good) > 60: // remove
				must(t, os.Remove(at))
				delete(good, path)
			case op < 8: // rename
				added++
				to := fmt.Sprintf("%s/set-0001/renamed-%d.yaml", Project, added)
				must(t, os.Rename(at, filepath.Join(s.dir, filepath.FromSlash(to))))
				good[to] = good[path]
				delete(good, path)
			case op < 9: // the author's own work in git, beside the prompts
				must(t, os.WriteFile(filepath.Join(s.dir, "notes.txt"), []byte(strconv.Itoa(r.IntN(1e9))), 0o644))
				for range 20 { // a plain git command may meet a lock, as beside any other git
					if _, err := s.try("git", "-C", s.dir, "add", "notes.txt"); err == nil {
						if _, err = s.try("git", "-C", s.dir, "commit", "-q", "-m", "notes"); err == nil {
							break
						}
					}
					time.Sleep(50 * time.Millisecond)
				}
			default:
				if r.IntN(4) == 0 {
					restarts++
					s.kill()
					s.start()
					options.URLs = []string{s.url}
					must(t, c.Close())
					if c, err = client.Open(context.Background(), options); err != nil {
						t.Fatal(err)
					}
				}
			}
			time.Sleep(time.Duration(r.IntN(80)) * time.Millisecond)
		}
		settled(t, s, c, good)
	}
	t.Logf("%d files added or renamed, %d restarts, %s commits", added, restarts, strings.TrimSpace(s.git("rev-list", "--count", "HEAD")))
}

// settled waits until folder, history and application agree, and asks git
// whether anything is wrong.
func settled(t *testing.T, s *running, c *client.Client, good map[string]string) {
	t.Helper()
	var err error
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if err = agree(s, c, good); err == nil {
			break
		}
	}
	if err != nil {
		t.Fatalf("not settled: %v\nclient: %+v\n%s\n%s", err, c.Status(), s.anvil("status"), s.output)
	}
	if out := s.git("fsck", "--strict", "--no-progress", "--no-dangling"); out != "" {
		t.Fatalf("git fsck: %s", out)
	}
}

func agree(s *running, c *client.Client, good map[string]string) error {
	status, err := s.try("git", "-C", s.dir, "status", "--porcelain", "--", Project)
	if err != nil || status != "" {
		return fmt.Errorf("git status: %q %v", status, err)
	}
	snapshot := c.Snapshot()
	for path, text := range good {
		content, err := os.ReadFile(filepath.Join(s.dir, filepath.FromSlash(path)))
		if err != nil || string(content) != text {
			return fmt.Errorf("%s is not what the author wrote: %w", path, err)
		}
		p, err := snapshot.Prompt(strings.TrimSuffix(path, ".yaml"))
		if err != nil {
			return err
		}
		rendered, err := p.Render(client.Args{"message": "Hello"})
		if err != nil {
			return err
		}
		if m := marker(text); m != "" && !strings.Contains(rendered.Text(), m) {
			return fmt.Errorf("the application renders an old %s", path)
		}
	}
	held := 0
	for range snapshot.Prompts() {
		held++
	}
	if held != len(good) {
		return fmt.Errorf("the application holds %d prompts, the folder %d", held, len(good))
	}
	return nil
}

// save writes as one of the ways that editors do.
func save(path, text string, r *rand.Rand) error {
	switch r.IntN(3) {
	case 0: // truncate and write
		return os.WriteFile(path, []byte(text), 0o644)
	case 1: // write beside, rename over
		beside := path + "___jb_tmp___"
		if err := os.WriteFile(beside, []byte(text), 0o644); err != nil {
			return err
		}
		return os.Rename(beside, path)
	}
	backup := path + "~" // move away, write anew, remove the old
	if err := os.Rename(path, backup); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		return err
	}
	if err := os.Remove(backup); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
