package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/anvilpeering/anvil/prompt"
	"github.com/spf13/cobra"
)

const modeline = "# yaml-language-server: $schema=%s.anvil/schema/%s.json\n"

const chatTemplate = `name: %s
description: Say in one sentence what this prompt is for.
parameters:
  message: {type: string, required: true, maxLength: 8000}
messages:
  - role: system
    content: |
      You are a careful assistant.
  - role: user
    content: "{{ message }}"
tests:
  - with: {message: Hello}
    expect: {contains: [Hello]}
`

const textTemplate = `name: %s
description: Say in one sentence what this prompt is for.
parameters:
  message: {type: string, required: true, maxLength: 8000}
template: |
  {{ message }}
tests:
  - with: {message: Hello}
    expect: {contains: [Hello]}
`

const partialTemplate = `name: %s
description: A part of other prompts, rendered with {%% render "%s" %%}.
template: |
  Answer in two sentences at the most.
`

// newPrompt says what kind of prompt is wanted.
type newPrompt struct {
	text     bool // one template
	messages bool // a list of messages, as without any of these
	partial  bool
}

func (a *app) newCommand() *cobra.Command {
	var n newPrompt
	cmd := &cobra.Command{
		Use:   "new PROJECT/SET/NAME",
		Short: "Add a prompt, with its project and set where those are new",
		Long: `Writes a prompt that checks clean, to be edited from there, and the folders and
the project.yaml that are missing. A name that starts with _ makes a partial: a
text that other prompts render. Nothing that is there is changed.`,
		Example: "  anvil new support/triage/classify\n  anvil new support/triage/summary --text\n  anvil new support/triage/tone --partial   # support/triage/_tone",
		Args:    takes(1, 1),
		RunE: func(_ *cobra.Command, args []string) error {
			return a.newPrompt(args[0], n)
		},
		ValidArgsFunction: a.completeSets,
	}
	cmd.Flags().BoolVar(&n.messages, "messages", false, "a list of messages (the default)")
	cmd.Flags().BoolVar(&n.text, "text", false, "one template instead of messages")
	cmd.Flags().BoolVar(&n.partial, "partial", false, "a partial; its name gets the _ in front")
	cmd.MarkFlagsMutuallyExclusive("messages", "text", "partial")
	return cmd
}

func (a *app) newPrompt(name string, n newPrompt) error {
	if i := strings.LastIndexByte(name, '/') + 1; n.partial && !strings.HasPrefix(name[i:], "_") {
		name = name[:i] + "_" + name[i:]
	}
	address, err := prompt.ParseAddress(name)
	if err != nil {
		return &usageError{err: err, hint: hintOf(err)}
	}
	if address.IsPartial() && (n.messages || n.text) {
		return &usageError{err: fmt.Errorf("%s is a partial", address), hint: "a partial is a text that others render: leave the flag out, or the _"}
	}
	root, err := findRoot(a.dir)
	if err != nil {
		return err
	}
	if err := freePath(root, address.Path()); err != nil {
		return err
	}
	if err := unlockedSet(root, address); err != nil {
		return err
	}
	body := fmt.Sprintf(chatTemplate, quotedTitle(address.Name))
	switch {
	case address.IsPartial():
		body = fmt.Sprintf(partialTemplate, quotedTitle(strings.TrimPrefix(address.Name, "_")), address.Name)
	case n.text:
		body = fmt.Sprintf(textTemplate, quotedTitle(address.Name))
	}
	// The project first: a prompt outside of one would be held.
	project := filepath.Join(address.Project, "project.yaml")
	if _, err := os.Lstat(filepath.Join(root, project)); os.IsNotExist(err) {
		content := fmt.Sprintf(modeline, "../", "project") + "name: " + quotedTitle(address.Project) + "\n"
		if err := writeNew(root, project, []byte(content)); err != nil {
			return err
		}
		fmt.Fprintf(a.out, "wrote   %s/project.yaml\n", address.Project)
	}
	if err := writeNew(root, filepath.FromSlash(address.Path()), []byte(fmt.Sprintf(modeline, "../../", "prompt")+body)); err != nil {
		return err
	}
	fmt.Fprintf(a.out, "wrote   %s\n", address.Path())
	return nil
}

// unlockedSet refuses a set that changes only together with its version: what is
// new there would be held.
func unlockedSet(root string, address prompt.Address) error {
	tree, err := parseFolder(root)
	if err != nil {
		return err
	}
	project, ok := tree.Project(address.Project)
	if !ok {
		return nil
	}
	for _, set := range project.Sets {
		if set.Name == address.Set && set.Locked {
			at := address.Project + "/" + address.Set
			return fail(fmt.Sprintf("say locked: false in %s/set.yaml first, and raise version when you lock it again", at), "the set %s is locked at version %s", at, set.Version)
		}
	}
	return nil
}

// title makes "classify-a_ticket" readable: "Classify a ticket".
func title(name string) string {
	words := strings.NewReplacer("-", " ", "_", " ", ".", " ").Replace(name)
	return strings.ToUpper(words[:1]) + words[1:]
}

// quotedTitle is a title as a value in YAML: one that could be read as a number,
// a date or a boolean is quoted.
func quotedTitle(name string) string {
	text := title(name)
	if first := text[0]; first >= '0' && first <= '9' || slices.Contains([]string{"yes", "no", "on", "off", "y", "n", "true", "false", "null", "inf", "nan"}, strings.ToLower(text)) {
		return strconv.Quote(text)
	}
	return text
}
