package prompt

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// refusal says why a value is not one that a parameter takes.
type refusal struct {
	reason  string // ReasonType or ReasonConstraint
	message string // follows the name of the value: "must be text, not a number"
	advice  string
}

func wrong(format string, args ...any) *refusal {
	return &refusal{reason: ReasonType, message: fmt.Sprintf(format, args...)}
}

func outside(format string, args ...any) *refusal {
	return &refusal{reason: ReasonConstraint, message: fmt.Sprintf(format, args...)}
}

// accept checks a value and returns it in the form that templates see: string,
// bool, int, float64, []any, map[string]any, and []Message as a list of maps.
// where is the way to it inside of an argument: "" or "[2].name".
func (p *Parameter) accept(v any, where string) (any, *refusal) {
	at := ""
	if where != "" {
		at = where + " "
	}
	if p.Type == TypeMessages {
		messages, bad := p.acceptMessages(v)
		if bad != nil {
			return nil, bad
		}
		return asValues(messages), nil
	}
	v, err := plain(v, maxValueDepth)
	if err != "" {
		return nil, wrong("%s%s", at, err)
	}
	var bad *refusal
	switch p.Type {
	case TypeString:
		s, ok := v.(string)
		if !ok {
			return nil, wrong("%smust be text, not %s", at, describe(v))
		}
		bad = p.checkString(s, at)
	case TypeInteger:
		if f, ok := v.(float64); ok && f == math.Trunc(f) && math.Abs(f) < 1<<53 {
			v = int(f) // what a JSON decoder makes of a whole number
		}
		i, ok := v.(int)
		if !ok {
			return nil, wrong("%smust be a whole number, not %s", at, describe(v))
		}
		bad = p.checkNumber(float64(i), at)
	case TypeNumber:
		switch n := v.(type) {
		case int:
			bad = p.checkNumber(float64(n), at)
		case float64:
			bad = p.checkNumber(n, at)
		default:
			return nil, wrong("%smust be a number, not %s", at, describe(v))
		}
	case TypeBoolean:
		if _, ok := v.(bool); !ok {
			return nil, wrong("%smust be true or false, not %s", at, describe(v))
		}
	case TypeArray:
		s, ok := v.([]any)
		if !ok {
			return nil, wrong("%smust be a list, not %s", at, describe(v))
		}
		bad = p.checkItems(s, where)
	case TypeObject:
		m, ok := v.(map[string]any)
		if !ok {
			return nil, wrong("%smust be an object, not %s", at, describe(v))
		}
		bad = p.checkProperties(m, where)
	}
	if bad == nil && p.Enum != nil && !slices.ContainsFunc(p.Enum, func(e any) bool { return equalJSON(e, v) }) {
		bad = outside("%sis %s, which is not one of %s", at, show(v), p.choices())
		if s, ok := v.(string); ok {
			bad.advice = strings.TrimSpace(strings.Trim(didYouMean(s, p.words()), " ()"))
		}
	}
	if bad != nil {
		return nil, bad
	}
	return v, nil
}

// words are the texts of the enumeration.
func (p *Parameter) words() func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for _, e := range p.Enum {
			if s, ok := e.(string); ok && !yield(s) {
				return
			}
		}
	}
}

func (p *Parameter) choices() string {
	var all []string
	for _, e := range p.Enum {
		all = append(all, show(e))
	}
	return list(all)
}

func (p *Parameter) checkString(s, at string) *refusal {
	n := -1
	if p.MinLength != nil || p.MaxLength != nil {
		n = utf8.RuneCountInString(s)
	}
	switch {
	case !utf8.ValidString(s):
		return wrong("%sis not UTF-8", at)
	case p.MinLength != nil && n < *p.MinLength:
		return outside("%shas %s, fewer than %d", at, counted(n, "character"), *p.MinLength)
	case p.MaxLength != nil && n > *p.MaxLength:
		return outside("%shas %s, more than %d", at, counted(n, "character"), *p.MaxLength)
	case p.pattern != nil && !p.pattern.MatchString(s):
		return outside("%sdoes not match the pattern %s", at, p.Pattern)
	}
	return nil
}

