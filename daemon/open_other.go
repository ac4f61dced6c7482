//go:build !unix

package daemon

import "os"

func openFile(name string) (*os.File, error) { return os.Open(name) }

func isLink(error) bool      { return false }
func isNotFolder(error) bool { return false }
func exhausted(error) bool   { return false }
