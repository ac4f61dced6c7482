package prompt

import (
	"fmt"
	"regexp"
	"slices"

	"go.yaml.in/yaml/v3"
)

// parameterName is what Liquid can name.
var parameterName = regexp.MustCompile(`^[a-z_][a-z0-9_]*$`)

// Words that mean something to Liquid and cannot name a parameter.
var liquidWords = []string{"and", "blank", "contains", "empty", "false", "forloop", "nil", "null", "or", "tablerowloop", "true"}

var parameterTypes = []string{TypeString, TypeInteger, TypeNumber, TypeBoolean, TypeArray, TypeObject, TypeMessages}

// The constraint words of each type; type, description, default, enum and
// required go with all.
var constraintsOf = map[string][]string{
	TypeString:   {"minLength", "maxLength", "pattern", "enum"},
	TypeInteger:  {"minimum", "maximum", "enum"},
	TypeNumber:   {"minimum", "maximum", "enum"},
	TypeBoolean:  {"enum"},
	TypeArray:    {"items", "minItems", "maxItems", "enum"},
	TypeObject:   {"properties", "enum"},
	TypeMessages: {"minItems", "maxItems"},
}

var parameterKeys = []string{
	"type", "description", "required", "default", "enum", "minLength", "maxLength", "pattern", "minimum", "maximum",
	"items", "properties", "minItems", "maxItems",
}

// parameters decodes a mapping of parameters, in its order.
func (r *reader) parameters(n *yaml.Node, what string) []Parameter {
	if n.Kind != yaml.MappingNode {
		hint := ""
		if n.Kind == yaml.SequenceNode {
			hint = "write them as name: {type: string}"
		}
		r.at(n, ruleSchema, fmt.Sprintf("%s must be names and what each of them is, not %s", what, kindOf(n)), hint)
		return nil
	}
	out := make([]Parameter, 0, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Kind != yaml.ScalarNode {
			r.notText(key, "the name of a parameter")
			continue
		}
		switch name := key.Value; {
		case what != "parameters": // properties may be called anything
		case !parameterName.MatchString(name):
			r.at(key, ruleName, fmt.Sprintf("%q cannot name a parameter", name), "names of parameters are lower-case letters, digits and underscores, and do not begin with a digit")
			continue
		case slices.Contains(liquidWords, name):
			r.at(key, ruleName, fmt.Sprintf("%q is a word of Liquid and cannot name a parameter", name), "")
			continue
		}
		if p, ok := r.parameter(key.Value, value); ok {
			out = append(out, p)
		}
	}
	return out
}

func (r *reader) parameter(name string, n *yaml.Node) (Parameter, bool) {
	p := Parameter{Name: name}
	if n.Kind == yaml.ScalarNode {
		hint := ""
		if slices.Contains(parameterTypes, n.Value) {
			hint = fmt.Sprintf("write %s: {type: %s}", name, n.Value)
		} else if n.Tag == "!!null" {
			hint = fmt.Sprintf("write %s: {type: string}", name)
		}
		r.at(n, ruleSchema, fmt.Sprintf("the parameter %s must say its type", name), hint)
		return p, false
	}
	before := len(r.problems)
	o := r.object(n, "a parameter", false, parameterKeys...)
	if o == nil {
		return p, false
	}
	if t := o.need("type"); t != nil {
		s, ok := o.text("type")
		if i := slices.Index(parameterTypes, s); i >= 0 {
			s = parameterTypes[i] // the same memory in all prompts
		} else if ok {
			r.at(t, ruleSchema, fmt.Sprintf("unknown type %q", s)+didYouMean(s, slices.Values(parameterTypes)), "types are "+list(parameterTypes))
		}
		p.Type = s
	}
	p.Description, _ = o.text("description")
	if allowed, known := constraintsOf[p.Type]; known {
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i]
			switch key.Value {
			case "type", "description", "required", "default":
				continue
			}
			if slices.Contains(parameterKeys, key.Value) && !slices.Contains(allowed, key.Value) {
				r.at(key, ruleSchema, fmt.Sprintf("%s does not go with the type %s", key.Value, p.Type), fmt.Sprintf("a parameter of type %s takes %s", p.Type, list(allowed)))
			}
		}
	}
	p.MinLength, p.MaxLength = o.count("minLength"), o.count("maxLength")
	p.MinItems, p.MaxItems = o.count("minItems"), o.count("maxItems")
	p.Minimum, p.Maximum = o.number("minimum"), o.number("maximum")
	o.pattern(&p)
	if items := o.get("items"); items != nil {
		if item, ok := r.parameter("an item of "+name, items); ok {
			p.Items = &item
		}
	}
	if properties := o.get("properties"); properties != nil {
		p.Properties = r.parameters(properties, "properties")
	}
	p.Required = o.required()
	if len(r.problems) > before {
		return p, true // known by its name, but its values are not looked at
	}
	o.order("minLength", "maxLength", less(p.MaxLength, p.MinLength))
	o.order("minItems", "maxItems", less(p.MaxItems, p.MinItems))
	o.order("minimum", "maximum", p.Maximum != nil && p.Minimum != nil && *p.Maximum < *p.Minimum)
	o.enumeration(&p)
	o.defaultValue(&p)
	return p, true
}

