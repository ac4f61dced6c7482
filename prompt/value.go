package prompt

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"unicode/utf8"
)

// Values are bounded like files: nothing that a caller passes by mistake, a
// value that contains itself for one, may keep a rendering busy.
const maxValueDepth = 64

// plain copies a value into the types that JSON decodes to, with int for whole
// numbers, or says why it cannot.
func plain(v any, depth int) (any, string) {
	switch v := v.(type) {
	case nil, string, bool, int:
		return v, ""
	case Message:
		return map[string]any{"role": v.Role, "content": v.Content}, ""
	case json.Number:
		if i, err := v.Int64(); err == nil {
			return int(i), ""
		}
		f, err := v.Float64()
		if err != nil {
			return nil, "is not a number"
		}
		return plain(f, depth)
	}
	if depth == 0 {
		return nil, fmt.Sprintf("is nested more than %d levels deep", maxValueDepth)
	}
	r := reflect.ValueOf(v)
	switch r.Kind() {
	case reflect.String:
		return r.String(), ""
	case reflect.Bool:
		return r.Bool(), ""
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return int(r.Int()), ""
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		if r.Uint() > math.MaxInt64 {
			return nil, "is a number that is too large"
		}
		return int(r.Uint()), ""
	case reflect.Float32, reflect.Float64:
		f := r.Float()
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return nil, "is not a finite number"
		}
		return f, ""
	case reflect.Pointer, reflect.Interface:
		if r.IsNil() {
			return nil, ""
		}
		return plain(r.Elem().Interface(), depth-1)
	case reflect.Slice, reflect.Array:
		if r.Type().Elem().Kind() == reflect.Uint8 {
			return nil, "must be text, not bytes"
		}
		out := make([]any, r.Len())
		for i := range out {
			item, err := plain(r.Index(i).Interface(), depth-1)
			if err != "" {
				return nil, err
			}
			out[i] = item
		}
		return out, ""
	case reflect.Map:
		if r.Type().Key().Kind() != reflect.String {
			return nil, "must be an object whose keys are text"
		}
		out := make(map[string]any, r.Len())
		for each := r.MapRange(); each.Next(); {
			item, err := plain(each.Value().Interface(), depth-1)
			if err != "" {
				return nil, err
			}
			out[each.Key().String()] = item
		}
		return out, ""
	}
	return nil, fmt.Sprintf("cannot be a value of the type %s", r.Type())
}

// equalJSON reports whether two values in their form are the same.
func equalJSON(a, b any) bool {
	if i, ok := a.(int); ok {
		a = float64(i)
	}
	if i, ok := b.(int); ok {
		b = float64(i)
	}
	return reflect.DeepEqual(a, b)
}

// describe says what a value in its form is.
func describe(v any) string {
	switch v := v.(type) {
	case nil:
		return "nothing"
	case string:
		return "text"
	case bool:
		return "a boolean"
	case int:
		return "a number"
	case float64:
		if v != math.Trunc(v) {
			return show(v)
		}
		return "a number"
	case []any:
		return "a list"
	}
	return "an object"
}

// show writes a value for a message, shortened.
func show(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return describe(v)
	}
	return clip(string(text), 60)
}

// clip shortens a text to some characters.
func clip(s string, most int) string {
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most-1]) + "…"
}
