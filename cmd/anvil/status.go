package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/anvilpeering/anvil/daemon"
	"github.com/anvilpeering/anvil/gitstore"
	"github.com/anvilpeering/anvil/httpapi"
	"github.com/anvilpeering/anvil/prompt"
	"github.com/anvilpeering/anvil/push"
	"github.com/spf13/cobra"
)

// daemonStatus is what a running daemon says of itself. By URL the daemon's part
// is left out.
type daemonStatus struct {
	httpapi.Status
	Daemon *daemon.Status `json:"daemon"`
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
				_, err := fmt.Fprintf(a.raw, "%s\n", s)
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
	switch {
	case s.Root == "":
		fmt.Fprintf(a.out, "%s  serving on %s\n", s.Organisation, s.URL)
	case s.URL != "":
		fmt.Fprintf(a.out, "%s  %s, serving on %s (pid %d)\n", s.Organisation, s.Root, s.URL, s.PID)
	default:
		fmt.Fprintf(a.out, "%s  %s, watching (pid %d)\n", s.Organisation, s.Root, s.PID)
	}
	if s.Daemon != nil {
		a.printDaemon(s.Daemon)
	}
	for _, w := range s.Waiting {
		for _, line := range waitingLines(w) {
			fmt.Fprintln(a.out, line)
		}
	}
	for _, n := range s.Notices {
		fmt.Fprintf(a.out, "! %s\n", n.Message)
		if n.Hint != "" {
			fmt.Fprintf(a.out, "  hint: %s\n", n.Hint)
		}
	}
	for _, c := range s.Channels {
		if c.Damaged != "" {
			fmt.Fprintf(a.out, "✗ %s\n  hint: %s\n", c.Damaged, c.Hint)
		}
		if f := c.Failure; f != nil {
			fmt.Fprintf(a.out, "✗ %s/%s is not taken by client %s: %s [%s]\n", c.Project, c.Channel, f.Client, f.Message, f.Code)
		}
	}
	if len(s.Channels) == 0 {
		return nil
	}
	fmt.Fprintln(a.out)
	return a.table([]string{"CHANNEL", "REVISION", "CLIENTS", "CURRENT", "BEHIND", "FAILING", "SILENT"}, func(row func(...any)) {
		for _, c := range s.Channels {
			revision := "nothing yet"
			if c.Head != nil {
				revision = c.Head.Revision.Short()
			}
			row(c.Project+"/"+c.Channel, revision, c.Clients, c.Current, c.Behind, c.Failing, c.Silent)
		}
	})
}

func (a *app) printDaemon(d *daemon.Status) {
	fmt.Fprintf(a.out, "branch  %s\n", branchAt(d.Branch, d.Tip, d.Paused))
	if d.Paused != "" {
		fmt.Fprintf(a.out, "paused  %s\n", d.Paused)
	}
	if d.Trouble != "" {
		fmt.Fprintf(a.out, "trouble %s\n", d.Trouble)
	}
	if strings.HasPrefix(d.Watching, "polling") {
		fmt.Fprintf(a.out, "watch   %s\n", d.Watching)
	}
	if !d.Ready {
		fmt.Fprintln(a.out, "the first scan is not finished")
	}
	a.printHolds(d)
}

// waitingLines says why a project's tip is not released.
func waitingLines(w push.Waiting) []string {
	lines := []string{fmt.Sprintf("✗ %s is not released: %s", w.Project, w.Reason)}
	for _, p := range w.Problems {
		lines = append(lines, "  "+p.String())
	}
	if w.Hint != "" {
		lines = append(lines, "  hint: "+w.Hint)
	}
	return lines
}

// branchAt says "main at 3f2a91c".
func branchAt(ref string, tip gitstore.Hash, paused string) string {
	branch := strings.TrimPrefix(ref, "refs/heads/")
	if branch == "" {
		branch = "a detached HEAD"
	}
	if tip.IsZero() && paused != "" {
		return branch // why it cannot be told is said below
	}
	if tip.IsZero() {
		return branch + ", no commit yet"
	}
	return branch + " at " + tip.Short()
}

// printHolds says what of the folder is not committed.
func (a *app) printHolds(d *daemon.Status) {
	waits := ""
	if d.Waiting == 1 {
		waits = "1 save waits"
	} else if d.Waiting > 1 {
		waits = fmt.Sprintf("%d saves wait", d.Waiting)
	}
	if len(d.Holds) == 0 {
		switch {
		case waits != "":
			fmt.Fprintln(a.out, "nothing is held, "+waits)
		case d.Paused != "":
			fmt.Fprintln(a.out, "nothing is held")
		default:
			fmt.Fprintln(a.out, "nothing is held: every save is committed")
		}
		return
	}
	if waits != "" {
		fmt.Fprintln(a.out, waits)
	}
	fmt.Fprintf(a.out, "%s held\n", count(len(d.Holds), "file"))
	for _, h := range d.Holds {
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
		return json.NewEncoder(a.raw).Encode(s)
	}
	fmt.Fprintf(a.out, "%s  %s, no daemon is running\n", s.Organisation, s.Root)
	fmt.Fprintf(a.out, "branch  %s\n", branchAt(s.Branch, s.Tip, ""))
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

// changes is what of the organisation's own files differs from a revision. What
// git was told to leave alone, and what is new and ignored, does not count.
func (p *place) changes(tip gitstore.Hash) ([]prompt.Change, error) {
	committed, err := p.lib.Blobs(tip)
	if err != nil {
		return nil, err
	}
	_, local, err := p.repo.IndexBlobs(p.lib.Prefix())
	if err != nil {
		return nil, err
	}
	inRepository := func(name string) string { return path.Join(p.lib.Prefix(), name) }
	var changes []prompt.Change
	var failed error
	seen := map[string]bool{}
	for name, content := range readFolder(p.root, &failed) {
		if !prompt.Owns(name) {
			continue
		}
		seen[name] = true
		blob, tracked := committed[name]
		if blob == gitstore.BlobHash(content) || local[inRepository(name)] {
			continue
		}
		if !tracked {
			if ignored, err := p.repo.Ignored(inRepository(name)); err != nil || ignored {
				continue
			}
		}
		changes = append(changes, prompt.Change{Path: name, Content: content})
	}
	if failed != nil {
		return nil, fmt.Errorf("read folder: %w", failed)
	}
	for name := range committed {
		if !seen[name] && !local[inRepository(name)] {
			changes = append(changes, prompt.Change{Path: name, Removed: true})
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
			path := a.organisationPath(args[0])
			if err := r.call(cmd.Context(), http.MethodPost, "/api/v1/accept", map[string]string{"path": path}, nil); err != nil {
				return err
			}
			if a.json {
				return json.NewEncoder(a.raw).Encode(map[string]string{"accepted": path})
			}
			fmt.Fprintf(a.out, "accepted %s\n", path)
			return nil
		},
	}
}

// organisationPath is the path of a file of the current folder as seen from the
// organisation's, and any other name as it stands.
func (a *app) organisationPath(name string) string {
	root, err := findRoot(a.dir)
	if err != nil {
		return name
	}
	folder, err := filepath.EvalSymlinks(filepath.Dir(name))
	if err != nil {
		return name
	}
	if folder, err = filepath.Abs(folder); err != nil {
		return name
	}
	inside, err := filepath.Rel(root, filepath.Join(folder, filepath.Base(name)))
	if err != nil || !filepath.IsLocal(inside) {
		return name
	}
	if _, err := os.Lstat(filepath.Join(root, inside)); err != nil {
		return name
	}
	return filepath.ToSlash(inside)
}
