package bench

import (
	"fmt"
	"strings"
)

const markPrefix = "You are assistant number "

// remark changes a generated text so that what is rendered shows it.
func remark(text string, n int) string {
	i := strings.Index(text, markPrefix)
	end := i + strings.IndexByte(text[i:], '\n')
	line, _, _ := strings.Cut(text[i:end], " Mark ")
	return text[:i] + line + fmt.Sprintf(" Mark %d.", n) + text[end:]
}

// marker is what remark put in, "" before the first.
func marker(text string) string {
	_, after, ok := strings.Cut(text, " Mark ")
	if !ok {
		return ""
	}
	line, _, _ := strings.Cut(after, "\n")
	return "Mark " + line
}
