package main

import (
	"bytes"

	"github.com/rogpeppe/go-internal/diff"
)

// difference is what turns one text into another, as a unified diff; "" when
// they are the same.
func difference(fromName string, from []byte, toName string, to []byte) string {
	_, hunks, _ := bytes.Cut(diff.Diff(fromName, from, toName, to), []byte("\n"))
	return string(hunks)
}
