package prompt

import (
	"fmt"
	"regexp"

	"go.yaml.in/yaml/v3"
)

// FormatVersion is the format of organisations that this package reads.
const FormatVersion = 1

// organisation decodes anvil.yaml; nil when it is not valid.
func (r *reader) organisation(root *yaml.Node) *Organisation {
	o := r.object(root, "an organisation", true, "organisation", "format", "description", "checks", "commit", "sources")
	if o == nil {
		return nil
	}
	out := &Organisation{Description: o.line("description")}
	if n := o.need("organisation"); n != nil {
		out.Name = o.segment(n, "organisation")
	}
	if n := o.need("format"); n != nil {
		if out.Format, _ = integer(n); out.Format != FormatVersion {
			r.at(n, ruleSchema, fmt.Sprintf("format must be %d, not %s", FormatVersion, n.Value), "another format needs another version of Anvil")
		}
	}
	out.Checks = o.checks()
	if n := o.get("commit"); n != nil {
		if c := r.object(n, "commit", false, "author", "prefix"); c != nil {
			out.Commit = CommitSettings{Author: c.line("author"), Prefix: c.line("prefix")}
			if a := out.Commit.Author; a != "" && !authorForm.MatchString(a) {
				r.at(c.get("author"), ruleSchema, fmt.Sprintf("%q is not an author", a), "write it as git does: Name <address>")
			}
		}
	}
	out.Sources = o.sources()
	if r.broken {
		return nil
	}
	return out
}

var authorForm = regexp.MustCompile(`^[^<>]+ <[^<> ]+>$`)

// segment decodes a name of one segment.
func (r *reader) segment(n *yaml.Node, what string) string {
	s, ok := r.text(n, what)
	if !ok {
		return ""
	}
	if reason := nameProblem(s, false); reason != "" {
		r.at(n, ruleName, reason, "names are lower-case letters, digits, dots, dashes and underscores, and begin with a letter or a digit")
		return ""
	}
	return s
}

func (o *object) sources() map[string]Source {
	n := o.get("sources")
	if n == nil {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		o.wrongType(n, "sources", "keys and values")
		return nil
	}
	out := map[string]Source{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name := o.segment(n.Content[i], "the name of a source")
		s := o.object(n.Content[i+1], "a source", false, "organisation", "signers", "into")
		if s == nil {
			continue
		}
		var source Source
		if n := s.need("organisation"); n != nil {
			source.Organisation = s.segment(n, "organisation")
		}
		source.Signers = s.texts("signers")
		if into := s.get("into"); into != nil {
			source.Into = s.into(into)
		}
		out[name] = source
	}
	return out
}

func (o *object) into(n *yaml.Node) map[string]string {
	if n.Kind != yaml.MappingNode {
		o.wrongType(n, "into", "keys and values")
		return nil
	}
	out := map[string]string{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		out[o.segment(n.Content[i], "a project")] = o.segment(n.Content[i+1], "a project")
	}
	return out
}
