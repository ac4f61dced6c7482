package main

import (
	"io"
	"strings"
)

// plain shows control and direction characters instead of obeying them: names
// and texts come from other people's files, and a terminal does what it is told.
type plain struct{ to io.Writer }

// Write implements [io.Writer]. What it is given ends between two runes.
func (p plain) Write(text []byte) (int, error) {
	if _, err := io.WriteString(p.to, strings.Map(visible, string(text))); err != nil {
		return 0, err
	}
	return len(text), nil
}

func visible(r rune) rune {
	switch {
	case r == '\t' || r == '\n':
		return r
	case r < ' ', r == 0x7f, r >= 0x80 && r < 0xa0, // control
		r >= 0x200b && r <= 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069, r == 0xfeff: // invisible, direction
		return '\ufffd'
	}
	return r
}

// oneLine keeps a name on the line it is printed in.
func oneLine(name string) string { return strings.ReplaceAll(name, "\n", "\ufffd") }
