package liquid

import (
	"errors"
	"maps"
	"slices"
	"strconv"
)

// A filter makes a value of a value. Its arguments are counted when a template is compiled.
type filter struct {
	name     string
	min, max int    // arguments
	named    string // the one argument that it takes by name
	do       func(v any, a arguments) (any, error)
}

// arguments are what stands behind a filter's colon, with the frame for what the filter must charge to the budget.
type arguments struct {
	*frame
	at     int
	values []any
	named  any
}

// get returns an argument, nil when it is not given.
func (a arguments) get(i int) any {
	if i < len(a.values) {
		return a.values[i]
	}
	return nil
}

func (a arguments) text(i int) (string, error) { return text(a.get(i)) }

// textOr and integerOr return an argument, or what it is when it is not given.
func (a arguments) textOr(i int, otherwise string) (string, error) {
	if i >= len(a.values) {
		return otherwise, nil
	}
	return a.text(i)
}

func (a arguments) integerOr(i int, otherwise int64) (int64, error) {
	if i >= len(a.values) {
		return otherwise, nil
	}
	return integer(a.values[i])
}

// apply runs the filter and charges for the size of what it works on and of what it makes.
func (f *filter) apply(v any, a arguments) (any, error) {
	price := cost(v)
	for _, x := range a.values {
		price += cost(x)
	}
	if err := a.work(price); err != nil {
		return nil, err
	}
	out, err := f.do(v, a)
	if err != nil {
		return nil, err
	}
	if s, ok := out.(string); ok && len(s) > a.output {
		return nil, errTooLong
	}
	return out, a.work(cost(out))
}

// cost is the number of steps that a value's size is worth.
func cost(v any) int {
	switch v := v.(type) {
	case string:
		return len(v) >> 7
	case []any:
		return len(v) >> 2
	case map[string]any:
		return len(v) >> 2
	}
	return 0
}

func (f *filter) arity() string {
	switch {
	case f.max == 0:
		return "no arguments"
	case f.min == f.max && f.min == 1:
		return "1 argument"
	case f.min == f.max:
		return strconv.Itoa(f.min) + " arguments"
	}
	return strconv.Itoa(f.min) + " to " + strconv.Itoa(f.max) + " arguments"
}

// filters are the dialect's filters by name; only read once they are made.
var filters = makeFilters()

func makeFilters() map[string]*filter {
	all := map[string]*filter{}
	for _, f := range slices.Concat(textFilters, numberFilters, arrayFilters, otherFilters) {
		all[f.name] = &f
	}
	return all
}

func filterHint(name string) string {
	switch name {
	case "inspect", "to_json", "dump", "tojson":
		return "write json"
	case "type":
		return "parameters have a declared type"
	case "length", "count":
		return "write size"
	case "strip_tags":
		return "write strip_html"
	case "trim":
		return "write strip"
	case "lower", "downcase_first":
		return "write downcase"
	case "upper":
		return "write upcase"
	case "filter":
		return "write where"
	}
	return nearestHint(name, slices.Sorted(maps.Keys(filters)))
}

var otherFilters = []filter{
	{name: "default", max: 1, named: "allow_false", do: withDefault},
	{name: "size", do: size},
	{name: "json", do: toJSON},
	{name: "date", min: 1, max: 1, do: formatDate},
}

func withDefault(v any, a arguments) (any, error) {
	missing := !truthy(v)
	if truthy(a.named) {
		missing = v == nil
	}
	if !missing && !special(emptySpecial).matches(v) {
		return v, nil
	}
	if len(a.values) == 0 {
		return "", nil
	}
	return a.values[0], nil
}

func size(v any, _ arguments) (any, error) {
	switch v.(type) {
	case nil, bool, float64:
		return int64(0), nil
	case int64:
		return nil, errors.New("a number has no size")
	}
	n, ok := member(v, "size", true)
	if !ok {
		return int64(0), nil
	}
	if m, is := v.(map[string]any); is {
		return int64(len(m)), nil
	}
	return n, nil
}
