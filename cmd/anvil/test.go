package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/anvilpeering/anvil/prompt"
	"github.com/spf13/cobra"
)

func (a *app) testCommand() *cobra.Command {
	var quiet bool
	cmd := &cobra.Command{
		Use:   "test [PROJECT | PROJECT/SET | ADDRESS | FILE]...",
		Short: "Run the tests that prompts bring along",
		Long: `Renders prompts as their tests: say and compares what comes out, one line a test.
The tests call no model. The checker runs them too, at every save; this command
shows each of them, and where a text differs.

Exit code 1 when a test fails; a prompt that cannot be rendered fails all of its
tests.`,
		Example: "  anvil test\n  anvil test support/triage/classify\n  anvil test support --quiet",
		RunE: func(cmd *cobra.Command, args []string) error {
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
			return a.test(cmd.Context(), tree, in, quiet)
		},
		ValidArgsFunction: a.completeParts,
	}
	cmd.Flags().BoolVar(&quiet, "quiet", false, "only what fails, and the counts")
	return cmd
}

// testedPrompt is one test, for scripts.
type testedPrompt struct {
	Address  prompt.Address   `json:"address"`
	Path     string           `json:"path"`
	Number   int              `json:"number"`
	Name     string           `json:"name,omitempty"`
	Line     int              `json:"line"`
	OK       bool             `json:"ok"`
	Failures []prompt.Problem `json:"failures,omitempty"`
	Messages []prompt.Message `json:"messages,omitempty"` // what came out, where it was not as expected
}

func (a *app) test(ctx context.Context, tree *prompt.Tree, in func(path string) bool, quiet bool) error {
	all := []testedPrompt{}
	prompts, untested, failed := 0, 0, 0
	for p := range tree.Prompts() {
		if !in(p.Path) {
			continue
		}
		prompts++
		results := p.RunTests(ctx)
		if len(results) == 0 {
			untested++
		}
		for _, r := range results {
			one := testedPrompt{Address: p.Address, Path: p.Path, Number: r.Number, Name: r.Name, Line: r.Line, OK: len(r.Failures) == 0}
			for _, f := range r.Failures {
				one.Failures = append(one.Failures, f.Problem)
			}
			if !one.OK {
				failed++
				if r.Rendered != nil {
					one.Messages = r.Rendered.Messages
				}
			}
			all = append(all, one)
			if !a.json && (!one.OK || !quiet) {
				a.printTest(p, r)
			}
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if a.json {
		encoder := json.NewEncoder(a.raw)
		encoder.SetIndent("", "  ")
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(all); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(a.out, "%s in %s: %d ok, %d failed", count(len(all), "test"), count(prompts, "prompt"), len(all)-failed, failed)
		if untested > 0 {
			fmt.Fprintf(a.out, "; %d without tests", untested)
		}
		fmt.Fprintln(a.out)
	}
	if failed > 0 {
		return errReported
	}
	return nil
}

// printTest prints the line of a test and, below it, why it fails.
func (a *app) printTest(p *prompt.Prompt, r prompt.TestResult) {
	word := "ok  "
	if len(r.Failures) > 0 {
		word = "FAIL"
	}
	name := r.Name
	if name == "" {
		name = fmt.Sprintf("test %d", r.Number)
	}
	fmt.Fprintf(a.out, "%s  %s  %s\n", word, p.Address, oneLine(name))
	shown := false // the text that came out
	for _, f := range r.Failures {
		fmt.Fprintf(a.out, "      %s:%d:%d: %s\n", p.Path, f.Problem.Line, f.Problem.Col, f.Problem.Message)
		switch {
		case f.Word == "equals":
			want, got := f.Want, r.Rendered.Text()
			if !strings.HasSuffix(want, "\n") && !strings.HasSuffix(got, "\n") {
				want, got = want+"\n", got+"\n" // that both end so needs no saying
			}
			fmt.Fprint(a.out, indented(difference("expected", []byte(want), "rendered", []byte(got))))
		case r.Rendered != nil && f.Word != "error" && !shown:
			shown = true
			fmt.Fprint(a.out, indented(conversation(r.Rendered)))
		case f.Problem.Hint != "" && r.Rendered == nil:
			fmt.Fprintf(a.out, "      hint: %s\n", f.Problem.Hint)
		}
	}
}

func indented(text string) string {
	var b strings.Builder
	for l := range strings.Lines(text) {
		b.WriteString("      " + l)
	}
	if b.Len() > 0 && !strings.HasSuffix(text, "\n") {
		b.WriteByte('\n')
	}
	return b.String()
}
