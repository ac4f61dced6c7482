package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
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
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "init [DIR]",
		Short: "Begin an organisation: a folder of prompts in git",
		Long: `An organisation is a folder with an anvil.yaml: projects, in them sets, in them
prompts. Writes anvil.yaml and the schemas that editors check prompts with, and
makes a git repository when the folder is in none. For the tools around it come
settings and tasks of VS Code, .editorconfig, .gitattributes, .gitignore and
hooks for pre-commit.

No file that is there is overwritten: what it lacks is merged into it where that
is safe, else shown for you to add. In an organisation's folder it brings the
schemas up to date and writes what is missing.`,
		Example: "  anvil init prompts --organisation acme\n  anvil init --dry-run",
		Args:    takes(0, 1),
		RunE: func(_ *cobra.Command, args []string) error {
			dir := a.dir
			if len(args) == 1 {
				dir = args[0]
			}
			return a.initialise(dir, name, dryRun)
		},
	}
	cmd.Flags().StringVar(&name, "organisation", "", "its name (default: the folder's)")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "say what would be written, and write nothing")
	return cmd
}

func (a *app) initialise(dir, name string, dry bool) error {
	root, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	again := false // it is an organisation's folder already
	if _, err := os.Lstat(filepath.Join(root, organisationFile)); err == nil {
		known, err := organisationName(root)
		if err != nil {
			return err
		}
		if name != "" && name != known {
			return fail("`anvil new project/set/name` adds a prompt; the name of an organisation stands in every release", "%s is there already: it is the organisation %s", filepath.Join(root, organisationFile), known)
		}
		again, name = true, known
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
	i := initialising{app: a, dir: dir, root: root, dry: dry}
	if err := i.repository(); err != nil {
		return err
	}
	if !again {
		if !dry {
			if err := writeNew(root, organisationFile, fmt.Appendf(nil, organisationTemplate, name)); err != nil {
				return err
			}
		}
		i.did("wrote", organisationFile)
	}
	if err := i.schemas(); err != nil {
		return err
	}
	if err := i.editors(); err != nil {
		return err
	}
	if dry {
		fmt.Fprintln(a.out, "\nnothing changed: this was a dry run")
	} else if !again {
		i.next(name)
	}
	return nil
}

// initialising is one `anvil init`.
type initialising struct {
	*app
	dir, root string // as the user says it, and absolute
	top       bool   // the folder is a repository's own
	dry       bool
}

func (i *initialising) did(what, path string) {
	fmt.Fprintf(i.out, "%-7s %s\n", what, filepath.Join(i.dir, filepath.FromSlash(path)))
}

// repository makes a git repository when the folder is in none.
func (i *initialising) repository() error {
	if _, err := os.Stat(i.root); i.dry && errors.Is(err, fs.ErrNotExist) {
		i.top = true
		i.did("made", "")
		return nil
	}
	if !i.dry {
		if err := os.MkdirAll(i.root, 0o755); err != nil {
			return fmt.Errorf("make folder: %w", err)
		}
	}
	repo, err := gitstore.Open(i.root, gitstore.Options{})
	if errors.Is(err, gitstore.ErrNotRepository) {
		if i.top = true; !i.dry {
			repo, err = gitstore.Create(i.root, gitstore.Options{})
		} else {
			err = nil
		}
		if err == nil {
			fmt.Fprintf(i.out, "made    a git repository in %s\n", i.root)
		}
	}
	if err != nil || repo == nil {
		return err
	}
	prefix, err := repo.Prefix(i.root)
	i.top = prefix == ""
	return errors.Join(err, repo.Close())
}

// schemas puts the JSON Schemas where the prompts' first line points. They are
// Anvil's own, and brought up to date.
func (i *initialising) schemas() error {
	did := "kept"
	for _, name := range schemaNames {
		path := filepath.Join(".anvil", "schema", name+".json")
		if err := linkFree(i.root, path); err != nil {
			return err
		}
		if now, err := readRegular(filepath.Join(i.root, path), prompt.MaxFileSize); err == nil && bytes.Equal(now, prompt.Schema(name)) {
			continue
		}
		if did = "wrote"; i.dry {
			continue
		}
		if err := writeOver(i.root, path, prompt.Schema(name)); err != nil {
			return fmt.Errorf("write schemas: %w", err)
		}
	}
	i.did(did, ".anvil/schema")
	return nil
}

// editors writes the files for the tools around the folder.
func (i *initialising) editors() error {
	var advice []editorFile
	for _, f := range editorFiles {
		if f.path == preCommitFile && !i.top {
			continue // it is read in a repository's own folder only
		}
		did, err := f.put(i.root, i.dry)
		if err != nil {
			return err
		}
		if did == "add" {
			advice = append(advice, f)
			did = "kept"
		}
		i.did(did, f.path)
	}
	for _, f := range advice {
		fmt.Fprintf(i.out, "\n%s is yours. What it lacks for Anvil:\n\n%s", filepath.Join(i.dir, filepath.FromSlash(f.path)), indented(f.content))
	}
	return nil
}

func (i *initialising) next(name string) {
	fmt.Fprintf(i.out, "\nThe organisation is called %s: the name stands in every release.\n\nnext:   ", name)
	if here, err := filepath.Abs("."); err == nil && here != i.root {
		fmt.Fprintf(i.out, "cd %s\n        ", i.dir)
	}
	fmt.Fprintf(i.out, "anvil new support/triage/classify\n        anvil serve\n")
	fmt.Fprintf(i.out, "\nAnvil commits anvil.yaml, .anvil and prompts. The other files are yours: git add .\n")
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
