package liquid

import (
	"encoding/base64"
	"errors"
	"math"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
)

var textFilters = []filter{
	{name: "append", min: 1, max: 1, do: onTexts(func(s string, a []string) (string, error) { return s + a[0], nil })},
	{name: "prepend", min: 1, max: 1, do: onTexts(func(s string, a []string) (string, error) { return a[0] + s, nil })},
	{name: "upcase", do: onText(upcase)},
	{name: "downcase", do: onText(downcase)},
	{name: "capitalize", do: onText(capitalize)},
	{name: "strip", do: onText(func(s string) string { return strings.Trim(s, space) })},
	{name: "lstrip", do: onText(func(s string) string { return strings.TrimLeft(s, space) })},
	{name: "rstrip", do: onText(func(s string) string { return strings.TrimRight(s, space) })},
	{name: "squish", do: unlessNil(squish)},
	{name: "strip_newlines", do: onText(func(s string) string { return newlines.Replace(s) })},
	{name: "newline_to_br", do: onText(func(s string) string { return breaks.Replace(s) })},
	{name: "strip_html", do: onText(stripHTML)},
	{name: "escape", do: unlessNil(escaped)},
	{name: "h", do: unlessNil(escaped)},
	{name: "escape_once", do: onText(escapeOnce)},
	{name: "url_encode", do: unlessNil(func(s string) (string, error) { return url.QueryEscape(s), nil })},
	{name: "url_decode", do: unlessNil(urlDecode)},
	{name: "base64_encode", do: onText(func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) })},
	{name: "base64_decode", do: onTexts(func(s string, _ []string) (string, error) {
		return decode(base64.StdEncoding.Strict(), s)
	})},
	{name: "base64_url_safe_encode", do: onText(func(s string) string { return base64.URLEncoding.EncodeToString([]byte(s)) })},
	{name: "base64_url_safe_decode", do: onTexts(func(s string, _ []string) (string, error) {
		return decode(base64.RawURLEncoding.Strict(), strings.TrimRight(s, "="))
	})},
	{name: "remove", min: 1, max: 1, do: replacing(-1)},
	{name: "remove_first", min: 1, max: 1, do: replacing(1)},
	{name: "remove_last", min: 1, max: 1, do: replacing(0)},
	{name: "replace", min: 1, max: 2, do: replacing(-1)},
	{name: "replace_first", min: 1, max: 2, do: replacing(1)},
	{name: "replace_last", min: 2, max: 2, do: replacing(0)},
	{name: "slice", min: 1, max: 2, do: slice},
	{name: "split", min: 1, max: 1, do: split},
	{name: "truncate", max: 2, do: truncate},
	{name: "truncatewords", max: 2, do: truncateWords},
}

var (
	newlines   = strings.NewReplacer("\r\n", "", "\n", "")
	breaks     = strings.NewReplacer("\r\n", "<br />\n", "\n", "<br />\n")
	escapes    = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#39;")
	htmlBlocks = regexp.MustCompile(`(?s)<script.*?</script>|<!--.*?-->|<style.*?</style>`)
	htmlTags   = regexp.MustCompile(`(?s)<.*?>`)
	entity     = regexp.MustCompile(`^&([a-zA-Z]+|#\d+);`)
)

// onText makes a filter of a function on texts. Any value has a text: nil is "".
func onText(do func(string) string) func(any, arguments) (any, error) {
	return onTexts(func(s string, _ []string) (string, error) { return do(s), nil })
}

func onTexts(do func(s string, args []string) (string, error)) func(any, arguments) (any, error) {
	return func(v any, a arguments) (any, error) {
		s, err := text(v)
		if err != nil {
			return nil, err
		}
		args := make([]string, len(a.values))
		for i := range args {
			if args[i], err = a.text(i); err != nil {
				return nil, err
			}
		}
		return do(s, args)
	}
}

// unlessNil is onText, but nil stays nil.
func unlessNil(do func(string) (string, error)) func(any, arguments) (any, error) {
	return func(v any, a arguments) (any, error) {
		if v == nil {
			return nil, nil
		}
		return onTexts(func(s string, _ []string) (string, error) { return do(s) })(v, a)
	}
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func upcase(s string) string {
	if isASCII(s) {
		return strings.ToUpper(s)
	}
	return cases.Upper(language.Und).String(s)
}

func downcase(s string) string { return strings.ToLower(strings.ReplaceAll(s, "İ", "i̇")) }

func capitalize(s string) string {
	_, n := utf8.DecodeRuneInString(s)
	first := s[:n]
	if n > 1 {
		first = cases.Title(language.Und).String(first)
	} else {
		first = strings.ToUpper(first)
	}
	return first + downcase(s[n:])
}

func squish(s string) (string, error) {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(space, r) }), " "), nil
}

func stripHTML(s string) string {
	return htmlTags.ReplaceAllString(htmlBlocks.ReplaceAllString(s, ""), "")
}

func escaped(s string) (string, error) { return escapes.Replace(s), nil }

