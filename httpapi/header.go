package httpapi

import (
	"strconv"
	"strings"
	"time"
)

// preferredWait reads the wait preference of RFC 7240, in seconds. The first
// one counts; ok is false when there is none that makes sense.
func preferredWait(headers []string) (wait time.Duration, ok bool) {
	for _, header := range headers {
		for preference := range strings.SplitSeq(header, ",") {
			preference, _, _ = strings.Cut(preference, ";") // its parameters
			name, value, _ := strings.Cut(preference, "=")
			if !strings.EqualFold(trim(name), "wait") {
				continue
			}
			value = trim(value)
			if len(value) >= 2 && value[0] == '"' && value[len(value)-1] == '"' {
				value = value[1 : len(value)-1]
			}
			seconds, err := strconv.ParseUint(value, 10, 31)
			return time.Duration(seconds) * time.Second, err == nil
		}
	}
	return 0, false
}

// entityTag reads the first tag of an If-None-Match header, without its quotes:
// a client holds one release. "" is none.
func entityTag(header string) string {
	tag := strings.TrimPrefix(trim(header), "W/")
	if len(tag) < 2 || tag[0] != '"' {
		return ""
	}
	tag, _, closed := strings.Cut(tag[1:], `"`)
	if !closed || len(tag) > 128 {
		return ""
	}
	for i := range len(tag) {
		if tag[i] <= ' ' || tag[i] > '~' {
			return "" // it is echoed
		}
	}
	return tag
}

func trim(s string) string { return strings.Trim(s, " \t") }
