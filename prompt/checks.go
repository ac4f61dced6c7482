package prompt

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A Check is what an organisation says about a rule.
type Check struct {
	Level string // error, warning or off; "" is the rule's own
	// Except are the addresses that the rule does not look at: of prompts, or of
	// the sets and projects they are in. A * stands for any part of a name.
	Except []string
}

// exceptionForm is what an exception looks like: one to three names.
var exceptionForm = regexp.MustCompile(`^[a-z0-9_.*-]{1,101}(/[a-z0-9_.*-]{1,101}){0,2}$`)

const maxExceptions = 1000 // of one rule

// checks decodes what the organisation says about the rules.
func (o *object) checks() map[string]Check {
	n := o.get("checks")
	if n == nil {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		o.wrongType(n, "checks", "keys and values")
		return nil
	}
	out := map[string]Check{}
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
		out[id] = o.check(id, value)
	}
	return out
}

func (r *reader) check(id string, n *yaml.Node) Check {
	if n.Kind != yaml.MappingNode {
		return Check{Level: r.level(id, n)}
	}
	var c Check
	o := r.object(n, "a check", false, "level", "except")
	if level := o.get("level"); level != nil {
		c.Level = r.level(id, level)
	}
	n = o.get("except")
	switch {
	case n == nil:
		return c
	case n.Kind != yaml.SequenceNode:
		r.wrongType(n, "except", "a list")
		return c
	case len(n.Content) > maxExceptions:
		r.at(n, ruleSchema, fmt.Sprintf("%s has more than %d exceptions", id, maxExceptions), "except a set or a project as a whole")
		return c
	}
	for _, item := range n.Content {
		e, ok := r.text(item, "an exception")
		if ok && (!exceptionForm.MatchString(e) || strings.HasSuffix(e, Suffix)) {
			hint := "write a project, project/set or project/set/name; a * stands for any part of a name"
			if strings.HasSuffix(e, Suffix) {
				hint = "leave out " + Suffix
			}
			r.at(item, ruleSchema, fmt.Sprintf("%q is not a pattern of addresses", clip(e, 200)), hint)
		}
		c.Except = append(c.Except, e)
	}
	return c
}

func (r *reader) level(id string, n *yaml.Node) string {
	switch level := n.Value; {
	case n.Kind == yaml.ScalarNode && (level == "error" || level == "warning" || level == "off"):
		return level
	}
	r.at(n, ruleSchema, fmt.Sprintf("the level of %s must be error, warning or off", id), "")
	return ""
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

// apply gives a problem the level that the organisation wants, and reports
// whether it wants to hear of it.
func (p *Problem) apply(checks map[string]Check) bool {
	c := checks[p.Rule]
	p.Level = rules[p.Rule].level
	switch c.Level {
	case "off":
		return false
	case "error":
		p.Level = Error
	case "warning":
		p.Level = Warning
	}
	return !slices.ContainsFunc(c.Except, func(pattern string) bool { return covers(pattern, p.Path) })
}

// covers reports whether an exception is about a file: one of a project is
// about all of its sets, one of a set about all of its prompts.
func covers(pattern, file string) bool {
	names := strings.Split(strings.TrimSuffix(file, Suffix), "/")
	if folder, name := split(file); name == projectFile || name == setFile {
		names = strings.Split(folder, "/")
	}
	parts := strings.Split(pattern, "/")
	if len(parts) > len(names) {
		return false
	}
	for i, part := range parts {
		if ok, _ := path.Match(part, names[i]); !ok {
			return false
		}
	}
	return true
}
