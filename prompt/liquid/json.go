package liquid

import (
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// toJSON writes a value as compact JSON: keys sorted, nothing escaped but what JSON asks for.
func toJSON(v any, a arguments) (any, error) {
	var b strings.Builder
	err := writeJSON(&b, v, a, 0)
	return b.String(), err
}

func writeJSON(b *strings.Builder, v any, a arguments, depth int) error {
	if depth > maxValueDepth {
		return errTooDeep
	}
	if b.Len() > a.output {
		return errTooLong
	}
	v, err := normal(v)
	if err != nil {
		return err
	}
	switch v := v.(type) {
	case nil:
		b.WriteString("null")
	case bool:
		b.WriteString(strconv.FormatBool(v))
	case int64:
		b.WriteString(strconv.FormatInt(v, 10))
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return errNotFinite
		}
		s, err := json.Marshal(v)
		if err == nil && !strings.ContainsAny(string(s), ".e") {
			s = append(s, ".0"...)
		}
		b.Write(s)
		return err
	case string:
		writeJSONText(b, v)
	case time.Time:
		writeJSONText(b, v.Format(time.RFC3339Nano))
	case []any:
		b.WriteByte('[')
		for i, x := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := writeJSON(b, x, a, depth+1); err != nil {
				return err
			}
		}
		b.WriteByte(']')
	case map[string]any:
		b.WriteByte('{')
		for i, k := range sortedKeys(v) {
			if i > 0 {
				b.WriteByte(',')
			}
			writeJSONText(b, k)
			b.WriteByte(':')
			if err := writeJSON(b, v[k], a, depth+1); err != nil {
				return err
			}
		}
		b.WriteByte('}')
	case span:
		list, err := a.items(v)
		if err != nil {
			return err
		}
		return writeJSON(b, list, a, depth+1)
	default:
		return errors.New("forloop and tablerowloop are no JSON")
	}
	return nil
}

func writeJSONText(b *strings.Builder, s string) {
	const hex = "0123456789abcdef"
	b.WriteByte('"')
	for i, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\r':
			b.WriteString(`\r`)
		case r < 0x20:
			b.WriteString(`\u00`)
			b.WriteByte(hex[r>>4])
			b.WriteByte(hex[r&15])
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], "\ufffd"):
			b.WriteString("\ufffd") // a stray byte cannot stand in JSON
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
}
