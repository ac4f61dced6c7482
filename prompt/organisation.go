package prompt

import (
	"fmt"
	"maps"
	"regexp"
	"slices"

	"github.com/Masterminds/semver/v3"
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
	before := len(r.problems)
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
	if n := o.values["commit"]; n != nil {
		if c := r.object(n, "commit", false, "author", "prefix"); c != nil {
			out.Commit = CommitSettings{Author: c.line("author"), Prefix: c.line("prefix")}
			if a := out.Commit.Author; a != "" && !authorForm.MatchString(a) {
				r.at(c.values["author"], ruleSchema, fmt.Sprintf("%q is not an author", a), "write it as git does: Name <address>")
			}
		}
	}
	out.Sources = o.sources()
	if len(r.problems) > before {
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

func (o *object) checks() map[string]string {
	n := o.values["checks"]
	if n == nil {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		o.wrongType(n, "checks", "keys and values")
		return nil
	}
	out := map[string]string{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		id := key.Value
		if _, known := rules[id]; !known {
			o.at(key, ruleUnknownKey, fmt.Sprintf("unknown rule %q", id)+didYouMean(id, maps.Keys(rules)), "the rules are listed in docs/rules.md")
			continue
		}
		if !adjustable(id) {
			o.at(key, ruleSchema, fmt.Sprintf("the level of %s cannot be changed", id), "only the rules about prompts that render all the same have a level: "+list(adjustableRules()))
			continue
		}
		switch level := value.Value; {
		case value.Kind == yaml.ScalarNode && (level == "error" || level == "warning" || level == "off"):
			out[id] = level
		default:
			o.at(value, ruleSchema, fmt.Sprintf("the level of %s must be error, warning or off", id), "")
		}
	}
	return out
}

func adjustableRules() []string {
	var ids []string
	for id := range rules {
		if adjustable(id) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

func (o *object) sources() map[string]Source {
	n := o.values["sources"]
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
		if into := s.values["into"]; into != nil {
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

// projectBody is what a project.yaml says.
type projectBody struct{ title, description string }

func (r *reader) project(root *yaml.Node) projectBody {
	o := r.object(root, "a project", true, "name", "description", "tags", "metadata")
	if o == nil {
		return projectBody{}
	}
	o.texts("tags")
	o.free("metadata")
	o.extra()
	return projectBody{o.line("name"), o.description()}
}

// description is a text of any number of lines.
func (o *object) description() string {
	s, _ := o.text("description")
	if n := o.values["description"]; n != nil {
		o.cut(n, "description")
	}
	return s
}

// setBody is what a set.yaml says.
type setBody struct {
	id, title, description string
	idPlace                mark
	version                *semver.Version
	versionText            string
	locked                 bool
	ranges                 []setRange
}

// setRange is a dependency of a set, with its place.
type setRange struct {
	Range
	constraint *semver.Constraints
	key, value mark
}

func (r *reader) set(root *yaml.Node) *setBody {
	o := r.object(root, "a set", true, "name", "description", "id", "version", "locked", "dependencies", "tags", "metadata")
	if o == nil {
		return &setBody{}
	}
	s := &setBody{id: o.id(), title: o.line("name"), description: o.description(), locked: o.boolean("locked", false)}
	if n := o.values["id"]; n != nil {
		s.idPlace = mark{n.Line, n.Column}
	}
	o.texts("tags")
	o.free("metadata")
	o.extra()
	if n := o.values["version"]; n != nil {
		s.versionText, s.version = o.version(n)
	}
	if s.locked && o.values["version"] == nil {
		r.at(o.values["locked"], ruleSchema, "a locked set needs a version", "a locked set changes only together with its version: add version: 1.0.0")
	}
	if n := o.values["dependencies"]; n != nil {
		s.ranges = o.dependencies(n)
	}
	return s
}

func (r *reader) version(n *yaml.Node) (string, *semver.Version) {
	if n.Kind == yaml.ScalarNode && (n.Tag == "!!int" || n.Tag == "!!float") {
		r.at(n, ruleSchema, fmt.Sprintf("version must be text of three numbers, and %s is a number", n.Value), fmt.Sprintf("write version: %s", padded(n.Value)))
		return "", nil
	}
	s, ok := r.text(n, "version")
	if !ok {
		return "", nil
	}
	v, err := semver.StrictNewVersion(s)
	if err != nil {
		r.at(n, ruleSchema, fmt.Sprintf("%q is not a semantic version", s), "a version is three numbers, such as 1.4.0")
		return "", nil
	}
	return s, v
}

// padded makes 1.10 the version 1.10.0.
func padded(number string) string {
	if v, err := semver.NewVersion(number); err == nil {
		return v.String()
	}
	return "1.0.0"
}

func (r *reader) dependencies(n *yaml.Node) []setRange {
	if n.Kind != yaml.MappingNode {
		r.wrongType(n, "dependencies", "sets and ranges")
		return nil
	}
	var out []setRange
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if reason := setProblem(key.Value); key.Kind != yaml.ScalarNode || reason != "" {
			r.at(key, ruleAddress, fmt.Sprintf("%q is not the address of a set: %s", key.Value, reason), "a set's address is project/set, as in shared/voice")
			continue
		}
		if value.Kind == yaml.ScalarNode && (value.Tag == "!!int" || value.Tag == "!!float") {
			r.at(value, ruleSchema, fmt.Sprintf("a range must be text, and %s is a number", value.Value), fmt.Sprintf(`write %s: "^%s"`, key.Value, value.Value))
			continue
		}
		s, ok := r.text(value, "a range")
		if !ok {
			continue
		}
		c, err := semver.NewConstraint(s)
		if err != nil {
			r.at(value, ruleSchema, fmt.Sprintf("%q is not a range of versions", s), "ranges look like ^1.2, ~1.4.0 or >=1.2 <3")
			continue
		}
		out = append(out, setRange{Range{key.Value, s}, c, mark{key.Line, key.Column}, mark{value.Line, value.Column}})
	}
	return out
}
