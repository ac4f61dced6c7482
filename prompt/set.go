package prompt

import (
	"fmt"

	"github.com/Masterminds/semver/v3"
	"go.yaml.in/yaml/v3"
)

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
	if n := o.get("description"); n != nil {
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
	if n := o.get("id"); n != nil {
		s.idPlace = mark{n.Line, n.Column}
	}
	o.texts("tags")
	o.free("metadata")
	o.extra()
	if n := o.get("version"); n != nil {
		s.versionText, s.version = o.version(n)
	}
	if s.locked && o.get("version") == nil {
		r.at(o.get("locked"), ruleSchema, "a locked set needs a version", "a locked set changes only together with its version: add version: 1.0.0")
	}
	if n := o.get("dependencies"); n != nil {
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