func (p *Parameter) checkNumber(f float64, at string) *refusal {
	switch {
	case p.Minimum != nil && f < *p.Minimum:
		return outside("%sis %v, less than %v", at, f, *p.Minimum)
	case p.Maximum != nil && f > *p.Maximum:
		return outside("%sis %v, more than %v", at, f, *p.Maximum)
	}
	return nil
}

func (p *Parameter) checkCount(n int, noun, at string) *refusal {
	switch {
	case p.MinItems != nil && n < *p.MinItems:
		return outside("%shas %s, fewer than %d", at, counted(n, noun), *p.MinItems)
	case p.MaxItems != nil && n > *p.MaxItems:
		return outside("%shas %s, more than %d", at, counted(n, noun), *p.MaxItems)
	}
	return nil
}

// checkItems checks a list and puts its items into their form.
func (p *Parameter) checkItems(s []any, where string) *refusal {
	at := ""
	if where != "" {
		at = where + " "
	}
	if bad := p.checkCount(len(s), "item", at); bad != nil || p.Items == nil {
		return bad
	}
	for i := range s {
		v, bad := p.Items.accept(s[i], fmt.Sprintf("%s[%d]", where, i))
		if bad != nil {
			return bad
		}
		s[i] = v
	}
	return nil
}

// checkProperties checks an object, puts its values into their form and adds
// what it may leave out.
func (p *Parameter) checkProperties(m map[string]any, where string) *refusal {
	if p.Properties == nil {
		return nil
	}
	at := ""
	if where != "" {
		at = where + " "
	}
	known := make(map[string]bool, len(p.Properties))
	for i := range p.Properties {
		known[p.Properties[i].Name] = true
	}
	unknown := ""
	for key := range m {
		if !known[key] && (unknown == "" || key < unknown) {
			unknown = key
		}
	}
	if unknown != "" {
		return wrong("%shas an unknown property %q%s", at, unknown, didYouMean(unknown, names(p.Properties)))
	}
	for i := range p.Properties {
		q := &p.Properties[i]
		v, given := m[q.Name]
		if !given || v == nil {
			if q.Required {
				return wrong("%slacks the property %q", at, q.Name)
			}
			m[q.Name] = q.Default
			continue
		}
		v, bad := q.accept(v, where+"."+q.Name)
		if bad != nil {
			return bad
		}
		m[q.Name] = v
	}
	return nil
}

// acceptMessages checks messages to insert: roles and contents are text.
func (p *Parameter) acceptMessages(v any) ([]Message, *refusal) {
	messages, ok := v.([]Message)
	if !ok {
		var bad *refusal
		if messages, bad = readMessages(v); bad != nil {
			return nil, bad
		}
	}
	if bad := p.checkCount(len(messages), "message", ""); bad != nil {
		return nil, bad
	}
	for i, m := range messages {
		switch {
		case !slices.Contains(roles, m.Role):
			return nil, outside("[%d].role is %q, which is not one of %s", i, m.Role, list(roles))
		case !utf8.ValidString(m.Content):
			return nil, wrong("[%d].content is not UTF-8", i)
		}
	}
	return messages, nil
}

// readMessages reads messages from lists and maps.
func readMessages(v any) ([]Message, *refusal) {
	v, err := plain(v, maxValueDepth)
	if err != "" {
		return nil, wrong("%s", err)
	}
	values, ok := v.([]any)
	if !ok {
		return nil, wrong("must be a list of messages, not %s", describe(v))
	}
	messages := make([]Message, len(values))
	for i := range values {
		m, ok := values[i].(map[string]any)
		if !ok {
			return nil, wrong("[%d] must be a message, not %s", i, describe(values[i]))
		}
		for _, key := range []string{"role", "content"} {
			switch text := m[key].(type) {
			case string:
				if key == "role" {
					messages[i].Role = text
				} else {
					messages[i].Content = text
				}
			case nil:
				return nil, wrong("[%d] lacks %q", i, key)
			default:
				return nil, wrong("[%d].%s must be text, not %s", i, key, describe(text))
			}
		}
		if len(m) > 2 {
			return nil, wrong("[%d] has more than role and content", i)
		}
	}
	return messages, nil
}

// asValues gives messages the form in which templates see them.
func asValues(messages []Message) []any {
	out := make([]any, len(messages))
	for i, m := range messages {
		out[i] = map[string]any{"role": m.Role, "content": m.Content}
	}
	return out
}
