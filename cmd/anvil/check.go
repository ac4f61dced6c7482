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
			problems := tree.Problems()
			if len(args) > 0 {
				if problems, err = within(tree, problems, root, args); err != nil {
					return err
				}
			}
			return a.report(root, tree, problems)
		},
	}
}

// within keeps the problems of the named parts, and refuses a name that names
// nothing.
func within(tree *prompt.Tree, problems []prompt.Problem, root string, names []string) ([]prompt.Problem, error) {
	var prefixes []string
	for _, name := range names {
		prefix, err := partPath(tree, root, name)
		if err != nil {
			return nil, err
		}
		prefixes = append(prefixes, prefix)
	}
	return slices.DeleteFunc(slices.Clone(problems), func(p prompt.Problem) bool {
		return !slices.ContainsFunc(prefixes, func(prefix string) bool {
			return p.Path == prefix || strings.HasSuffix(prefix, "/") && strings.HasPrefix(p.Path, prefix)
		})
	}), nil
}

// partPath is the path, or the folder with a slash behind, that a name means.
func partPath(tree *prompt.Tree, root, name string) (string, error) {
	rel := filepath.ToSlash(filepath.Clean(name))
	if abs, err := filepath.Abs(name); err == nil {
		if r, err := filepath.Rel(root, abs); err == nil && !strings.HasPrefix(r, "..") {
			if found, err := os.Stat(abs); err == nil {
				if r == "." {
					return "", nil
				}
				rel = filepath.ToSlash(r)
				if found.IsDir() {
					rel += "/"
				}
				return rel, nil
			}
		}
	}
	if found, err := os.Stat(filepath.Join(root, rel)); err == nil {
		if found.IsDir() {
			return rel + "/", nil
		}
		return rel, nil
	}
	address, err := prompt.ParseAddress(rel)
	if err != nil {
		return "", fail("name a project, project/set, project/set/prompt or a file", "%s is not in %s", name, root)
	}
	found, err := tree.Lookup(address)
	if err != nil {
		return "", err
	}
	return found.Path, nil
}

// report prints problems for people or scripts. errReported when any is an error.
func (a *app) report(root string, tree *prompt.Tree, problems []prompt.Problem) error {
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
		encoder := json.NewEncoder(a.out)
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
		for range tree.Prompts() {
			prompts++
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
	fmt.Fprintf(w, "%s:%d:%d: %s: %s [%s]\n", p.Path, p.Line, p.Col, p.Level, p.Message, p.Rule)
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
		content, err := readAtMost(filepath.Join(root, filepath.FromSlash(p.Path)), prompt.MaxFileSize)
		if err == nil {
			lines = strings.Split(string(content), "\n")
		}
		sources[p.Path] = lines
	}
	if p.Line < 1 || p.Line > len(lines) {
		return ""
	}
	return strings.TrimRight(visible(lines[p.Line-1]), " \r")
}

// visible shows control and direction characters instead of obeying them.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return r
		case r < ' ', r == 0x7f, r >= 0x80 && r < 0xa0, r >= 0x200b && r <= 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069, r == 0xfeff:
			return '�'
		}
		return r
	}, s)
}

// count writes "1 prompt", "2 prompts".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
