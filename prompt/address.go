package prompt

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Suffix is what the files of prompts, sets and projects end in.
const Suffix = ".yaml"

// Names of the files that are not prompts.
const (
	organisationFile = "anvil.yaml"
	projectFile      = "project.yaml"
	setFile          = "set.yaml"
	anvilFolder      = ".anvil/"
)

// maxSegment bounds a name, so that a path fits every file system and a branch
// name every git host.
const maxSegment = 100

// ErrAddress is what [ParseAddress] fails with.
var ErrAddress = errors.New("not an address")

// An Address names a prompt or a partial: project/set/name.
type Address struct{ Project, Set, Name string }

// String returns project/set/name.
func (a Address) String() string { return a.Project + "/" + a.Set + "/" + a.Name }

// Path returns the file of the address, relative to the organisation.
func (a Address) Path() string { return a.String() + Suffix }

// IsPartial reports whether the address is one of a partial.
func (a Address) IsPartial() bool { return strings.HasPrefix(a.Name, "_") }

// folder is the set's folder, project/set.
func (a Address) folder() string { return a.Project + "/" + a.Set }

// compare orders addresses by project, set and name.
func (a Address) compare(b Address) int {
	if c := strings.Compare(a.Project, b.Project); c != 0 {
		return c
	}
	if c := strings.Compare(a.Set, b.Set); c != 0 {
		return c
	}
	return strings.Compare(a.Name, b.Name)
}

// MarshalText writes the address as project/set/name.
func (a Address) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads project/set/name.
func (a *Address) UnmarshalText(text []byte) error {
	parsed, err := ParseAddress(string(text))
	if err != nil {
		return err
	}
	*a = parsed
	return nil
}

type addressError struct{ text, reason, hint string }

func (e *addressError) Error() string {
	return fmt.Sprintf("%q is not an address: %s", e.text, e.reason)
}
func (e *addressError) Hint() string  { return e.hint }
func (e *addressError) Unwrap() error { return ErrAddress }

// ParseAddress reads project/set/name. Its errors are [ErrAddress] and say what
// an address looks like.
func ParseAddress(text string) (Address, error) {
	fail := func(reason, hint string) (Address, error) {
		return Address{}, &addressError{text, reason, hint}
	}
	const shape = "an address is project/set/name, as in support/triage/classify"
	if strings.Contains(text, "@") {
		return fail("it pins a revision", "leave out @ and what follows: a version is the revision that is held")
	}
	if strings.HasSuffix(text, Suffix) {
		return fail("it is the path of a file", "leave out "+Suffix)
	}
	parts := strings.Split(text, "/")
	if len(parts) != 3 {
		return fail(fmt.Sprintf("it has %s, not three", counted(len(parts), "part")), shape)
	}
	for i, part := range parts {
		if reason := nameProblem(part, i == 2); reason != "" {
			return fail(reason, shape)
		}
	}
	return Address{parts[0], parts[1], parts[2]}, nil
}

// counted writes a number with its noun.
func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// nameProblem says why a segment is not a name, or "". The last segment of an
// address may be a partial's, and must not be called like the files beside it.
func nameProblem(name string, last bool) string {
	body := name
	if last {
		body = strings.TrimPrefix(name, "_")
	}
	switch {
	case body == "":
		return "a name is empty"
	case len(name) > maxSegment:
		return fmt.Sprintf("a name has more than %d characters", maxSegment)
	case strings.HasPrefix(name, "_") && !last:
		return fmt.Sprintf("%q begins with an underscore, which only partials do", name)
	}
	for i, r := range body {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
		case i > 0 && (r == '.' || r == '_' || r == '-'):
		case r >= 'A' && r <= 'Z':
			return fmt.Sprintf("%q has upper-case letters", name)
		case i == 0:
			return fmt.Sprintf("%q does not begin with a letter or a digit", name)
		default:
			return fmt.Sprintf("%q contains %q", name, r)
		}
	}
	return reserved(name, last)
}

