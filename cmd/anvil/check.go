package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/anvilpeering/anvil/prompt"
	"github.com/spf13/cobra"
)

func (a *app) checkCommand() *cobra.Command {
	var format, against string
	cmd := &cobra.Command{
		Use:   "check [PROJECT | PROJECT/SET | ADDRESS | FILE]...",
		Short: "Check the folder, or parts of it",
		Long: `Checks the files as they lie in the folder, committed or not, by the same rules
as the daemon. docs/rules.md says what each rule means and how to mend it.

--against compares with a revision, too: whether a locked set changed without a
higher version (the rule locked), and whether applications of that revision could
not go on (the rule breaking).

Exit code 1 when there are errors; warnings alone leave it at 0.`,
		Example: `  anvil check
  anvil check support/triage
  anvil check --against origin/main --format github
  anvil check --json | jq '.[].rule'`,
		RunE: func(_ *cobra.Command, args []string) error {
			if a.json && format == "" {
				format = "json"
			}
			print, known := map[string]printer{"": printPeople, "json": printJSON, "github": printGitHub}[format]
			if !known || a.json && format != "json" {
				return &usageError{err: fmt.Errorf("the format is json or github, not %q", format), hint: "without --format it is for people"}
			}
			root, err := findRoot(a.dir)
			if err != nil {
				return err
			}
			tree, err := parseFolder(root)
			if err != nil {
				return err
			}
			in, err := within(tree, root, args)
			if err != nil {
				return err
			}
			problems := tree.Problems()
			if against == "" {
				a.notCompared(tree, in)
			} else {
				base, err := a.treeAt(against)
				if err != nil {
					return err
				}
				problems = tree.ProblemsAgainst(base)
			}
			problems = slices.DeleteFunc(problems, func(p prompt.Problem) bool { return !in(p.Path) })
			return a.report(verdict{root, tree, in, problems}, print)
		},
	}
	cmd.ValidArgsFunction = a.completeParts
	cmd.Flags().StringVar(&format, "format", "", "json for scripts, github for annotations of a pull request (default: for people)")
	cmd.Flags().StringVar(&against, "against", "", "a revision to compare with, for the rules locked and breaking")
	return cmd
}

// notCompared says that there are locked sets, and nothing that tells whether
// they changed.
func (a *app) notCompared(tree *prompt.Tree, in func(path string) bool) {
	locked := 0
	for _, project := range tree.Projects() {
		for _, set := range project.Sets {
			if set.Locked && in(set.Project+"/"+set.Name+"/set.yaml") {
				locked++
			}
		}
	}
	if locked > 0 {
		fmt.Fprintf(a.err, "note: %s compared with nothing: --against HEAD tells whether it changed without a higher version\n",
			count(locked, "locked set"))
	}
}

// within tells which paths are in the named parts; without a name all are. A
// name that names nothing is refused.
func within(tree *prompt.Tree, root string, names []string) (func(path string) bool, error) {
	var parts []string
	for _, name := range names {
		part, err := partPath(tree, root, name)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
	return func(path string) bool {
		return len(parts) == 0 || slices.ContainsFunc(parts, func(part string) bool {
			return path == part || part == "" || strings.HasSuffix(part, "/") && strings.HasPrefix(path, part)
		})
	}, nil
}

// partPath is the path, or the folder with a slash behind, that a name means.
func partPath(tree *prompt.Tree, root, name string) (string, error) {
	// As seen from the current folder, else from the organisation's.
	for _, at := range []string{name, filepath.Join(root, filepath.FromSlash(name))} {
		at, err := filepath.Abs(at)
		if err != nil {
			return "", err
		}
		if real, err := filepath.EvalSymlinks(at); err == nil {
			at = real
		}
		inside, err := filepath.Rel(root, at)
		if err != nil || !filepath.IsLocal(inside) {
			continue
		}
		found, err := os.Stat(at)
		switch {
		case err != nil:
		case inside == ".":
			return "", nil
		case found.IsDir():
			return filepath.ToSlash(inside) + "/", nil
		default:
			return filepath.ToSlash(inside), nil
		}
	}
	address, err := prompt.ParseAddress(name)
	if err != nil {
		return "", fail("name a project, project/set, project/set/prompt or a file", "%s is not in %s", name, root)
	}
	found, err := tree.Lookup(address)
	if err != nil {
		return "", err
	}
	return found.Path, nil
}
