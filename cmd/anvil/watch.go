package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/anvilpeering/anvil/daemon"
	"github.com/anvilpeering/anvil/httpapi"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
)

func (a *app) watchCommand() *cobra.Command {
	var problems bool
	cmd := &cobra.Command{
		Use:   "watch",
		Short: "Check and commit every save, on whatever branch is checked out",
		Long: `Watches the organisation's folder. A good save becomes a commit within tens of
milliseconds, a bad one is held: it stays in your folder, nothing is committed,
and the reason is printed here and by anvil status. Nothing is pushed.`,
		Args:    takes(0, 0),
		Example: "  anvil watch\n  anvil watch --problems          # as the task of an editor",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.watch(cmd.Context(), problems)
		},
	}
	cmd.Flags().BoolVar(&problems, "problems", false, "print what is wrong with all held files after each change, for editors")
	return cmd
}

func (a *app) watch(ctx context.Context, problems bool) (err error) {
	p, err := a.openPlace()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	onEvent := a.printEvent
	if problems {
		onEvent = (&heldFiles{app: a}).print
	}
	d, err := daemon.Open(daemon.Options{
		Root:    p.root,
		Repo:    p.repo,
		Library: p.lib,
		OnEvent: onEvent,
		Logger:  a.logger(),
	})
	if err != nil {
		return err
	}
	socket, err := socketPath(p.repo)
	if err != nil {
		return err
	}
	doors := httpapi.New(httpapi.Options{
		Organisation: p.organisation,
		Version:      version(),
		Root:         p.root,
		Status:       func() any { return d.Status() },
		Accept:       acceptIn(d),
		Ready:        func() bool { return d.Status().Ready },
		Logger:       a.logger(),
	})
	if _, err := doors.Listen("unix", socket); err != nil {
		return err
	}
	fmt.Fprintf(a.out, "watching %s in %s\n", p.organisation, p.root)
	loops, ctx := errgroup.WithContext(ctx)
	loops.Go(func() error { return d.Run(ctx) })
	loops.Go(func() error { return doors.Serve(ctx) })
	loops.Go(func() error { return upkeepOf(d, a.logger(), p.repo).run(ctx) })
	return loops.Wait()
}

// acceptPatience is how long an accept waits for a daemon that is in the middle of
// a commit.
const acceptPatience = 10 * time.Second

// acceptIn is the daemon's Accept for requests.
func acceptIn(d *daemon.Daemon) func(path string) error {
	return func(path string) error {
		ctx, cancel := context.WithTimeoutCause(context.Background(), acceptPatience, errors.New("the daemon is busy: try again"))
		defer cancel()
		return d.Accept(ctx, path)
	}
}

// printEvent prints one line a commit, a hold and the end of a hold.
func (a *app) printEvent(e daemon.Event) {
	for _, line := range eventLines(e) {
		fmt.Fprintln(a.out, line)
	}
}

// eventLines says for people what became of a save.
func eventLines(e daemon.Event) []string {
	switch e.Kind {
	case daemon.EventCommitted:
		if len(e.Paths) == 1 && len(e.Removed) == 1 {
			return []string{fmt.Sprintf("✓ remove %s  %s", oneLine(e.Paths[0]), e.Commit.Short())}
		}
		if len(e.Paths) == 1 {
			return []string{fmt.Sprintf("✓ %s  %s", oneLine(e.Paths[0]), e.Commit.Short())}
		}
		return []string{fmt.Sprintf("✓ %s  %s", e.Subject, e.Commit.Short())}
	case daemon.EventHeld:
		return holdLines(*e.Hold)
	case daemon.EventMended:
		return []string{"✓ no longer held  " + e.Hold.Path}
	case daemon.EventTip:
		return []string{"· the branch is at " + e.Commit.Short()}
	case daemon.EventPaused, daemon.EventResumed, daemon.EventNotice:
		lines := []string{"· " + oneLine(e.Text)}
		if e.Hint != "" {
			lines = append(lines, "  hint: "+e.Hint)
		}
		return lines
	}
	return nil
}

// holdLines says why a file is held and what would release it.
func holdLines(h daemon.Hold) []string {
	if len(h.Problems) == 0 {
		lines := []string{fmt.Sprintf("✗ held  %s  %s [%s]", oneLine(h.Path), h.Reason, h.Kind)}
		if h.Hint != "" {
			lines = append(lines, "  hint: "+h.Hint)
		}
		return lines
	}
	var lines []string
	for _, p := range h.Problems {
		lines = append(lines, fmt.Sprintf("✗ held  %s:%d:%d  %s [%s]", oneLine(p.Path), p.Line, p.Col, p.Message, p.Rule))
		if p.Hint != "" {
			lines = append(lines, "  hint: "+p.Hint)
		}
	}
	return lines
}