// reserved says why a well-formed name cannot be used, or "". Names become
// folders on every system and branches of git, and neither takes all.
func reserved(name string, last bool) string {
	stem, _, _ := strings.Cut(strings.TrimPrefix(name, "_"), ".")
	switch {
	case strings.HasSuffix(name, "."):
		return fmt.Sprintf("%q ends with a dot", name)
	case strings.Contains(name, ".."):
		return fmt.Sprintf("%q has two dots in a row", name)
	case strings.HasSuffix(name, ".lock"):
		return fmt.Sprintf("%q ends with .lock, which git keeps for itself", name)
	case strings.HasSuffix(name, ".yaml"), strings.HasSuffix(name, ".yml"):
		return fmt.Sprintf("%q ends like a file", name)
	case strings.HasSuffix(name, ".prompt"):
		return fmt.Sprintf("%q ends with .prompt, to which editors apply another schema", name)
	case last && (name == "project" || name == "set"):
		return fmt.Sprintf("%q is reserved for %s%s", name, name, Suffix)
	case isDevice(stem):
		return fmt.Sprintf("%q is the name of a device on Windows", name)
	}
	return ""
}

func isDevice(stem string) bool {
	switch stem {
	case "con", "prn", "aux", "nul":
		return true
	}
	return len(stem) == 4 && (strings.HasPrefix(stem, "com") || strings.HasPrefix(stem, "lpt")) &&
		stem[3] >= '1' && stem[3] <= '9'
}

// kind is what a path is to the organisation.
type kind int

const (
	kindNone         kind = iota // not the organisation's
	kindStray                    // nearly: a misplaced or misnamed YAML file
	kindOrganisation             // anvil.yaml
	kindProject                  // p/project.yaml
	kindSet                      // p/s/set.yaml
	kindPrompt                   // p/s/n.yaml
	kindOther                    // .anvil/**
)

// Owns reports whether a path, relative to the organisation, is a file of the
// organisation: anvil.yaml, p/project.yaml, p/s/set.yaml, p/s/n.yaml with valid
// names, or anything below .anvil/. These and no others are ever committed.
func Owns(path string) bool { return classify(path) > kindStray }

// ordinaryPath is what a file below .anvil/ may be called: its name stands in
// commit messages and on terminals.
var ordinaryPath = regexp.MustCompile(`^[A-Za-z0-9._/-]+$`)

// classify tells what a path is.
func classify(path string) kind {
	if path == organisationFile {
		return kindOrganisation
	}
	parts := strings.Split(path, "/")
	for _, part := range parts {
		if part == "" || part == "." || part == ".." {
			return kindNone
		}
	}
	if strings.HasPrefix(path, anvilFolder) {
		if len(parts) > 5 || !ordinaryPath.MatchString(path) {
			return kindNone
		}
		return kindOther
	}
	last := parts[len(parts)-1]
	if strings.HasPrefix(parts[0], ".") || !isYAML(last) {
		return kindNone
	}
	switch {
	case len(parts) == 2 && last == projectFile && nameProblem(parts[0], false) == "":
		return kindProject
	case len(parts) == 3 && nameProblem(parts[0], false) == "" && nameProblem(parts[1], false) == "":
		if last == setFile {
			return kindSet
		}
		if stem, ok := strings.CutSuffix(last, Suffix); ok && nameProblem(stem, true) == "" {
			return kindPrompt
		}
	}
	if len(parts) > 1 {
		return kindStray
	}
	return kindNone
}

func isYAML(name string) bool {
	name = strings.ToLower(name)
	return strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml")
}

// addressOf is the address of a path that classify calls a prompt.
func addressOf(path string) Address {
	parts := strings.SplitN(strings.TrimSuffix(path, Suffix), "/", 3)
	return Address{parts[0], parts[1], parts[2]}
}

// setProblem says why a text is not the address of a set, project/set, or "".
func setProblem(text string) string {
	project, set, ok := strings.Cut(text, "/")
	switch {
	case strings.Contains(text, "@"):
		return "it pins a revision, and dependencies float with the commit"
	case !ok || strings.Contains(set, "/"):
		return fmt.Sprintf("it has %s, not two", counted(1+strings.Count(text, "/"), "part"))
	}
	if reason := nameProblem(project, false); reason != "" {
		return reason
	}
	return nameProblem(set, false)
}
