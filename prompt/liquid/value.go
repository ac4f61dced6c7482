package liquid

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Inside a rendering a value is one of nil, bool, int64, float64, string, []any, map[string]any, time.Time, span and
// *loop. Values of the caller become one of these when they are looked at, see normal; they are never written to.

// A special is the word empty or blank in a comparison.
type special string

const (
	emptySpecial special = "empty"
	blankSpecial special = "blank"
)

func (s special) matches(v any) bool {
	switch v := v.(type) {
	case string:
		if s == blankSpecial {
			v = strings.Trim(v, space)
		}
		return v == ""
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	case nil:
		return s == blankSpecial
	case bool:
		return s == blankSpecial && !v
	}
	return false
}

// A span is the range of whole numbers from the first to the last, both included.
type span struct{ first, last int64 }

func (r span) size() int64 {
	if r.last < r.first {
		return 0
	}
	if n := uint64(r.last) - uint64(r.first); n < math.MaxInt64 {
		return int64(n) + 1
	}
	return math.MaxInt64
}

func newSpan(from, to any) (span, error) {
	a, err := bound(from)
	if err != nil {
		return span{}, err
	}
	b, err := bound(to)
	return span{a, b}, err
}

func bound(v any) (int64, error) {
	switch v := v.(type) {
	case int64:
		return v, nil
	case nil:
		return 0, nil
	case string:
		return leadingInteger(v)
	}
	return 0, errors.New("a range goes from one whole number to another, not to " + kindOf(v))
}

const maxValueDepth = 64 // arrays and maps in one another

var errTooDeep = errors.New("arrays and maps are nested too deeply")

// normal makes a caller's value one of the kinds above, only its outermost level.
func normal(v any) (any, error) {
	switch v := v.(type) {
	case nil, bool, int64, float64, string, []any, map[string]any, time.Time, span, *loop:
		return v, nil
	case int:
		return int64(v), nil
	case float32:
		return strconv.ParseFloat(strconv.FormatFloat(float64(v), 'g', -1, 32), 64)
	case []byte:
		return string(v), nil
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n, nil
		}
		return v.Float64()
	}
	r := reflect.ValueOf(v)
	switch r.Kind() {
	case reflect.Bool:
		return r.Bool(), nil
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Int:
		return r.Int(), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		if n := r.Uint(); n <= math.MaxInt64 {
			return int64(n), nil
		}
		return nil, errTooLarge
	case reflect.Float32, reflect.Float64:
		return r.Float(), nil
	case reflect.String:
		return r.String(), nil
	case reflect.Pointer, reflect.Interface:
		if r.IsNil() {
			return nil, nil
		}
		return normal(r.Elem().Interface())
	case reflect.Slice, reflect.Array:
		list := make([]any, r.Len())
		for i := range list {
			list[i] = r.Index(i).Interface()
		}
		return list, nil
	case reflect.Map:
		if r.Type().Key().Kind() == reflect.String {
			m := make(map[string]any, r.Len())
			for it := r.MapRange(); it.Next(); {
				m[it.Key().String()] = it.Value().Interface()
			}
			return m, nil
		}
	}
	return nil, fmt.Errorf("a template cannot work with a Go %T", v)
}

// kindOf names the kind of a value for an author.
func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "nil"
	case bool:
		return "a boolean"
	case int64, float64:
		return "a number"
	case string:
		return "a text"
	case []any:
		return "an array"
	case map[string]any:
		return "an object"
	case span:
		return "a range"
	case time.Time:
		return "a time"
	}
	return "a loop"
}

func truthy(v any) bool { return v != nil && v != false }

// member looks a key up in a value. A position outside an array is nil, a missing key is not ok.
func member(v, key any, command bool) (any, bool) {
	switch v := v.(type) {
	case map[string]any:
		name, ok := key.(string)
		if !ok {
			return nil, false
		}
		if x, ok := v[name]; ok {
			return x, true
		}
		if command && name == "size" {
			return int64(len(v)), true
		}
		if command && name == "first" {
			return firstOf(v), true
		}
	case []any:
		if i, ok := key.(int64); ok {
			return at(v, i), true
		}
		if command {
			switch key {
			case "size":
				return int64(len(v)), true
			case "first":
				return at(v, 0), true
			case "last":
				return at(v, -1), true
			}
		}
	case string:
		if command && key == "size" {
			return int64(utf8.RuneCountInString(v)), true
		}
	case span:
		if command {
			switch key {
			case "size":
				return v.size(), true
			case "first":
				return v.first, true
			case "last":
				return v.last, true
			}
		}
	case *loop:
		return v.member(key)
	}
	return nil, false
}

