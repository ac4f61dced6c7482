package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/anvilpeering/anvil/gitstore"
	"github.com/anvilpeering/anvil/prompt"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

func (a *app) renderCommand() *cobra.Command {
	var pairs []string
	var argsFile, at string
	cmd := &cobra.Command{
		Use:   "render ADDRESS",
		Short: "Render a prompt with arguments",
		Long: `Renders a prompt as it lies in the folder, or as it was at a revision, exactly as
an application would. A value is text for a parameter of type string, else JSON.`,
		Example: `  anvil render support/triage/classify -p message="Where is my parcel?" -p language=de
  anvil render support/triage/classify --args arguments.json --at HEAD~1 --json`,
		Args: takes(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			address, err := prompt.ParseAddress(args[0])
			if err != nil {
				return &usageError{err: err, hint: hintOf(err)}
			}
			tree, err := a.treeAt(at)
			if err != nil {
				return err
			}
			p, err := tree.Lookup(address)
			if err != nil {
				return err
			}
			values, err := a.arguments(p, pairs, argsFile)
			if err != nil {
				return err
			}
			rendered, err := p.Render(cmd.Context(), values)
			if err != nil {
				return err
			}
			return a.printRendered(rendered)
		},
	}
	cmd.Flags().StringArrayVarP(&pairs, "param", "p", nil, "an argument: NAME=VALUE (may be repeated)")
	cmd.Flags().StringVar(&argsFile, "args", "", "a JSON file with arguments, - for standard input")
	cmd.Flags().StringVar(&at, "at", "", "a revision instead of the folder")
	return cmd
}

// treeAt parses the folder, or the tree of a revision.
func (a *app) treeAt(at string) (*prompt.Tree, error) {
	if at == "" {
		root, err := findRoot(a.dir)
		if err != nil {
			return nil, err
		}
		return parseFolder(root)
	}
	p, err := a.openPlace()
	if err != nil {
		return nil, err
	}
	defer p.Close()
	rev, err := p.repo.Resolve(at)
	if err != nil {
		return nil, fail("a branch, a tag or a commit: git log --oneline", "%s names no revision: %w", at, err)
	}
	return p.treeOf(rev)
}

func (p *place) treeOf(rev gitstore.Hash) (*prompt.Tree, error) { return p.lib.At(rev) }

// arguments gathers what --args and -p say; -p wins.
func (a *app) arguments(p *prompt.Prompt, pairs []string, file string) (prompt.Args, error) {
	values := prompt.Args{}
	if file != "" {
		var content []byte
		var err error
		if file == "-" {
			content, err = io.ReadAll(a.in)
		} else {
			content, err = os.ReadFile(file)
		}
		if err != nil {
			return nil, fmt.Errorf("read arguments: %w", err)
		}
		if err := json.Unmarshal(content, &values); err != nil {
			return nil, fail(`arguments are one JSON object: {"message": "Hello"}`, "read arguments: %w", err)
		}
	}
	types := map[string]string{}
	for _, parameter := range p.Parameters {
		types[parameter.Name] = parameter.Type
	}
	for _, pair := range pairs {
		name, value, ok := strings.Cut(pair, "=")
		if !ok {
			return nil, &usageError{err: fmt.Errorf("argument %q has no value", pair), hint: "write -p NAME=VALUE"}
		}
		if t, known := types[name]; !known || t == "string" {
			values[name] = value
			continue
		}
		var decoded any
		if err := json.Unmarshal([]byte(value), &decoded); err != nil {
			return nil, fail("parameters that are no text take JSON: -p "+name+"='[\"a\", \"b\"]'", "argument %s is no JSON: %w", name, err)
		}
		values[name] = decoded
	}
	return values, nil
}

func (a *app) printRendered(r *prompt.Rendered) error {
	if a.json {
		encoder := json.NewEncoder(a.raw)
		encoder.SetIndent("", "  ")
		encoder.SetEscapeHTML(false)
		return encoder.Encode(r)
	}
	w := a.raw // what is piped on is the text itself
	if f, ok := a.raw.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		w = a.out
	}
	for i, m := range r.Messages {
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "── %s\n%s", m.Role, m.Content)
		if !strings.HasSuffix(m.Content, "\n") {
			fmt.Fprintln(w)
		}
	}
	return nil
}
