package prompt

import (
	"crypto/sha256"
	"fmt"
	"strings"
)

// file is what one file says and what can be told of it alone. It is immutable
// and shared by all trees that hold the same bytes at its path.
type file struct {
	path         string
	kind         kind
	sum          [16]byte // of its content
	problems     []Problem
	organisation *Organisation
	project      projectBody
	set          *setBody
	prompt       *body // nil when the file cannot be read
}

// parse reads one file.
func parse(path string, kind kind, content []byte, o Options) *file {
	f := &file{path: path, kind: kind, sum: sumOf(content)}
	if kind == kindStray {
		return f
	}
	r := &reader{path: path, compileOnly: o.CompileOnly, source: source{content: content}}
	if kind == kindOther {
		r.scan(content)
		f.problems = r.problems
		return f
	}
	worthwhile := r.scan(content)
	if worthwhile {
		if root := r.load(content); root != nil {
			switch kind {
			case kindOrganisation:
				f.organisation = r.organisation(root)
			case kindProject:
				f.project = r.project(root)
			case kindSet:
				f.set = r.set(root)
			case kindPrompt:
				f.prompt = r.prompt(root, addressOf(path).IsPartial())
			}
		}
	}
	f.problems = r.problems
	return f
}

// sumOf is the identity of a content.
func sumOf(content []byte) [16]byte {
	sum := sha256.Sum256(content)
	return [16]byte(sum[:])
}

// broken returns the first problem that keeps the file's prompt from being
// rendered.
func (f *file) broken() *Problem {
	for i := range f.problems {
		if !rules[f.problems[i].Rule].lint {
			return &f.problems[i]
		}
	}
	return nil
}

// stray says what is wrong with a YAML file inside of a project that is none of
// the organisation's files; exists tells which paths are.
func stray(path string, exists func(path string) bool) Problem {
	p := Problem{Path: path, Line: 1, Col: 1, Rule: ruleName}
	parts := strings.Split(path, "/")
	last := parts[len(parts)-1]
	lower := strings.ToLower(path)
	switch {
	case len(parts) == 2 && last != projectFile:
		p.Rule = ruleAddress
		p.Message = "the file is in a project, but not in a set"
		p.Hint = fmt.Sprintf("move it to %s/<set>/%s", parts[0], last)
		return p
	case len(parts) > 3:
		p.Rule = ruleAddress
		p.Message = "the file is deeper than project/set/name"
		p.Hint = fmt.Sprintf("move it to %s/%s/%s", parts[0], parts[1], last)
		return p
	case len(parts) == 3 && last == projectFile:
		p.Rule = ruleAddress
		p.Message = "project.yaml is in a set"
		p.Hint = fmt.Sprintf("a project's file is %s/%s, a set's is %s/%s/%s", parts[0], projectFile, parts[0], parts[1], setFile)
		return p
	case lower != path && exists(lower):
		p.Rule = ruleDuplicateAddress
		p.Message = fmt.Sprintf("the file differs from %s only by case", lower)
		p.Hint = "remove one of them: many file systems cannot hold both"
		return p
	}
	for i, part := range parts {
		name := part
		if i == len(parts)-1 {
			if part == projectFile || part == setFile {
				continue
			}
			stem, ok := strings.CutSuffix(part, Suffix)
			if !ok {
				p.Message = fmt.Sprintf("the name of a prompt's file ends with %s", Suffix)
				p.Hint = "rename it to " + strings.ToLower(strings.TrimSuffix(strings.TrimSuffix(lower, ".yml"), Suffix)) + Suffix
				return p
			}
			name = stem
		}
		if reason := nameProblem(name, i == 2); reason != "" {
			p.Message = reason
			p.Hint = "names are lower-case letters, digits, dots, dashes and underscores, and begin with a letter or a digit"
			return p
		}
	}
	p.Message = "the file is not where a prompt can be"
	return p
}
