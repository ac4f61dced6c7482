package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/anvilpeering/anvil/daemon"
	"github.com/anvilpeering/anvil/gitstore"
)

// Repositories are packed while nobody works, all that are given, and looked at
// again.
func TestUpkeepPacksWhatHasPiledUp(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("SKIPPED: needs git")
	}
	t.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
	t.Setenv("GIT_CONFIG_NOSYSTEM", "1")
	var repos []*gitstore.Repo
	for i := range 2 {
		repo, err := gitstore.Create(filepath.Join(t.TempDir(), "r.git"), gitstore.Options{Bare: true, Durability: gitstore.NoFsync})
		if err != nil {
			t.Fatal(err)
		}
		defer repo.Close()
		repos = append(repos, repo)
		config := "[gc]\n\tauto = 1\n[core]\n\tbare = true\n"
		if err := os.WriteFile(filepath.Join(repo.CommonDir(), "config"), []byte(config), 0o666); err != nil {
			t.Fatal(err)
		}
		pileUp(t, repo, fmt.Sprint("repository ", i))
	}
	ctx, cancel := context.WithCancel(t.Context())
	looks := 0
	u := upkeep{
		first: time.Millisecond, every: time.Millisecond, again: time.Millisecond,
		repos: repos,
		log:   slog.New(slog.DiscardHandler),
		idle: func() bool {
			looks++
			switch {
			case looks < 3:
				return false
			case looks == 3:
				for _, repo := range repos {
					if packs(t, repo) != 0 {
						t.Error("packed while somebody is working")
					}
				}
			case looks == 4: // after the first time
				for _, repo := range repos {
					if packs(t, repo) != 1 {
						t.Error("not packed")
					}
					pileUp(t, repo, "more")
				}
			case looks == 5:
				for _, repo := range repos {
					if packs(t, repo) != 2 {
						t.Error("not packed again")
					}
				}
				cancel()
			}
			return true
		},
	}
	if err := u.run(ctx); err != nil || looks < 5 {
		t.Errorf("%d looks, %v", looks, err)
	}
}

// pileUp makes commits, and two of the blobs by which git judges how many
// objects are loose.
func pileUp(t *testing.T, repo *gitstore.Repo, text string) {
	t.Helper()
	tip, _ := repo.Tip("refs/heads/main")
	edits := []gitstore.Edit{{Path: "x.yaml", Content: []byte(text)}}
	for i := 0; len(edits) < 3; i++ {
		if content := fmt.Append(nil, text, i); gitstore.BlobHash(content)[0] == 0x17 {
			edits = append(edits, gitstore.Edit{Path: fmt.Sprint(i), Content: content})
		}
	}
	ada := gitstore.Signature{Name: "Ada", Email: "ada@example.org"}
	c := gitstore.NewCommit{Branch: "refs/heads/main", Tip: tip, Message: text, Author: ada, Edits: edits}
	if _, err := repo.Commit(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}

func packs(t *testing.T, repo *gitstore.Repo) int {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(repo.CommonDir(), "objects", "pack", "*.pack"))
	if err != nil {
		t.Fatal(err)
	}
	return len(found)
}

func TestUpkeepWithoutGit(t *testing.T) {
	repo, err := gitstore.Create(filepath.Join(t.TempDir(), "r.git"), gitstore.Options{Bare: true})
	if err != nil {
		t.Fatal(err)
	}
	defer repo.Close()
	t.Setenv("PATH", t.TempDir())
	var said bytes.Buffer
	u := upkeep{
		first: time.Millisecond, every: time.Millisecond, again: time.Millisecond,
		idle:  func() bool { return true },
		repos: []*gitstore.Repo{repo},
		log:   slog.New(slog.NewTextHandler(&said, nil)),
	}
	if err := u.run(t.Context()); err != nil || strings.Count(said.String(), "install git") != 1 {
		t.Errorf("%v, said %s", err, said.String())
	}
}

func TestIdle(t *testing.T) {
	now := time.Now()
	for name, c := range map[string]struct {
		status daemon.Status
		want   bool
	}{
		"nothing saved yet":   {daemon.Status{Ready: true}, true},
		"still starting":      {daemon.Status{}, false},
		"a merge":             {daemon.Status{Ready: true, Paused: "a merge"}, false},
		"a file on its way":   {daemon.Status{Ready: true, Waiting: 1}, false},
		"saved a moment ago":  {daemon.Status{Ready: true, LastCommit: &daemon.Commit{Time: now.Add(-time.Second)}}, false},
		"saved an hour ago":   {daemon.Status{Ready: true, LastCommit: &daemon.Commit{Time: now.Add(-time.Hour)}}, true},
		"saved in the future": {daemon.Status{Ready: true, LastCommit: &daemon.Commit{Time: now.Add(time.Hour)}}, false},
	} {
		if got := isIdle(&c.status, now); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
