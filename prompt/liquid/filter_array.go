package liquid

import (
	"errors"
	"math/big"
	"slices"
	"strconv"
	"strings"
)

var arrayFilters = []filter{
	{name: "compact", max: 1, do: compactArray},
	{name: "concat", min: 1, max: 1, do: concat},
	{name: "find", min: 1, max: 2, do: find(func(item any, _ int) any { return item }, nil)},
	{name: "find_index", min: 1, max: 2, do: find(func(_ any, i int) any { return int64(i) }, nil)},
	{name: "first", do: firstItem},
	{name: "has", min: 1, max: 2, do: find(func(any, int) any { return true }, false)},
	{name: "join", max: 1, do: join},
	{name: "last", do: lastItem},
	{name: "map", min: 1, max: 1, do: mapArray},
	{name: "reject", min: 1, max: 2, do: where(false)},
	{name: "reverse", do: reverse},
	{name: "sort", max: 1, do: sorting(naturalOrder)},
	{name: "sort_natural", max: 1, do: sorting(caselessOrder)},
	{name: "sum", max: 1, do: sum},
	{name: "uniq", max: 1, do: uniq},
	{name: "where", min: 1, max: 2, do: where(true)},
}

// items are the items of a value as the filters for arrays see them: arrays in arrays are laid flat, a range counts
// up, nil has no items, and any other value is an item itself.
func (a arguments) items(v any) ([]any, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case []any:
		list, err := a.flatten(make([]any, 0, len(v)), v, 0)
		return list, err
	case span:
		n := v.size()
		if n > int64(max(a.steps, 0)) {
			return nil, errSteps
		}
		if err := a.work(int(n)); err != nil {
			return nil, err
		}
		list := make([]any, n)
		for i := range list {
			list[i] = v.first + int64(i)
		}
		return list, nil
	}
	return []any{v}, nil
}

func (a arguments) flatten(to, list []any, depth int) ([]any, error) {
	if depth > maxValueDepth {
		return nil, errTooDeep
	}
	if err := a.work(len(list) >> 2); err != nil {
		return nil, err
	}
	for _, x := range list {
		x, err := normal(x)
		if err != nil {
			return nil, err
		}
		if inner, ok := x.([]any); ok {
			if to, err = a.flatten(to, inner, depth+1); err != nil {
				return nil, err
			}
			continue
		}
		to = append(to, x)
	}
	return to, nil
}

// property is the value of a key of an item, nil where an object has none.
func property(item, key any) (any, error) {
	m, ok := item.(map[string]any)
	if !ok {
		return nil, errors.New("cannot take a key of " + kindOf(item))
	}
	name, ok := key.(string)
	if !ok {
		return nil, nil
	}
	return normal(m[name])
}

func join(v any, a arguments) (any, error) {
	list, err := a.items(v)
	if err != nil {
		return nil, err
	}
	glue, err := a.textOr(0, " ")
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	for i, x := range list {
		s, err := text(x)
		if err != nil {
			return nil, err
		}
		if b.Len()+len(s)+len(glue) > a.output {
			return nil, errTooLong
		}
		if i > 0 {
			b.WriteString(glue)
		}
		b.WriteString(s)
	}
	return b.String(), nil
}

func concat(v any, a arguments) (any, error) {
	list, err := a.items(v)
	if err != nil {
		return nil, err
	}
	more, ok := a.get(0).([]any)
	if !ok {
		return nil, errors.New("its argument must be an array, not " + kindOf(a.get(0)))
	}
	if err := a.work((len(list) + len(more)) >> 2); err != nil {
		return nil, err
	}
	return slices.Concat([]any{}, list, more), nil
}

func firstItem(v any, _ arguments) (any, error) {
	switch v := v.(type) {
	case []any:
		return normal(at(v, 0))
	case map[string]any:
		return firstOf(v), nil
	case span:
		return v.first, nil
	case string:
		return nil, errNoItems
	}
	return nil, nil
}

// errNoItems stands where the language's versions disagree: a text has no items, or its characters.
var errNoItems = errors.New("a text has no items; write slice: 0 or slice: -1 for a character")

func lastItem(v any, _ arguments) (any, error) {
	switch v := v.(type) {
	case []any:
		return normal(at(v, -1))
	case span:
		return v.last, nil
	case string:
		return nil, errNoItems
	}
	return nil, nil
}

