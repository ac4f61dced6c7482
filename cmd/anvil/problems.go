package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/anvilpeering/anvil/prompt"
)

// verdict is what the checker says of a folder, or of a part of it.
type verdict struct {
	root     string
	tree     *prompt.Tree
	in       func(path string) bool // tells what belongs to the part
	problems []prompt.Problem
}

// A printer shows a verdict in one of the formats.
type printer func(a *app, v verdict) error

// report prints a verdict. errReported when any of its problems is an error.
func (a *app) report(v verdict, print printer) error {
	if err := print(a, v); err != nil {
		return err
	}
	if slices.ContainsFunc(v.problems, func(p prompt.Problem) bool { return p.Level == prompt.Error }) {
		return errReported
	}
	return nil
}

// summary is the last line for people.
func (v verdict) summary() string {
	prompts, errors := 0, 0
	for p := range v.tree.Prompts() {
		if v.in(p.Path) {
			prompts++
		}
	}
	for _, p := range v.problems {
		if p.Level == prompt.Error {
			errors++
		}
	}
	return fmt.Sprintf("%s, %s, %s\n", count(prompts, "prompt"), count(errors, "error"), count(len(v.problems)-errors, "warning"))
}

func printPeople(a *app, v verdict) error {
	sources := map[string][]string{}
	for _, p := range v.problems {
		printProblem(a.out, p, sourceLine(v.root, p, sources))
	}
	_, err := io.WriteString(a.out, v.summary())
	return err
}

func printJSON(a *app, v verdict) error {
	if v.problems == nil {
		v.problems = []prompt.Problem{}
	}
	encoder := json.NewEncoder(a.raw)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v.problems)
}

// printGitHub prints the workflow commands that annotate a pull request
// (https://docs.github.com/actions/reference/workflow-commands-for-github-actions).
// Their paths are the repository's.
func printGitHub(a *app, v verdict) error {
	prefix := prefixInRepository(v.root)
	for _, p := range v.problems {
		text := p.Message
		if p.Hint != "" {
			text += "\nhint: " + p.Hint
		}
		fmt.Fprintf(a.out, "::%s file=%s,line=%d,col=%d,title=%s::%s\n",
			p.Level, commandProperty.Replace(path.Join(prefix, p.Path)), p.Line, p.Col, commandProperty.Replace(p.Rule), commandText.Replace(text))
	}
	_, err := io.WriteString(a.out, v.summary())
	return err
}

// What the text and the properties of a workflow command escape.
var (
	commandText     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	commandProperty = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

// prefixInRepository is the way from the repository around a folder to it, ""
// when there is none around it.
func prefixInRepository(root string) string {
	for at := root; ; at = filepath.Dir(at) {
		if _, err := os.Lstat(filepath.Join(at, ".git")); err == nil {
			if way, err := filepath.Rel(at, root); err == nil {
				return filepath.ToSlash(way)
			}
		}
		if filepath.Dir(at) == at {
			return ""
		}
	}
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
