//go:build !linux

package daemon

import "errors"

// swap would exchange two files at once.
func swap(_, _ string) error { return errors.ErrUnsupported }