func mapArray(v any, a arguments) (any, error) {
	list, err := a.items(v)
	if err != nil {
		return nil, err
	}
	out := make([]any, len(list))
	for i, x := range list {
		if x == nil {
			continue
		}
		if out[i], err = property(x, a.get(0)); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func reverse(v any, a arguments) (any, error) {
	list, err := a.items(v)
	list = slices.Clone(list)
	slices.Reverse(list)
	return orEmpty(list), err
}

func orEmpty(list []any) []any {
	if list == nil {
		return []any{}
	}
	return list
}

func compactArray(v any, a arguments) (any, error) {
	list, err := a.items(v)
	if err != nil {
		return nil, err
	}
	out := []any{}
	for _, x := range list {
		y := x
		if len(a.values) > 0 && a.values[0] != nil {
			if y, err = property(x, a.values[0]); err != nil {
				return nil, err
			}
		}
		if y != nil {
			out = append(out, x)
		}
	}
	return out, nil
}

// matching tells whether an item has the key of the first argument, with the value of the second if that is given.
func (a arguments) matching(item any) (bool, error) {
	p, err := property(item, a.get(0))
	if err != nil {
		return false, err
	}
	if a.get(1) == nil {
		return truthy(p), nil
	}
	return equal(a.frame, p, a.get(1), 0)
}

func where(keep bool) func(any, arguments) (any, error) {
	return func(v any, a arguments) (any, error) {
		list, err := a.items(v)
		if err != nil {
			return nil, err
		}
		out := []any{}
		for _, x := range list {
			is, err := a.matching(x)
			if err != nil {
				return nil, err
			}
			if is == keep {
				out = append(out, x)
			}
		}
		return out, nil
	}
}

func find(found func(item any, i int) any, none any) func(any, arguments) (any, error) {
	return func(v any, a arguments) (any, error) {
		list, err := a.items(v)
		if err != nil {
			return nil, err
		}
		for i, x := range list {
			is, err := a.matching(x)
			if err != nil {
				return nil, err
			}
			if is {
				return found(x, i), nil
			}
		}
		return none, nil
	}
}

// sorting sorts items, or objects by a key; nil comes last, equal items keep their order.
func sorting(compare func(a, b any) (int, error)) func(any, arguments) (any, error) {
	return func(v any, a arguments) (any, error) {
		list, err := a.items(v)
		if err != nil {
			return nil, err
		}
		if err := a.work(len(list)); err != nil {
			return nil, err
		}
		type pair struct{ key, item any }
		pairs := make([]pair, len(list))
		for i, x := range list {
			pairs[i] = pair{x, x}
			if len(a.values) > 0 && a.values[0] != nil {
				if pairs[i].key, err = property(x, a.values[0]); err != nil {
					return nil, err
				}
			}
			if err := a.work(cost(pairs[i].key)); err != nil {
				return nil, err
			}
		}
		var fault error
		merge(pairs, func(x, y pair) bool {
			n, err := compare(x.key, y.key)
			if fault == nil {
				fault = err
			}
			return n <= 0
		})
		out := make([]any, len(list))
		for i, p := range pairs {
			out[i] = p.item
		}
		return out, fault
	}
}

// merge sorts by merging, stably when before is an order. caselessOrder is none among nils, and what becomes of them
// then is what Ruby makes of them, with the same steps.
func merge[T any](s []T, before func(a, b T) bool) {
	if len(s) < 2 {
		return
	}
	left, right := slices.Clone(s[:len(s)/2]), s[len(s)/2:]
	merge(left, before)
	merge(right, before)
	for i := range s {
		switch {
		case len(left) == 0:
			return // the others are in place
		case len(right) == 0 || before(left[0], right[0]):
			s[i], left = left[0], left[1:]
		default:
			s[i], right = right[0], right[1:]
		}
	}
}

func nilLast(a, b any) (int, bool) {
	switch {
	case a == nil && b == nil:
		return 0, true
	case a == nil:
		return 1, true
	case b == nil:
		return -1, true
	}
	return 0, false
}

func naturalOrder(a, b any) (int, error) {
	if n, ok := nilLast(a, b); ok {
		return n, nil
	}
	n, ok, err := order(a, b)
	if err == nil && !ok {
		if x, is := a.(bool); is {
			if y, is := b.(bool); is && x == y {
				return 0, nil
			}
		}
		err = errors.New("cannot sort " + kindOf(a) + " and " + kindOf(b))
	}
	return n, err
}

// caselessOrder is an order only where no two keys are nil: Ruby says of nil that it comes behind nil.
func caselessOrder(a, b any) (int, error) {
	if a == nil {
		return 1, nil
	}
	if b == nil {
		return -1, nil
	}
	s, err := text(a)
	if err != nil {
		return 0, err
	}
	t, err := text(b)
	return strings.Compare(lowerASCII(s), lowerASCII(t)), err
}

func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

func sum(v any, a arguments) (any, error) {
	list, err := a.items(v)
	if err != nil {
		return nil, err
	}
	total, exact := new(big.Rat), true
	for _, x := range list {
		if len(a.values) > 0 && a.values[0] != nil {
			if x, err = property(x, a.values[0]); err != nil {
				return nil, err
			}
		}
		n, err := number(x)
		if err != nil {
			return nil, err
		}
		_, whole := n.(int64)
		exact = exact && whole
		total.Add(total, decimal(n))
	}
	if exact {
		return fromInteger(total.Num())
	}
	return fromDecimal(total)
}

// uniq keeps the first of equal items; 1 and 1.0 are not equal here.
func uniq(v any, a arguments) (any, error) {
	list, err := a.items(v)
	if err != nil {
		return nil, err
	}
	seen := make(map[string]bool, len(list))
	out := []any{}
	for _, x := range list {
		y := x
		if len(a.values) > 0 && a.values[0] != nil {
			if y, err = property(x, a.values[0]); err != nil {
				return nil, err
			}
		}
		key, err := inspect(y)
		if err != nil {
			return nil, err
		}
		if err := a.work(len(key) >> 8); err != nil {
			return nil, err
		}
		if s, ok := y.(string); ok {
			key = strconv.Quote(s)
		}
		if !seen[key] {
			seen[key] = true
			out = append(out, x)
		}
	}
	return out, nil
}
