package prompt

import (
	"bytes"
	"fmt"
	"unicode"
	"unicode/utf8"
)

// scan looks at the bytes of a file, comments included: for what a merge left
// behind, for secrets, and for characters that an author cannot see. It reports
// whether the file is worth decoding.
func (r *reader) scan(content []byte) bool {
	if line := conflictMarker(content); line > 0 {
		r.report(line, 1, ruleConflictMarker, "a merge left its conflict markers here", "choose one side, and remove the lines <<<<<<<, ======= and >>>>>>>")
		return false
	}
	if r.compileOnly {
		return true
	}
	r.secrets(content)
	r.invisible(content)
	return true
}

// conflictMarker returns the line of the first conflict marker, 0 when there is
// none.
func conflictMarker(content []byte) int {
	if !bytes.Contains(content, []byte("<<<<<<< ")) && !bytes.Contains(content, []byte(">>>>>>> ")) {
		return 0
	}
	line := 0
	for text := range bytes.Lines(content) {
		line++
		if bytes.HasPrefix(text, []byte("<<<<<<< ")) || bytes.HasPrefix(text, []byte(">>>>>>> ")) {
			return line
		}
	}
	return 0
}

// positionOf returns the line and column of an offset.
func positionOf(content []byte, offset int) (line, col int) {
	before := content[:offset]
	start := bytes.LastIndexByte(before, '\n') + 1
	return 1 + bytes.Count(before, []byte{'\n'}), 1 + utf8.RuneCount(bytes.TrimPrefix(before[start:], []byte("\ufeff")))
}

// invisible reports characters that change what a text says without being seen:
// directions that reorder it, spaces of no width, tags. Joiners stay where
// scripts and emoji need them.
func (r *reader) invisible(content []byte) {
	if isASCII(content) {
		return
	}
	before := rune(0) // the character before
	flag := false     // in the tags of a flag such as Scotland's
	line, col := 1, 0
	for i := 0; i < len(content); {
		c, size := utf8.DecodeRune(content[i:])
		col++
		flag = c == 0x1F3F4 || flag && c >= 0xE0020 && c <= 0xE007F
		if r.full() {
			return
		}
		if name := hidden(c, before, flag); name != "" && i > 0 {
			r.report(line, col, ruleInvisible, fmt.Sprintf("here stands %s (U+%04X), which nobody sees", name, c),
				`delete it, or write it as an escape in "double quotes"`)
		}
		if c == 0xFEFF && i == 0 {
			col--
		}
		if c == '\n' {
			line, col = line+1, 0
		}
		before = c
		i += size
	}
}

func hidden(c, before rune, flag bool) string {
	switch {
	case c < 0x80:
		return ""
	case c >= 0x202A && c <= 0x202E, c >= 0x2066 && c <= 0x2069:
		return "a character that turns the direction of text"
	case c == 0x200B, c >= 0x2060 && c <= 0x2064, c == 0xFEFF, c == 0x180E, c == 0x3164:
		return "a character of no width"
	case (c == 0x200C || c == 0x200D) && before < 0x80:
		return "a joiner that joins nothing"
	case c >= 0xE0000 && c <= 0xE007F && !flag:
		return "a tag character"
	case c == 0x85, c == 0x2028, c == 0x2029:
		return "a line break that editors do not show"
	case c < 0xA0 || unicode.Is(unicode.Co, c):
		return "a character without a glyph"
	}
	return ""
}

func isASCII(content []byte) bool {
	for _, c := range content {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
