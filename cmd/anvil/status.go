package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"

	"github.com/anvilpeering/anvil/daemon"
	"github.com/anvilpeering/anvil/gitstore"
	"github.com/anvilpeering/anvil/prompt"
	"github.com/anvilpeering/anvil/push"
	"github.com/spf13/cobra"
)

// daemonStatus is what a running daemon says of itself.
type daemonStatus struct {
	Organisation string               `json:"organisation"`
	Version      string               `json:"version"`
	Root         string               `json:"root"`
	PID          int                  `json:"pid"`
	URL          string               `json:"url,omitempty"`
	Trust        string               `json:"trust,omitempty"`
	Daemon       daemon.Status        `json:"daemon"`
	Channels     []push.ChannelStatus `json:"channels,omitempty"`
	Waiting      []push.Waiting       `json:"waiting,omitempty"`
}

func (a *app) statusCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Say what is committed, held, offered and followed",
		Long: `Asks the daemon of this folder (anvil watch or anvil serve), or a server by
--server. Without a daemon it compares the folder with the last commit itself.`,
		Args: takes(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := a.remote()
			if err != nil {
				return err
			}
			var s json.RawMessage
			err = r.call(cmd.Context(), http.MethodGet, "/api/v1/status", nil, &s)
			if errors.Is(err, errNoDaemon) {
				return a.statusOfFolder()
			}
			if err != nil {
				return err
			}
			if a.json {
				_, err := fmt.Fprintf(a.out, "%s\n", s)
				return err
			}
			var decoded daemonStatus
			if err := json.Unmarshal(s, &decoded); err != nil {
				return fmt.Errorf("read status: %w", err)
			}
			return a.printStatus(decoded)
		},
	}
}

func (a *app) printStatus(s daemonStatus) error {
	d := s.Daemon
	what := "watching"
	if s.URL != "" {
		what = "serving on " + s.URL
	}
	fmt.Fprintf(a.out, "%s  %s, %s (pid %d)\n", s.Organisation, s.Root, what, s.PID)
	branch := "a detached HEAD"
	if d.Branch != "" {
		branch = filepath.Base(d.Branch)
	}
	tip := "no commit yet"
	if !d.Tip.IsZero() {
		tip = d.Tip.Short()
	}
	fmt.Fprintf(a.out, "branch  %s at %s\n", branch, tip)
	if d.Paused != "" {
		fmt.Fprintf(a.out, "paused  %s\n", d.Paused)
	}
	if d.Trouble != "" {
		fmt.Fprintf(a.out, "trouble %s\n", d.Trouble)
	}
	if !d.Ready {
		fmt.Fprintln(a.out, "the first scan is not finished")
	}
	a.printHolds(d.Holds)
	for _, w := range s.Waiting {
		fmt.Fprintf(a.out, "%s is not released: %s\n", w.Project, w.Reason)
		for _, p := range w.Problems {
			fmt.Fprintf(a.out, "  %s\n", p)
		}
	}
	if len(s.Channels) == 0 {
		return nil
	}
	fmt.Fprintln(a.out)
	return a.table([]string{"CHANNEL", "REVISION", "CLIENTS", "CURRENT"}, func(row func(...any)) {
		for _, c := range s.Channels {
			revision := "nothing yet"
			if c.Head != nil {
				revision = c.Head.Revision.Short()
			}
			row(c.Project+"/"+c.Channel, revision, c.Clients, c.Current)
		}
	})
}

func (a *app) printHolds(holds []daemon.Hold) {
	if len(holds) == 0 {
		fmt.Fprintln(a.out, "nothing is held: every save is committed")
		return
	}
	fmt.Fprintf(a.out, "%s held\n", count(len(holds), "file"))
	for _, h := range holds {
		for _, line := range holdLines(h) {
			fmt.Fprintln(a.out, line)
		}
	}
}

// folderStatus is the status without a daemon: what a commit of the folder
// would bring.
type folderStatus struct {
	Organisation string           `json:"organisation"`
	Root         string           `json:"root"`
	Branch       string           `json:"branch"`
	Tip          gitstore.Hash    `json:"tip"`
	Changed      []string         `json:"changed"` // files that differ from the last commit
	Problems     []prompt.Problem `json:"problems"`
}

func (a *app) statusOfFolder() error {
	p, err := a.openPlace()
	if err != nil {
		return err
	}
	defer p.Close()
	state, err := p.repo.State()
	if err != nil {
		return err
	}
	s := folderStatus{Organisation: p.organisation, Root: p.root, Branch: state.Branch, Tip: state.Tip, Changed: []string{}, Problems: []prompt.Problem{}}
	base, err := p.lib.At(state.Tip)
	if err != nil {
		return err
	}
	changes, err := p.changes(state.Tip)
	if err != nil {
		return err
	}
	for _, c := range changes {
		s.Changed = append(s.Changed, c.Path)
	}
	s.Problems = append(s.Problems, prompt.Introduced(base, base.With(changes...))...)
	if a.json {
		return json.NewEncoder(a.out).Encode(s)
	}
	fmt.Fprintf(a.out, "%s  %s, no daemon is running\n", s.Organisation, s.Root)
	tip := "no commit yet"
	if !s.Tip.IsZero() {
		tip = s.Tip.Short()
	}
	fmt.Fprintf(a.out, "branch  %s at %s\n", filepath.Base(s.Branch), tip)
	if len(s.Changed) == 0 {
		fmt.Fprintln(a.out, "the folder is as committed")
		return nil
	}
	fmt.Fprintf(a.out, "%s not committed; anvil watch would commit or hold:\n", count(len(s.Changed), "file"))
	held := map[string]bool{}
	for _, problem := range s.Problems {
		held[problem.Path] = true
		for _, line := range holdLines(daemon.Hold{Path: problem.Path, Problems: []prompt.Problem{problem}}) {
			fmt.Fprintln(a.out, line)
		}
	}
	for _, path := range s.Changed {
		if !held[path] {
			fmt.Fprintf(a.out, "· %s\n", path)
		}
	}
	return nil
}

// changes is what of the organisation's own files differs from a revision.
func (p *place) changes(tip gitstore.Hash) ([]prompt.Change, error) {
	committed, err := p.lib.Blobs(tip)
	if err != nil {
		return nil, err
	}
	var changes []prompt.Change
	var failed error
	seen := map[string]bool{}
	for path, content := range readFolder(p.root, &failed) {
		seen[path] = true
		if committed[path] != gitstore.BlobHash(content) {
			changes = append(changes, prompt.Change{Path: path, Content: content})
		}
	}
	if failed != nil {
		return nil, fmt.Errorf("read folder: %w", failed)
	}
	for path := range committed {
		if !seen[path] {
			changes = append(changes, prompt.Change{Path: path, Removed: true})
		}
	}
	return changes, nil
}

func (a *app) acceptCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "accept PATH",
		Short: "Say that a held file is right as it stands",
		Long: `Commits a file that is held because the committed version moved on since it was
edited, or a deletion that is held because much vanished at once. What does not
check stays held: mend that in the file.`,
		Example: "  anvil accept support/triage/classify.yaml",
		Args:    takes(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := a.remote()
			if err != nil {
				return err
			}
			if err := r.call(cmd.Context(), http.MethodPost, "/api/v1/accept", map[string]string{"path": args[0]}, nil); err != nil {
				return err
			}
			if a.json {
				return json.NewEncoder(a.out).Encode(map[string]string{"accepted": args[0]})
			}
			fmt.Fprintf(a.out, "accepted %s\n", args[0])
			return nil
		},
	}
}
