package exchange

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/anvilpeering/anvil/prompt"
)

// Pattern says which prompts are meant: a project, a set, an address, each of whose
// names may hold * for any part of it, or tag:NAME for all prompts with that tag.
type Pattern struct {
	text  string
	names []string // one to three
	tag   string
}

// ParsePattern reads project, project/set, project/set/prompt or tag:NAME. A slash at
// the end is let pass.
func ParsePattern(text string) (Pattern, error) {
	if tag, ok := strings.CutPrefix(text, "tag:"); ok {
		if tag == "" {
			return Pattern{}, &patternError{text, "it names no tag"}
		}
		return Pattern{text: text, tag: tag}, nil
	}
	names := strings.Split(strings.TrimSuffix(text, "/"), "/")
	if len(names) > 3 {
		return Pattern{}, &patternError{text, "it has more than three names"}
	}
	for _, name := range names {
		plain := strings.ReplaceAll(name, "*", "x")
		if name == "" || strings.ContainsAny(name[:1], ".-") || strings.Trim(plain, "abcdefghijklmnopqrstuvwxyz0123456789._-") != "" {
			return Pattern{}, &patternError{text, fmt.Sprintf("%q is no name", name)}
		}
	}
	return Pattern{text: text, names: names}, nil
}

// String returns the pattern as it was written.
func (p Pattern) String() string { return p.text }

type patternError struct{ text, message string }

func (e *patternError) Error() string {
	return fmt.Sprintf("%q is no selection: %s", e.text, e.message)
}

func (e *patternError) Hint() string {
	return "select a project (support), a set (support/triage), a prompt (support/triage/classify), several with * in a name, or tag:NAME"
}

// matches reports whether the names of an address or of a folder are meant.
func (p Pattern) matches(names ...string) bool {
	if len(names) < len(p.names) {
		return false
	}
	for i, pattern := range p.names {
		if ok, err := path.Match(pattern, names[i]); err != nil || !ok {
			return false
		}
	}
	return true
}

// scope returns what the pattern speaks for: folders (ending in a slash) where it
// means whole ones, else addresses.
func (p Pattern) scope(tree *prompt.Tree) []string {
	var out []string
	for _, project := range tree.Projects() {
		if len(p.names) == 1 && p.matches(project.Name) {
			out = append(out, project.Name+"/")
			continue
		}
		for _, set := range project.Sets {
			if len(p.names) == 2 && p.matches(project.Name, set.Name) {
				out = append(out, project.Name+"/"+set.Name+"/")
				continue
			}
			for _, one := range set.Prompts {
				a := one.Address
				if len(p.names) == 3 && p.matches(a.Project, a.Set, a.Name) || p.tag != "" && slices.Contains(one.Tags, p.tag) {
					out = append(out, a.String())
				}
			}
		}
	}
	return out
}
