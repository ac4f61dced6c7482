package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/anvilpeering/anvil/prompt"
	"github.com/spf13/cobra"
)

// formatting says what is done with the files that are not formatted.
type formatting struct {
	check bool // name them
	diff  bool // show what would change
}

func (a *app) fmtCommand() *cobra.Command {
	var f formatting
	cmd := &cobra.Command{
		Use:   "fmt [PROJECT | PROJECT/SET | ADDRESS | FILE]... | -",
		Short: "Tidy white space, and nothing else",
		Long: `Tidies the white space of the organisation's files, all of them or those that are
named: line ends, spaces at the ends of lines, several blank lines in a row, the
end of the file, and two columns of indentation a level. Texts, comments, order
and quotes stay as they are, and each file says the same before and after.

With - it reads a file from standard input and writes to standard output, as
editors want it. --check and --diff write nothing and end with exit code 1 when
a file is not formatted.`,
		Example: "  anvil fmt\n  anvil fmt support/triage --diff\n  anvil fmt --check",
		RunE: func(_ *cobra.Command, args []string) error {
			if slices.Equal(args, []string{"-"}) {
				return a.formatStream()
			}
			return a.format(args, f)
		},
		ValidArgsFunction: a.completeParts,
	}
	cmd.Flags().BoolVar(&f.check, "check", false, "write nothing, name what is not formatted")
	cmd.Flags().BoolVar(&f.diff, "diff", false, "write nothing, show what would change")
	return cmd
}

func (a *app) formatStream() error {
	src, err := io.ReadAll(io.LimitReader(a.in, prompt.MaxFileSize+1))
	if err != nil {
		return fmt.Errorf("read standard input: %w", err)
	}
	out, err := prompt.Format(src)
	if err != nil {
		return fmt.Errorf("standard input:%w", err)
	}
	_, err = a.raw.Write(out)
	return err
}

// formatted is what fmt found out about a file.
type formatted struct {
	Path string `json:"path"`
	Diff string `json:"diff,omitempty"`
	// Error says why the file stays as it is.
	Error string `json:"error,omitempty"`
}

func (a *app) format(names []string, f formatting) error {
	root, err := findRoot(a.dir)
	if err != nil {
		return err
	}
	folder, err := readAll(root)
	if err != nil {
		return err
	}
	in, err := within(prompt.Parse(folder.files(), prompt.Options{CompileOnly: true}), root, names)
	if err != nil {
		return err
	}
	found := []formatted{}
	failed, files := 0, 0
	for _, path := range folder.paths {
		if !prompt.Owns(path) || !isYAML(path) || strings.HasPrefix(path, ".anvil/") || !in(path) {
			continue
		}
		files++
		one, err := formatFile(root, path, folder.content[path], f)
		switch {
		case err != nil:
			failed++
			found = append(found, formatted{Path: path, Error: err.Error()})
			if !a.json {
				fmt.Fprintf(a.err, "error: %v\n", err)
				if hint := hintOf(err); hint != "" {
					fmt.Fprintf(a.err, "hint: %s\n", hint)
				}
			}
		case one != nil:
			found = append(found, *one)
			if !a.json && f.diff {
				fmt.Fprint(a.out, one.Diff)
			} else if !a.json {
				fmt.Fprintln(a.out, path)
			}
		}
	}
	switch {
	case a.json:
		encoder := json.NewEncoder(a.raw)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(found); err != nil {
			return err
		}
	case f.check || f.diff:
		fmt.Fprintf(a.err, "%s, %d not formatted\n", count(files, "file"), len(found)-failed)
	default:
		fmt.Fprintf(a.err, "%s, %d formatted\n", count(files, "file"), len(found)-failed)
	}
	if failed > 0 || (f.check || f.diff) && len(found) > 0 {
		return errReported
	}
	return nil
}

// formatFile formats a file in place, unless only a look is asked for; nil when
// it is formatted already.
func formatFile(root, path string, src []byte, f formatting) (*formatted, error) {
	out, err := prompt.Format(src)
	if err != nil {
		return nil, fmt.Errorf("%s:%w", path, err)
	}
	if bytes.Equal(src, out) {
		return nil, nil
	}
	one := &formatted{Path: path}
	if f.diff {
		one.Diff = difference(path, src, path, out)
	}
	if f.check || f.diff {
		return one, nil
	}
	return one, replaceFile(filepath.Join(root, filepath.FromSlash(path)), src, out)
}
