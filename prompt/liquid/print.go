package liquid

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// text is a value as filters and comparisons see it.
func text(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case nil:
		return "", nil
	}
	return inspect(v)
}

// inspect is a value as it stands inside a printed array or object, except that a text on its own is itself.
func inspect(v any) (string, error) {
	var b strings.Builder
	err := writeInspected(&b, v, 0)
	return b.String(), err
}

func writeInspected(b *strings.Builder, v any, depth int) error {
	if depth > maxValueDepth {
		return errTooDeep
	}
	v, err := normal(v)
	if err != nil {
		return err
	}
	switch v := v.(type) {
	case nil:
		b.WriteString("nil")
	case bool:
		b.WriteString(strconv.FormatBool(v))
	case int64:
		b.WriteString(strconv.FormatInt(v, 10))
	case float64:
		b.WriteString(formatFloat(v))
	case string:
		writeQuoted(b, v)
	case span:
		fmt.Fprintf(b, "%d..%d", v.first, v.last)
	case time.Time:
		b.WriteString(formatTime(v))
	case []any:
		b.WriteByte('[')
		for i, x := range v {
			if i > 0 {
				b.WriteString(", ")
			}
			if err := writeInspected(b, x, depth+1); err != nil {
				return err
			}
		}
		b.WriteByte(']')
	case map[string]any:
		b.WriteByte('{')
		for i, k := range sortedKeys(v) {
			if i > 0 {
				b.WriteString(", ")
			}
			writeQuoted(b, k)
			b.WriteString("=>")
			if err := writeInspected(b, v[k], depth+1); err != nil {
				return err
			}
		}
		b.WriteByte('}')
	default:
		return errors.New("forloop and tablerowloop cannot be printed; print one of their keys")
	}
	return nil
}

// writeQuoted quotes a text as Ruby's inspect does.
func writeQuoted(b *strings.Builder, s string) {
	b.WriteByte('"')
	for i, r := range s {
		switch r {
		case '"', '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case '\n':
			b.WriteString(`\n`)
		case '\t':
			b.WriteString(`\t`)
		case '\r':
			b.WriteString(`\r`)
		case '\f':
			b.WriteString(`\f`)
		case '\v':
			b.WriteString(`\v`)
		case '\b':
			b.WriteString(`\b`)
		case '\a':
			b.WriteString(`\a`)
		case 0x1b:
			b.WriteString(`\e`)
		case '#':
			if n := s[i+1:]; n != "" && (n[0] == '{' || n[0] == '$' || n[0] == '@') {
				b.WriteByte('\\')
			}
			b.WriteByte('#')
		default:
			switch {
			case r < 0x20 || r == 0x7f:
				fmt.Fprintf(b, `\x%02X`, r)
			case strconv.IsPrint(r):
				b.WriteRune(r)
			case r > 0xffff:
				fmt.Fprintf(b, `\u{%X}`, r)
			default:
				fmt.Fprintf(b, `\u%04X`, r)
			}
		}
	}
	b.WriteByte('"')
}

// printed is a value as an object prints it: arrays are their items one after the other.
func printed(v any, depth int) (string, error) {
	v, err := normal(v)
	if err != nil {
		return "", err
	}
	list, ok := v.([]any)
	if !ok {
		return text(v)
	}
	if depth > maxValueDepth {
		return "", errTooDeep
	}
	var b strings.Builder
	for _, x := range list {
		s, err := printed(x, depth+1)
		if err != nil {
			return "", err
		}
		b.WriteString(s)
	}
	return b.String(), nil
}

func formatTime(t time.Time) string {
	if t.Location() == time.UTC {
		return t.Format("2006-01-02 15:04:05 UTC")
	}
	return t.Format("2006-01-02 15:04:05 -0700")
}
