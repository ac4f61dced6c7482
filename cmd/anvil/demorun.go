package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/anvilpeering/anvil/client"
	"github.com/anvilpeering/anvil/daemon"
	"github.com/anvilpeering/anvil/gitstore"
	"github.com/anvilpeering/anvil/push"
)

// demoPause is longer than the pause between two releases of a project.
const demoPause = push.DefaultDraftEvery + 100*time.Millisecond

// demoPatience is how long a stage of the demo may take.
const demoPatience = 20 * time.Second

// demo is a running demo: a server, and an application in the same process that
// talks to it over the network like any other.
type demo struct {
	a      *app
	server *server
	client *client.Client

	events   chan daemon.Event
	released chan gitstore.Hash
	cancel   context.CancelFunc
	done     chan error
}

// startDemo starts the server, waits for its first releases and opens the
// application's client.
func (a *app) startDemo(ctx context.Context) (_ *demo, err error) {
	d := &demo{
		a:        a,
		events:   make(chan daemon.Event, 1024),
		released: make(chan gitstore.Hash, 1024),
		done:     make(chan error, 1),
	}
	d.server, err = a.openServer(ctx, serverOptions{
		listen: "127.0.0.1:0",
		onEvent: func(e daemon.Event) {
			if e.Kind == daemon.EventNotice {
				a.printEvent(e)
				return
			}
			d.events <- e
		},
		onTip: func(tip gitstore.Hash) { d.released <- tip },
	})
	if err != nil {
		return nil, err
	}
	running, cancel := context.WithCancel(ctx)
	d.cancel = cancel
	go func() { d.done <- d.server.Run(running) }()
	defer func() {
		if err != nil {
			err = errors.Join(err, d.stop())
		}
	}()
	if _, err := wait(ctx, "the first scan", d.released, d.done, func(gitstore.Hash) bool { return true }); err != nil {
		return nil, err
	}
	token, err := d.token(ctx)
	if err != nil {
		return nil, err
	}
	d.client, err = client.Open(ctx, client.Options{
		URLs:    []string{d.server.url},
		Token:   token,
		Project: demoProject,
		Channel: demoChannel,
		Cache:   filepath.Join(d.server.state, "application"),
		Trust:   []byte(d.server.trustLine() + "\n"),
		App:     "anvil demo",
		Logger:  a.logger(),
	})
	if err != nil {
		return nil, fmt.Errorf("open the application's client: %w", err)
	}
	return d, nil
}

// token is the application's client token, made once and kept beside the
// server's keys.
func (d *demo) token(ctx context.Context) (string, error) {
	file := filepath.Join(d.server.state, "keys", "demo-token")
	if kept, err := os.ReadFile(file); err == nil {
		if _, err := d.server.push.Authenticate(string(kept)); err == nil {
			return string(kept), nil
		}
	}
	secret, _, err := d.server.push.CreateToken(ctx, push.NewToken{
		Name: "anvil demo", Role: push.RoleClient, Project: demoProject, Channel: demoChannel, By: "anvil demo",
	})
	if err != nil {
		return "", fmt.Errorf("make a token: %w", err)
	}
	return secret, os.WriteFile(file, []byte(secret), 0o600)
}

// stop ends application and server, in this order.
func (d *demo) stop() error {
	var err error
	if d.client != nil {
		err = d.client.Close()
	}
	d.cancel()
	return errors.Join(err, <-d.done, d.server.Close())
}

// render is what the application does: one prompt, with its own arguments.
func (d *demo) render() (*client.Rendered, error) {
	return d.client.Render(demoAddress, client.Args{"message": "Where is my tent?"})
}

// show prints the beginning of what the application renders now.
func (d *demo) show() error {
	r, err := d.render()
	if err != nil {
		return fmt.Errorf("the application cannot render: %w", err)
	}
	first, _, _ := strings.Cut(strings.TrimSpace(r.Text()), "\n")
	fmt.Fprintf(d.a.out, "  application  %s at %s: %q\n", demoAddress, short(r.Revision), first)
	return nil
}

func short(revision string) string { return revision[:min(7, len(revision))] }

// watch prints what happens until the context ends.
func (d *demo) watch(ctx context.Context) error {
	file := filepath.Join(d.server.place.root, filepath.FromSlash(demoAddress)+".yaml")
	w := d.a.out
	d.pending() // what the start did comes first
	fmt.Fprintf(w, `
serving %s on %s

  1. open   %s
     change a line of the text, save, and look here
  2. break it: write {{ mesage }} for {{ message }}, save. The save is held, and
     the application renders on. In another terminal:
       anvil status --dir %s
  3. mend it, save, and the hold is gone
     git -C %s log --oneline   shows one commit a save

Ctrl-C ends it; anvil demo --clean removes it.

`, d.server.place.organisation, d.server.url, file, d.server.place.root, d.server.place.root)
	if err := d.show(); err != nil {
		return err
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-d.done:
			d.done <- err
			return err
		case e := <-d.events:
			d.a.printEvent(e)
			if e.Kind == daemon.EventHeld {
				if err := d.show(); err != nil {
					return err
				}
			}
		case <-d.released:
		case <-d.client.Changes():
			if err := d.show(); err != nil {
				return err
			}
		}
	}
}

