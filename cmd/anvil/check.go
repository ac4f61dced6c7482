package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/anvilpeering/anvil/prompt"
	"github.com/spf13/cobra"
)

func (a *app) checkCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check [PROJECT | PROJECT/SET | ADDRESS | FILE]...",
		Short: "Check the folder, or parts of it",
		Long: `Checks the files as they lie in the folder, committed or not, by the same rules
as the daemon. docs/rules.md says what each rule means and how to mend it.

Exit code 1 when there are errors; warnings alone leave it at 0.`,
		Example: "  anvil check\n  anvil check support/triage\n  anvil check --json | jq '.[].rule'",
		RunE: func(_ *cobra.Command, args []string) error {
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
			return a.report(root, tree, in)
		},
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

// report prints the problems of a part for people or scripts. errReported when
// any is an error.
func (a *app) report(root string, tree *prompt.Tree, in func(path string) bool) error {
	problems := slices.DeleteFunc(slices.Clone(tree.Problems()), func(p prompt.Problem) bool { return !in(p.Path) })
	errors := 0
	for _, p := range problems {
		if p.Level == prompt.Error {
			errors++
		}
	}
	if a.json {
		if problems == nil {
			problems = []prompt.Problem{}
		}
		encoder := json.NewEncoder(a.raw)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(problems); err != nil {
			return err
		}
	} else {
		sources := map[string][]string{}
		for _, p := range problems {
			printProblem(a.out, p, sourceLine(root, p, sources))
		}
		prompts := 0
		for p := range tree.Prompts() {
			if in(p.Path) {
				prompts++
			}
		}
		fmt.Fprintf(a.out, "%s, %s, %s\n", count(prompts, "prompt"), count(errors, "error"), count(len(problems)-errors, "warning"))
	}
	if errors > 0 {
		return errReported
	}
	return nil
}

// printProblem prints one problem with the line it is in and a caret below the
// place.
func printProblem(w io.Writer, p prompt.Problem, line string) {
	fmt.Fprintf(w, "%s:%d:%d: %s: %s [%s]\n", oneLine(p.Path), p.Line, p.Col, p.Level, p.Message, p.Rule)
	if line != "" {
		var indent strings.Builder
		for i, r := range []rune(line) {
			if i >= p.Col-1 {
				break
			}
			if r != '\t' {
				r = ' '
			}
			indent.WriteRune(r)
		}
		fmt.Fprintf(w, "  | %s\n  | %s^\n", line, indent.String())
	}
	if p.Hint != "" {
		fmt.Fprintf(w, "  hint: %s\n", p.Hint)
	}
}

// sourceLine is the line of the folder's file that a problem is in.
func sourceLine(root string, p prompt.Problem, sources map[string][]string) string {
	lines, read := sources[p.Path]
	if !read {
		content, err := readRegular(filepath.Join(root, filepath.FromSlash(p.Path)), prompt.MaxFileSize)
		if err == nil {
			lines = strings.Split(string(content), "\n")
		}
		sources[p.Path] = lines
	}
	if p.Line < 1 || p.Line > len(lines) {
		return ""
	}
	return strings.TrimRight(lines[p.Line-1], " \r")
}

// count writes "1 prompt", "2 prompts".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