func at(list []any, i int64) any {
	if i < 0 {
		i += int64(len(list))
	}
	if i < 0 || i >= int64(len(list)) {
		return nil
	}
	return list[i]
}

func firstOf(m map[string]any) any {
	if len(m) == 0 {
		return nil
	}
	key := slices.Min(slices.Collect(maps.Keys(m)))
	return []any{key, m[key]}
}

func sortedKeys(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }

// equal is ==: numbers by value, all else by kind and content.
func equal(f *frame, a, b any, depth int) (bool, error) {
	if depth > maxValueDepth {
		return false, errTooDeep
	}
	a, err := normal(a)
	if err != nil {
		return false, err
	}
	if b, err = normal(b); err != nil {
		return false, err
	}
	switch x := a.(type) {
	case int64, float64:
		switch b.(type) {
		case int64, float64:
			n, ok, _ := order(a, b)
			return ok && n == 0, nil
		}
		return false, nil
	case []any:
		y, ok := b.([]any)
		if !ok || len(x) != len(y) {
			return false, nil
		}
		if err := f.work(len(x)); err != nil {
			return false, err
		}
		for i := range x {
			if is, err := equal(f, x[i], y[i], depth+1); err != nil || !is {
				return false, err
			}
		}
		return true, nil
	case map[string]any:
		y, ok := b.(map[string]any)
		if !ok || len(x) != len(y) {
			return false, nil
		}
		if err := f.work(len(x)); err != nil {
			return false, err
		}
		for k, v := range x {
			w, ok := y[k]
			if !ok {
				return false, nil
			}
			if is, err := equal(f, v, w, depth+1); err != nil || !is {
				return false, err
			}
		}
		return true, nil
	case time.Time:
		y, ok := b.(time.Time)
		return ok && x.Equal(y), nil
	case string:
		y, ok := b.(string)
		if !ok || len(x) != len(y) {
			return false, nil
		}
		return x == y, f.work(cost(x))
	}
	return a == b, nil
}

// order compares numbers, texts or times; ok is false when the two have no order.
func order(a, b any) (n int, ok bool, err error) {
	switch x := a.(type) {
	case int64:
		switch y := b.(type) {
		case int64:
			return compareOrdered(x, y), true, nil
		case float64:
			return compareFloats(x, y)
		}
	case float64:
		switch y := b.(type) {
		case int64:
			n, ok, err := compareFloats(y, x)
			return -n, ok, err
		case float64:
			return compareOrdered(x, y), !math.IsNaN(x) && !math.IsNaN(y), nil
		}
	case string:
		if y, ok := b.(string); ok {
			return strings.Compare(x, y), true, nil
		}
	case time.Time:
		if y, ok := b.(time.Time); ok {
			return x.Compare(y), true, nil
		}
	}
	if isComparable(a) && isComparable(b) {
		return 0, false, fmt.Errorf("cannot compare %s with %s", kindOf(a), kindOf(b))
	}
	return 0, false, nil
}

func isComparable(v any) bool {
	switch v.(type) {
	case int64, float64, string, time.Time:
		return true
	}
	return false
}

// contains asks whether a text has a part, an array an item, an object a key or a range a number.
func contains(f *frame, whole, part any) (bool, error) {
	if !truthy(whole) || !truthy(part) {
		return false, nil
	}
	switch w := whole.(type) {
	case string:
		s, err := text(part)
		return strings.Contains(w, s), err
	case []any:
		if err := f.work(len(w)); err != nil {
			return false, err
		}
		for _, x := range w {
			if is, err := equal(f, x, part, 0); err != nil || is {
				return is, err
			}
		}
	case map[string]any:
		if key, ok := part.(string); ok {
			_, is := w[key]
			return is, nil
		}
	case span:
		n, ok, _ := order(part, w.first)
		m, _, _ := order(part, w.last)
		return ok && n >= 0 && m <= 0, nil
	}
	return false, nil
}
