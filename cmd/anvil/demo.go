package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/anvilpeering/anvil/gitstore"
	example "github.com/anvilpeering/anvil/prompts-example"
	"github.com/spf13/cobra"
)

// What the demo's application follows and renders.
const (
	demoProject = "support"
	demoChannel = "draft"
	demoAddress = "support/triage/classify"
)

func (a *app) demoCommand() *cobra.Command {
	var once, clean bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "See a save reach an application, in a folder of its own",
		Long: `Copies a small prompt library into ./anvil-demo (or --dir), makes it a git
repository, serves it, and runs a small application that follows it and renders
one prompt each time it changes. Edit a prompt and watch; break one and see that
it is held while the application goes on with the last good text.

A folder that is there is gone on with. Its state lies beside it, in DIR.state.`,
		Example: "  anvil demo\n  anvil demo --once\n  anvil demo --clean",
		Args:    takes(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir := a.dir
			if !cmd.Flags().Changed("dir") {
				dir = "anvil-demo"
			}
			if clean {
				return a.demoClean(dir)
			}
			return a.demo(cmd.Context(), dir, once)
		},
	}
	cmd.Flags().BoolVar(&once, "once", false, "do the edits by itself, print each stage's time, and end")
	cmd.Flags().BoolVar(&clean, "clean", false, "remove the demo's folder and its state")
	return cmd
}

// demo sets the folder up, serves it, and runs the application beside it.
func (a *app) demo(ctx context.Context, dir string, once bool) error {
	root, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if err := a.demoFolder(root); err != nil {
		return err
	}
	if a.state == "" {
		a.state = root + ".state"
	}
	a.dir = root
	d, err := a.startDemo(ctx)
	if err != nil {
		return err
	}
	if once {
		if err = d.script(ctx); err == nil {
			fmt.Fprintf(a.out, "\nanvil demo --clean removes %s and its state\n", root)
		}
	} else {
		err = d.watch(ctx)
	}
	return errors.Join(err, d.stop())
}

// demoFolder makes root a copy of the example library in a git repository of
// its own, or finds that it is one already.
func (a *app) demoFolder(root string) error {
	entries, err := os.ReadDir(root)
	switch {
	case err == nil && len(entries) > 0:
		if _, err := os.Stat(filepath.Join(root, organisationFile)); err != nil {
			return fail("name another with --dir", "%s is there and is no demo", root)
		}
		fmt.Fprintf(a.out, "going on with %s\n", root)
	case err == nil || errors.Is(err, fs.ErrNotExist):
		if err := os.CopyFS(root, example.Files); err != nil {
			return fmt.Errorf("copy the example: %w", err)
		}
		fmt.Fprintf(a.out, "copied the example library to %s\n", root)
	default:
		return err
	}
	if _, err := os.Lstat(filepath.Join(root, ".git")); err == nil {
		return nil
	}
	repo, err := gitstore.Create(root, gitstore.Options{})
	if err != nil {
		return fmt.Errorf("make the demo's repository: %w", err)
	}
	return repo.Close()
}

// demoClean removes what the demo made, and nothing else: a folder with the
// example's organisation, and a state folder of that organisation.
func (a *app) demoClean(dir string) error {
	root, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	state := root + ".state"
	if a.state != "" {
		state = a.state
	}
	removed := 0
	if _, err := os.Stat(state); err == nil {
		lock, err := lockState(state, root)
		if err != nil {
			return fail("end it first (Ctrl-C), then clean up", "a demo is running: %w", err)
		}
		defer lock.Close()
		if owner, err := readOwner(state); err != nil || owner.Organisation != example.Organisation {
			return fail("remove it yourself if it is to go", "%s is no demo's state", state)
		}
		if err := os.RemoveAll(state); err != nil {
			return err
		}
		fmt.Fprintf(a.out, "removed %s\n", state)
		removed++
	}
	if _, err := os.Stat(root); err == nil {
		if name, err := organisationName(root); err != nil || name != example.Organisation {
			return fail("remove it yourself if it is to go", "%s is no demo's folder", root)
		}
		if err := os.RemoveAll(root); err != nil {
			return err
		}
		fmt.Fprintf(a.out, "removed %s\n", root)
		removed++
	}
	if removed == 0 {
		fmt.Fprintf(a.out, "nothing to remove: there is no %s\n", root)
	}
	return nil
}

// edited replaces the first line of content that begins with prefix, keeping
// its indentation.
func edited(content, prefix, line string) (string, error) {
	lines := strings.SplitAfter(content, "\n")
	for i, l := range lines {
		text := strings.TrimLeft(l, " ")
		if strings.HasPrefix(text, prefix) {
			lines[i] = l[:len(l)-len(text)] + line + "\n"
			return strings.Join(lines, ""), nil
		}
	}
	return "", fmt.Errorf("no line begins with %q", prefix)
}
