package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/anvilpeering/anvil/prompt"
	"github.com/spf13/cobra"
)

func (a *app) renameCommand() *cobra.Command {
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "rename OLD NEW",
		Short: "Rename a prompt, a partial, a set or a project, with every reference",
		Long: `Moves the file or the folder and rewrites what refers to it: render tags, the
dependencies of sets, and the exceptions and sources in anvil.yaml. Nothing else
of a file changes. Only files in the folder change: the daemon commits them at
once, or you do.

It is refused when something has the new name, and when the organisation would
check worse afterwards. If a step fails, those before it are taken back.
Applications ask for prompts by address: they have to follow by themselves.`,
		Example: "  anvil rename support/triage/classify support/triage/sort\n  anvil rename shared/voice shared/tone --dry-run",
		Args:    takes(2, 2),
		RunE: func(_ *cobra.Command, args []string) error {
			return a.rename(strings.TrimSuffix(args[0], "/"), strings.TrimSuffix(args[1], "/"), dryRun)
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 1 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return a.completeParts(cmd, nil, typed)
		},
	}
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "say what would change, and change nothing")
	return cmd
}

// renamed is a file that a rename touches, for scripts.
type renamed struct {
	From       string             `json:"from"`
	To         string             `json:"to"`
	References []prompt.Reference `json:"references,omitempty"`
}

func (a *app) rename(from, to string, dryRun bool) error {
	root, err := findRoot(a.dir)
	if err != nil {
		return err
	}
	folder, err := readAll(root)
	if err != nil {
		return err
	}
	plan, err := prompt.Rename(folder.files(), from, to)
	if err != nil {
		return err
	}
	move := moving{root: root, from: from, to: to, files: plan.Files}
	if strings.Count(from, "/") == 2 {
		move.from, move.to = from+prompt.Suffix, to+prompt.Suffix
	}
	if err := freePath(root, move.to); err != nil {
		return err
	}
	if len(plan.Problems) > 0 {
		for _, p := range plan.Problems {
			printProblem(a.err, p, "")
		}
		return fail("nothing was changed", "%s would not check as well as %s does", to, from)
	}
	if !dryRun {
		if err := move.apply(); err != nil {
			return err
		}
	}
	return a.printRenamed(move, from, to, dryRun)
}

func (a *app) printRenamed(m moving, from, to string, dryRun bool) error {
	if a.json {
		all := []renamed{}
		for _, f := range m.files {
			all = append(all, renamed{f.From, f.To, f.References})
		}
		encoder := json.NewEncoder(a.raw)
		encoder.SetIndent("", "  ")
		return encoder.Encode(all)
	}
	moved, references := 0, 0
	for _, f := range m.files {
		if f.From != f.To {
			moved++
			fmt.Fprintf(a.out, "%s → %s\n", oneLine(f.From), oneLine(f.To))
		}
	}
	for _, f := range m.files {
		for _, r := range f.References {
			references++
			fmt.Fprintf(a.out, "%s:%d: %s → %s\n", oneLine(f.To), r.Line, r.Old, r.New)
		}
	}
	would := ""
	if dryRun {
		would = ", nothing changed: this was a dry run"
	}
	fmt.Fprintf(a.out, "%s, %s%s\n", count(moved, "file"), count(references, "reference"), would)
	if !dryRun && strings.Count(from, "/") == 0 {
		fmt.Fprintf(a.err, "note: the daemon holds the end of a whole project until you say: anvil accept %s\n", from)
	}
	return nil
}

// moving is a rename in the folder. What is done can be taken back until all is.
type moving struct {
	root     string
	from, to string // the file or the folder that moves
	files    []prompt.RenamedFile
	undo     []func() error
}

func (m *moving) path(inside string) string { return filepath.Join(m.root, filepath.FromSlash(inside)) }

// apply moves and rewrites, or leaves everything as it was. What takes long comes
// first, so that who watches the folder sees one change.
func (m *moving) apply() (err error) {
	defer func() {
		if err == nil {
			return
		}
		for len(m.undo) > 0 {
			last := m.undo[len(m.undo)-1]
			m.undo = m.undo[:len(m.undo)-1]
			err = errors.Join(err, last())
		}
	}()
	staged := map[string]string{} // by the path that it is for
	defer func() {
		for _, name := range staged {
			if rest := os.Remove(name); rest != nil && !errors.Is(rest, fs.ErrNotExist) {
				err = errors.Join(err, rest)
			}
		}
	}()
	for _, f := range m.files {
		at := m.path(f.From)
		if now, err := readRegular(at, prompt.MaxFileSize+1); err != nil || !bytes.Equal(now, f.Before) {
			return fail("run it again", "%s: %w", f.From, errors.Join(errChanged, err))
		}
		if len(f.References) == 0 {
			continue
		}
		info, err := os.Lstat(at)
		if err != nil {
			return err
		}
		if staged[f.To], err = stage(filepath.Join(m.root, filepath.Base(at)), info.Mode().Perm(), f.After); err != nil {
			delete(staged, f.To)
			return err
		}
	}
	if err := m.parents(filepath.Dir(m.path(m.to))); err != nil {
		return err
	}
	if err := m.move(m.path(m.from), m.path(m.to)); err != nil {
		return err
	}
	for _, f := range m.files {
		next, ok := staged[f.To]
		if !ok {
			continue
		}
		if err := m.swap(next, m.path(f.To), f.Before); err != nil {
			return err
		}
	}
	if old := filepath.Dir(m.path(m.from)); old != m.root {
		_ = os.Remove(old) // when nothing else is in it
	}
	return nil
}

// parents makes the folders that are missing.
func (m *moving) parents(dir string) error {
	if _, err := os.Lstat(dir); err == nil {
		return nil
	}
	if err := m.parents(filepath.Dir(dir)); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	m.undo = append(m.undo, func() error { return os.Remove(dir) })
	return nil
}

func (m *moving) move(from, to string) error {
	if _, err := os.Lstat(to); err == nil {
		return fail("nothing was changed", "%s is there already", to)
	}
	if err := os.Rename(from, to); err != nil {
		return fmt.Errorf("move: %w", err)
	}
	m.undo = append(m.undo, func() error { return os.Rename(to, from) })
	return nil
}

// swap puts a staged content in the place of a file.
func (m *moving) swap(next, path string, before []byte) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if err := os.Rename(next, path); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	m.undo = append(m.undo, func() error {
		back, err := stage(path, info.Mode().Perm(), before)
		if err != nil {
			return err
		}
		return os.Rename(back, path)
	})
	return nil
}