func less(a, b *int) bool { return a != nil && b != nil && *a < *b }

func (o *object) order(low, high string, wrong bool) {
	if wrong {
		o.at(o.get(high), ruleSchema, fmt.Sprintf("%s is less than %s", high, low), "")
	}
}

func (o *object) pattern(p *Parameter) {
	n := o.get("pattern")
	if n == nil {
		return
	}
	s, ok := o.text("pattern")
	if !ok {
		return
	}
	re, err := compilePattern(s, &o.reader.patterns)
	if err != nil {
		o.at(n, ruleSchema, fmt.Sprintf("the pattern cannot be used: %s", err), "patterns are RE2: no look-around and no back references, and of an ordinary size")
		return
	}
	p.Pattern, p.pattern = s, re
}

// required says whether a value must be given.
func (o *object) required() bool {
	n := o.get("required")
	if n != nil && n.Kind == yaml.SequenceNode {
		o.at(n, ruleSchema, "required must be true or false", "say required: true at each property that must be there")
		return false
	}
	withDefault := o.get("default") != nil
	required := o.boolean("required", !withDefault)
	if required && withDefault {
		o.at(n, ruleSchema, "a parameter with a default is not required", "remove required or default")
		return false
	}
	return required
}

func (o *object) enumeration(p *Parameter) {
	n := o.get("enum")
	if n == nil {
		return
	}
	if n.Kind != yaml.SequenceNode {
		o.wrongType(n, "enum", "a list of values")
		return
	}
	if len(n.Content) == 0 {
		o.at(n, ruleSchema, "enum is empty", "list the values that are allowed")
	}
	var all []any
	for _, c := range n.Content {
		if v, ok := o.checked(c, *p, "a value of enum"); ok {
			if slices.ContainsFunc(all, func(e any) bool { return equalJSON(e, v) }) {
				o.at(c, ruleSchema, fmt.Sprintf("%s stands in enum twice", c.Value), "")
			}
			all = append(all, v)
		}
	}
	p.Enum = all
}

func (o *object) defaultValue(p *Parameter) {
	if n := o.get("default"); n != nil {
		if v, ok := o.checked(n, *p, "the default"); ok {
			p.Default = v
		}
	}
}

// checked decodes a value of a parameter that stands in the file.
func (r *reader) checked(n *yaml.Node, p Parameter, what string) (any, bool) {
	v, ok := r.value(n)
	if !ok {
		return nil, false
	}
	if v == nil {
		r.at(n, ruleSchema, what+" is empty", "leave it out; an optional parameter without a default is nil")
		return nil, false
	}
	out, bad := p.accept(v, "")
	if bad == nil {
		return out, true
	}
	hint := bad.advice
	if p.Type == TypeString && n.Kind == yaml.ScalarNode && !plainText(n) {
		hint = fmt.Sprintf("put it in quotes: %q", n.Value)
	}
	r.at(n, ruleSchema, fmt.Sprintf("%s %s", what, bad.message), hint)
	return nil, false
}
