package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/anvilpeering/anvil/prompt"
	"github.com/spf13/cobra"
)

// exitBroken tells git that a file could not be merged at all; up to 127 it would be
// the number of conflicts.
const exitBroken = 129

// mergeFileCommand is for git, as a merge driver. The result is written to OURS.
func (a *app) mergeFileCommand() *cobra.Command {
	var size int
	var name string
	cmd := &cobra.Command{
		Use:   "merge-file BASE OURS THEIRS",
		Short: "Merge a file field by field, as git's merge driver",
		Long: `Merges THEIRS into OURS, both edited from BASE, and writes the result to OURS: field
by field, as docs/merge.md says. What is in conflict is marked there as git does it,
and named on standard error; then the exit code is 1. As git's merge driver it merges
prompts in git merge, rebase, cherry-pick, stash and pull.`,
		Example: `  git config merge.anvil.name "prompts, field by field"
  git config merge.anvil.driver "anvil merge-file %O %A %B -L %L -p %P"
  echo '*.yaml merge=anvil' >> .gitattributes`,
		Args: takes(3, 3),
		RunE: func(_ *cobra.Command, args []string) error {
			if size < 1 || size > 1000 {
				return &usageError{err: fmt.Errorf("a marker has 1 to 1000 characters, not %d", size), hint: "git's %L is 7 unless .gitattributes says otherwise"}
			}
			if name == "" {
				name = args[1]
			}
			if err := a.mergeFile(args[0], args[1], args[2], size, name); err != nil {
				if errors.Is(err, errReported) {
					return err
				}
				return &exitError{err, exitBroken}
			}
			return nil
		},
	}
	cmd.Flags().IntVarP(&size, "marker-size", "L", 7, "how long conflict markers are (git's %L)")
	cmd.Flags().StringVarP(&name, "path", "p", "", "the file's path, for messages (git's %P)")
	return cmd
}

func (a *app) mergeFile(base, ours, theirs string, size int, name string) error {
	var texts [3][]byte
	for i, file := range []string{base, ours, theirs} {
		text, err := readRegular(file, maxMerged+1)
		if err == nil && len(text) > maxMerged {
			err = fmt.Errorf("%s has more than %d bytes", file, maxMerged)
		}
		if err != nil && !(i == 0 && errors.Is(err, fs.ErrNotExist)) {
			return fmt.Errorf("merge %s: %w", name, err)
		}
		texts[i] = text
	}
	m := prompt.Merge(texts[0], texts[1], texts[2])
	if err := os.WriteFile(ours, m.Marked(size, "ours", "theirs"), 0o666); err != nil {
		return fmt.Errorf("merge %s: %w", name, err)
	}
	if len(m.Conflicts) == 0 {
		return nil
	}
	for _, c := range m.Conflicts {
		fmt.Fprintf(a.err, "%s: %s\n", name, c)
	}
	return errReported
}

// maxMerged bounds what is merged, in bytes; files beyond a prompt's bound are
// merged by line.
const maxMerged = 64 << 20