// script does by itself what watch invites a person to do, and fails when
// something does not arrive.
func (d *demo) script(ctx context.Context) error {
	w := d.a.out
	file := filepath.Join(d.server.place.root, filepath.FromSlash(demoAddress)+".yaml")
	if err := d.show(); err != nil {
		return err
	}
	// A project is released at once, and then at most once a second: the times
	// below are those of a first save.
	select {
	case <-time.After(demoPause):
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	d.drain()

	original, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	text := "You sort tickets for a shop that sells outdoor gear. Edited at " + time.Now().Format("15:04:05.000") + "."
	changed, err := edited(string(original), "You sort tickets", text+" They are written in {{ language }}.")
	if err != nil {
		return fmt.Errorf("edit %s: %w", file, err)
	}
	fmt.Fprintln(w, "\nediting", demoAddress+".yaml")
	saved := time.Now()
	if err := os.WriteFile(file, []byte(changed), 0o644); err != nil {
		return err
	}
	event, err := wait(ctx, "the commit", d.events, d.done, func(e daemon.Event) bool { return e.Kind != daemon.EventTip })
	if err != nil {
		return err
	}
	d.a.printEvent(event)
	if event.Kind != daemon.EventCommitted {
		return fmt.Errorf("the edit was not committed but %s", event.Kind)
	}
	stage := d.stage("saved → committed", saved)
	if _, err := wait(ctx, "the release", d.released, d.done, func(tip gitstore.Hash) bool { return tip == event.Commit }); err != nil {
		return err
	}
	stage = d.stage("committed → released", stage)
	if _, err := wait(ctx, "the application", d.client.Changes(), d.done, func(c client.Change) bool { return c.After.Revision() == event.Commit.String() }); err != nil {
		return err
	}
	stage = d.stage("released → taken by the application", stage)
	rendered, err := d.render()
	if err != nil {
		return err
	}
	if !strings.Contains(rendered.Text(), text) {
		return fmt.Errorf("the application renders %q, not the edited text", rendered.Text())
	}
	d.stage("rendered", stage)
	d.stage("in all", saved)
	if err := d.show(); err != nil {
		return err
	}

	fmt.Fprintln(w, "\nbreaking", demoAddress+".yaml")
	broken := strings.Replace(changed, "{{ message }}", "{{ mesage }}", 1)
	saved = time.Now()
	if err := os.WriteFile(file, []byte(broken), 0o644); err != nil {
		return err
	}
	if event, err = wait(ctx, "the hold", d.events, d.done, func(e daemon.Event) bool { return e.Kind != daemon.EventTip }); err != nil {
		return err
	}
	d.a.printEvent(event)
	if event.Kind != daemon.EventHeld {
		return fmt.Errorf("the broken file was not held but %s", event.Kind)
	}
	d.stage("saved → held", saved)
	if rendered, err = d.render(); err != nil {
		return err
	}
	if !strings.Contains(rendered.Text(), text) {
		return errors.New("the application lost its last good text")
	}
	if err := d.show(); err != nil {
		return err
	}

	fmt.Fprintln(w, "\nmending it")
	saved = time.Now()
	if err := os.WriteFile(file, []byte(changed), 0o644); err != nil {
		return err
	}
	if event, err = wait(ctx, "the end of the hold", d.events, d.done, func(e daemon.Event) bool { return e.Kind != daemon.EventTip }); err != nil {
		return err
	}
	d.a.printEvent(event)
	if event.Kind != daemon.EventMended {
		return fmt.Errorf("the mended file is %s", event.Kind)
	}
	d.stage("saved → no longer held", saved)
	return d.clean(ctx)
}

// clean checks with git itself that nothing is left to commit.
func (d *demo) clean(ctx context.Context) error {
	git, err := exec.LookPath("git")
	if err != nil {
		fmt.Fprintln(d.a.out, "\ngit is not installed here: its view of the folder was not checked")
		return nil
	}
	status, err := exec.CommandContext(ctx, git, "-C", d.server.place.root, "status", "--porcelain").Output()
	if err != nil {
		return fmt.Errorf("git status: %w", err)
	}
	if len(status) > 0 {
		return fmt.Errorf("git status is not clean:\n%s", status)
	}
	fmt.Fprintln(d.a.out, "\ngit status is clean")
	return nil
}

// stage prints how long a stage took, and begins the next.
func (d *demo) stage(name string, since time.Time) time.Time {
	now := time.Now()
	fmt.Fprintf(d.a.out, "  %-36s %6.1f ms\n", name, float64(now.Sub(since).Microseconds())/1000)
	return now
}

// pending prints the events so far.
func (d *demo) pending() {
	for {
		select {
		case e := <-d.events:
			d.a.printEvent(e)
		default:
			return
		}
	}
}

// drain forgets what happened before the first edit.
func (d *demo) drain() {
	for {
		select {
		case <-d.events:
		case <-d.released:
		case <-d.client.Changes():
		default:
			return
		}
	}
}

// wait takes from a channel until something is what is waited for.
func wait[T any](ctx context.Context, what string, from <-chan T, done chan error, is func(T) bool) (T, error) {
	var none T
	patience := time.NewTimer(demoPatience)
	defer patience.Stop()
	for {
		select {
		case got := <-from:
			if is(got) {
				return got, nil
			}
		case err := <-done:
			done <- err
			return none, errors.Join(fmt.Errorf("the server ended before %s arrived", what), err)
		case <-patience.C:
			return none, fmt.Errorf("%s did not arrive within %s", what, demoPatience)
		case <-ctx.Done():
			return none, context.Cause(ctx)
		}
	}
}
