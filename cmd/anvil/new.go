package main

import (
	"fmt"
	"os"
	"path/filepath"
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

func (a *app) newCommand() *cobra.Command {
	var text bool
	cmd := &cobra.Command{
		Use:   "new PROJECT/SET/NAME",
		Short: "Add a prompt, with its project where that is new",
		Long: `Writes a prompt that checks clean, to be edited from there. A name that starts
with _ makes a partial: a text that other prompts render.`,
		Example: "  anvil new support/triage/classify\n  anvil new support/triage/summary --text\n  anvil new support/triage/_tone",
		Args:    takes(1, 1),
		RunE: func(_ *cobra.Command, args []string) error {
			return a.newPrompt(args[0], text)
		},
	}
	cmd.Flags().BoolVar(&text, "text", false, "one template instead of messages")
	return cmd
}

func (a *app) newPrompt(name string, text bool) error {
	address, err := prompt.ParseAddress(name)
	if err != nil {
		return &usageError{err: err, hint: hintOf(err)}
	}
	root, err := findRoot(a.dir)
	if err != nil {
		return err
	}
	body := fmt.Sprintf(chatTemplate, title(address.Name))
	switch {
	case address.IsPartial():
		body = fmt.Sprintf(partialTemplate, title(strings.TrimPrefix(address.Name, "_")), address.Name)
	case text:
		body = fmt.Sprintf(textTemplate, title(address.Name))
	}
	if err := writeNew(root, filepath.FromSlash(address.Path()), []byte(fmt.Sprintf(modeline, "../../", "prompt")+body)); err != nil {
		return err
	}
	project := filepath.Join(address.Project, "project.yaml")
	if _, err := os.Lstat(filepath.Join(root, project)); os.IsNotExist(err) {
		content := fmt.Sprintf(modeline, "../", "project") + "name: " + title(address.Project) + "\n"
		if err := writeNew(root, project, []byte(content)); err != nil {
			return err
		}
		fmt.Fprintf(a.out, "wrote   %s/project.yaml\n", address.Project)
	}
	fmt.Fprintf(a.out, "wrote   %s\n", address.Path())
	return nil
}

// title makes "classify-a_ticket" readable: "Classify a ticket".
func title(name string) string {
	words := strings.NewReplacer("-", " ", "_", " ", ".", " ").Replace(name)
	return strings.ToUpper(words[:1]) + words[1:]
}
