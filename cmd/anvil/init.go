package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/anvilpeering/anvil/gitstore"
	"github.com/anvilpeering/anvil/prompt"
	"github.com/spf13/cobra"
)

// schemaNames are the formats an editor can check by itself.
var schemaNames = []string{"organisation", "project", "set", "prompt"}

const organisationTemplate = `# yaml-language-server: $schema=.anvil/schema/organisation.json
organisation: %s
format: 1
`

func (a *app) initCommand() *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:   "init [DIR]",
		Short: "Begin an organisation: a folder of prompts in git",
		Long: `An organisation is a folder with an anvil.yaml: projects, in them sets, in them
prompts. Writes anvil.yaml and the schemas that editors check prompts with, and
makes a git repository when the folder is in none. No file that is there is
changed.`,
		Example: "  anvil init prompts --organisation acme",
		Args:    takes(0, 1),
		RunE: func(_ *cobra.Command, args []string) error {
			dir := a.dir
			if len(args) == 1 {
				dir = args[0]
			}
			return a.initialise(dir, name)
		},
	}
	cmd.Flags().StringVar(&name, "organisation", "", "its name (default: the folder's)")
	return cmd
}

func (a *app) initialise(dir, name string) error {
	root, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if name == "" {
		name = nameFrom(filepath.Base(root))
	}
	if _, err := prompt.ParseAddress(name + "/set/name"); err != nil {
		return &usageError{
			err:  fmt.Errorf("%q is no name for an organisation", name),
			hint: "names are made of a-z, 0-9, '.', '_' and '-', and begin with a letter or digit: --organisation acme",
		}
	}
	if err := os.MkdirAll(root, 0o755); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	repo, err := gitstore.Open(root, gitstore.Options{})
	if errors.Is(err, gitstore.ErrNotRepository) {
		if repo, err = gitstore.Create(root, gitstore.Options{}); err == nil {
			fmt.Fprintf(a.out, "made    a git repository in %s\n", root)
		}
	}
	if err != nil {
		return err
	}
	defer repo.Close()

	if err := writeNew(root, organisationFile, fmt.Appendf(nil, organisationTemplate, name)); err != nil {
		return fail("its organisation is set up; `anvil new project/set/name` adds a prompt", "%w", err)
	}
	fmt.Fprintf(a.out, "wrote   %s\n", filepath.Join(dir, organisationFile))
	if err := writeSchemas(root); err != nil {
		return err
	}
	fmt.Fprintf(a.out, "wrote   %s\n", filepath.Join(dir, ".anvil", "schema"))
	fmt.Fprintf(a.out, "\nnext:   ")
	if here, err := filepath.Abs("."); err == nil && here != root {
		fmt.Fprintf(a.out, "cd %s\n        ", dir)
	}
	fmt.Fprintf(a.out, "anvil new support/triage/classify\n        anvil serve\n")
	return nil
}

// writeSchemas puts the JSON Schemas where the prompts' first line points.
func writeSchemas(root string) error {
	folder := filepath.Join(root, ".anvil", "schema")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("write schemas: %w", err)
	}
	for _, name := range schemaNames {
		if err := os.WriteFile(filepath.Join(folder, name+".json"), prompt.Schema(name), 0o644); err != nil {
			return fmt.Errorf("write schemas: %w", err)
		}
	}
	return nil
}

var notInNames = regexp.MustCompile(`[^a-z0-9._-]+`)

// nameFrom makes a valid name of a folder's.
func nameFrom(folder string) string {
	name := strings.TrimLeft(notInNames.ReplaceAllString(strings.ToLower(folder), "-"), "._-")
	if name == "" {
		return "prompts"
	}
	return name
}