// escapeOnce escapes, but leaves entities as they are.
func escapeOnce(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		if s[i] == '&' {
			if e := entity.FindString(s[i:min(len(s), i+32)]); e != "" {
				b.WriteString(e)
				i += len(e)
				continue
			}
		}
		n := strings.IndexByte(s[i+1:], '&')
		if n < 0 {
			n = len(s) - i - 1
		}
		b.WriteString(escapes.Replace(s[i : i+1+n]))
		i += 1 + n
	}
	return b.String()
}

// urlDecode leaves percent signs that begin no escape as they are.
func urlDecode(s string) (string, error) {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '+':
			b = append(b, ' ')
		case s[i] == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
			b = append(b, unhex(s[i+1])<<4|unhex(s[i+2]))
			i += 2
		default:
			b = append(b, s[i])
		}
	}
	return valid(b)
}

func isHex(c byte) bool { return isDigit(c) || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F' }

func unhex(c byte) byte {
	if isDigit(c) {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}

func decode(e *base64.Encoding, s string) (string, error) {
	if strings.ContainsAny(s, "\r\n") {
		return "", errors.New("this is not base64")
	}
	b, err := e.DecodeString(s)
	if err != nil {
		return "", errors.New("this is not base64")
	}
	return valid(b)
}

func valid(b []byte) (string, error) {
	if !utf8.Valid(b) {
		return "", errors.New("the result is not valid UTF-8")
	}
	return string(b), nil
}

// replacing replaces the first argument with the second, or with nothing: all of them when count is -1, the first or,
// for 0, the last. What it puts in is text, not a pattern.
func replacing(count int) func(any, arguments) (any, error) {
	return func(v any, a arguments) (any, error) {
		s, err := text(v)
		if err != nil {
			return nil, err
		}
		old, err := a.text(0)
		if err != nil {
			return nil, err
		}
		by, err := a.text(1)
		if err != nil {
			return nil, err
		}
		switch count {
		case 0:
			if i := strings.LastIndex(s, old); i >= 0 {
				return s[:i] + by + s[i+len(old):], nil
			}
			return s, nil
		case -1:
			if len(by) > len(old) {
				if n := strings.Count(s, old); n > (a.output-len(s))/(len(by)-len(old)) {
					return nil, errTooLong
				}
			}
		}
		return strings.Replace(s, old, by, count), nil
	}
}

func slice(v any, a arguments) (any, error) {
	from, err := integer(a.get(0))
	if err != nil {
		return nil, err
	}
	count := int64(1)
	if truthy(a.get(1)) {
		if count, err = integer(a.get(1)); err != nil {
			return nil, err
		}
	}
	list, isList := v.([]any)
	var runes []rune
	if !isList {
		s, err := text(v)
		if err != nil {
			return nil, err
		}
		runes = []rune(s)
	}
	length := int64(len(list) + len(runes))
	if from < 0 {
		from += length
	}
	if from < 0 || from > length || count < 0 {
		from, count = 0, 0
	}
	to := from + min(count, length-from)
	if isList {
		return list[from:to:to], nil
	}
	return string(runes[from:to]), nil
}

// split cuts a text at each separator; a single space stands for any run of whitespace. Empty parts at the end go.
func split(v any, a arguments) (any, error) {
	s, err := text(v)
	if err != nil {
		return nil, err
	}
	sep, err := a.text(0)
	if err != nil {
		return nil, err
	}
	var parts []string
	switch sep {
	case " ":
		parts = words(s)
	default:
		if err := a.work(strings.Count(s, sep)); err != nil {
			return nil, err
		}
		parts = strings.Split(s, sep)
	}
	for len(parts) > 0 && parts[len(parts)-1] == "" {
		parts = parts[:len(parts)-1]
	}
	list := make([]any, len(parts))
	for i, part := range parts {
		list[i] = part
	}
	return list, nil
}

func words(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r < utf8.RuneSelf && strings.IndexByte(space+"\x00", byte(r)) >= 0 })
}

func truncate(v any, a arguments) (any, error) {
	if v == nil {
		return nil, nil
	}
	s, err := text(v)
	if err != nil {
		return nil, err
	}
	length, err := a.integerOr(0, 50)
	if err != nil {
		return nil, err
	}
	end, err := a.textOr(1, "...")
	if err != nil {
		return nil, err
	}
	runes := []rune(s)
	if int64(len(runes)) <= length {
		return s, nil
	}
	keep := max(0, length-int64(utf8.RuneCountInString(end)))
	return string(runes[:keep]) + end, nil
}

// truncateWords keeps the first words. Whitespace behind the last one counts as one word more, as in Ruby.
func truncateWords(v any, a arguments) (any, error) {
	if v == nil {
		return nil, nil
	}
	s, err := text(v)
	if err != nil {
		return nil, err
	}
	count, err := a.integerOr(0, 15)
	if err != nil {
		return nil, err
	}
	end, err := a.textOr(1, "...")
	if err != nil {
		return nil, err
	}
	if count >= math.MaxInt32 {
		return nil, errTooLarge
	}
	count = max(1, count)
	all := words(s)
	fields := int64(len(all))
	if len(all) > 0 && fields == count && strings.IndexByte(space, s[len(s)-1]) >= 0 {
		fields++
	}
	if fields <= count {
		return s, nil
	}
	return strings.Join(all[:count], " ") + end, nil
}
