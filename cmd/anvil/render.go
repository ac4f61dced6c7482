package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/anvilpeering/anvil/gitstore"
	"github.com/anvilpeering/anvil/prompt"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// rendering is what `anvil render` is asked for.
type rendering struct {
	pairs    []string // NAME=VALUE
	argsFile string
	at       string // a revision, "" for the folder
	diff     string // the revision to compare with
}

func (a *app) renderCommand() *cobra.Command {
	var r rendering
	cmd := &cobra.Command{
		Use:   "render ADDRESS",
		Short: "Render a prompt with arguments",
		Long: `Renders a prompt as it lies in the folder, or as it was at a revision, exactly as
an application would. A value is text for a parameter of type string, else a
number, true or false, or JSON.

--diff REV renders it as it was at that revision, too, with those of the
arguments that it took then, and shows how the outcome differs.`,
		Example: `  anvil render support/triage/classify -p message="Where is my parcel?" -p language=de
  anvil render support/triage/classify -f arguments.json --at HEAD~1 --json
  anvil render support/triage/classify -f arguments.json --diff HEAD~3`,
		Args: takes(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			address, err := prompt.ParseAddress(args[0])
			if err != nil {
				return &usageError{err: err, hint: hintOf(err)}
			}
			return a.render(cmd.Context(), address, r)
		},
		ValidArgsFunction: a.completeAddress,
	}
	cmd.Flags().StringArrayVarP(&r.pairs, "param", "p", nil, "an argument: NAME=VALUE (may be repeated)")
	cmd.Flags().StringVarP(&r.argsFile, "args", "f", "", "a JSON file with arguments, - for standard input")
	cmd.Flags().StringVar(&r.at, "at", "", "a revision instead of the folder")
	cmd.Flags().StringVar(&r.diff, "diff", "", "show the difference from what it rendered at a revision")
	return cmd
}

func (a *app) render(ctx context.Context, address prompt.Address, r rendering) error {
	tree, err := a.treeAt(r.at)
	if err != nil {
		return err
	}
	p, err := tree.Lookup(address)
	if err != nil {
		return err
	}
	values, err := a.arguments(p, r.pairs, r.argsFile)
	if err != nil {
		return err
	}
	rendered, err := p.Render(ctx, values)
	if refused, ok := errors.AsType[*prompt.ArgumentError](err); ok && refused.Reason == prompt.ReasonMissing {
		hint := "write -p " + refused.Parameter + "=…"
		if refused.Advice != "" {
			hint += ": " + refused.Advice
		}
		return fail(hint, "%w", err)
	}
	if err != nil {
		return err
	}
	if r.diff == "" {
		return a.printRendered(rendered)
	}
	before, err := a.treeAt(r.diff)
	if err != nil {
		return err
	}
	old, err := before.Lookup(address)
	if err != nil {
		return fmt.Errorf("at %s: %w", r.diff, err)
	}
	then := prompt.Args{}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if _, took := old.Parameter(name); took {
			then[name] = values[name]
		} else {
			fmt.Fprintf(a.err, "note: at %s it took no %s\n", r.diff, name)
		}
	}
	was, err := old.Render(ctx, then)
	if err != nil {
		return fmt.Errorf("at %s: %w", r.diff, err)
	}
	to := address.String()
	if r.at != "" {
		to += "@" + r.at
	}
	return a.printChange(address.String()+"@"+r.diff, was, to, rendered)
}

// printChange prints how two renderings differ; nothing when they do not.
func (a *app) printChange(fromName string, from *prompt.Rendered, toName string, to *prompt.Rendered) error {
	hunks := difference(fromName, []byte(settings(from)+conversation(from)), toName, []byte(settings(to)+conversation(to)))
	if a.json {
		encoder := json.NewEncoder(a.raw)
		encoder.SetIndent("", "  ")
		encoder.SetEscapeHTML(false)
		return encoder.Encode(struct {
			Before *prompt.Rendered `json:"before"`
			After  *prompt.Rendered `json:"after"`
			Diff   string           `json:"diff"`
		}{from, to, hunks})
	}
	if hunks == "" {
		fmt.Fprintf(a.err, "note: it renders the same as %s\n", fromName)
	}
	_, err := io.WriteString(a.text(), hunks)
	return err
}

// settings are the lines of what a rendering says beside its messages.
func settings(r *prompt.Rendered) string {
	var b strings.Builder
	if r.Model != "" {
		fmt.Fprintf(&b, "model: %s\n", r.Model)
	}
	for _, name := range slices.Sorted(maps.Keys(r.ModelParameters)) {
		value, err := json.Marshal(r.ModelParameters[name])
		if err != nil {
			value = fmt.Append(nil, r.ModelParameters[name])
		}
		fmt.Fprintf(&b, "%s: %s\n", name, value)
	}
	return b.String()
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
	for _, pair := range pairs {
		name, text, ok := strings.Cut(pair, "=")
		if !ok {
			return nil, &usageError{err: fmt.Errorf("argument %q has no value", pair), hint: "write -p NAME=VALUE"}
		}
		kind := prompt.TypeString // one that it does not know is refused by its name
		if parameter, known := p.Parameter(name); known {
			kind = parameter.Type
		}
		value, err := typed(name, kind, text)
		if err != nil {
			return nil, err
		}
		values[name] = value
	}
	return values, nil
}

// typed reads the text of an argument as its parameter's type has it.
func typed(name, kind, text string) (any, error) {
	example := map[string]string{
		prompt.TypeInteger: "3", prompt.TypeNumber: "0.5", prompt.TypeBoolean: "true",
		prompt.TypeArray: `'["a", "b"]'`, prompt.TypeObject: `'{"key": "value"}'`,
		prompt.TypeMessages: `'[{"role": "user", "content": "Hello"}]'`,
	}[kind]
	if kind == prompt.TypeString || kind == "" {
		return text, nil
	}
	var value any
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber() // whole numbers stay whole
	err := decoder.Decode(&value)
	if err == nil && decoder.More() {
		err = errors.New("something follows the value")
	}
	right := false
	switch value.(type) {
	case json.Number:
		right = kind == prompt.TypeInteger || kind == prompt.TypeNumber
	case bool:
		right = kind == prompt.TypeBoolean
	case []any:
		right = kind == prompt.TypeArray || kind == prompt.TypeMessages
	case map[string]any:
		right = kind == prompt.TypeObject
	case nil:
		right = true
	}
	article := "a"
	if strings.ContainsRune("aio", rune(kind[0])) {
		article = "an"
	}
	if kind == prompt.TypeMessages {
		article = "a list of"
	}
	if err != nil || !right {
		return nil, fail(fmt.Sprintf("write -p %s=%s", name, example), "the argument %s is %s %s, and %q is none", name, article, kind, text)
	}
	return value, nil
}

func (a *app) printRendered(r *prompt.Rendered) error {
	if a.json {
		encoder := json.NewEncoder(a.raw)
		encoder.SetIndent("", "  ")
		encoder.SetEscapeHTML(false)
		return encoder.Encode(r)
	}
	_, err := io.WriteString(a.text(), conversation(r))
	return err
}

// text is where rendered texts go: what is piped on is the text itself.
func (a *app) text() io.Writer {
	if f, ok := a.raw.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return a.out
	}
	return a.raw
}

// conversation writes messages as people read them.
func conversation(r *prompt.Rendered) string {
	var b strings.Builder
	for i, m := range r.Messages {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "── %s\n%s", m.Role, m.Content)
		if !strings.HasSuffix(m.Content, "\n") {
			b.WriteByte('\n')
		}
	}
	return b.String()
}
