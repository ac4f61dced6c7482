//go:build !unix

package httpapi

import "errors"

// checkPrivate relies on the profile folder's access list: there are no modes
// to look at.
func checkPrivate(string) error { return nil }

// isRefused takes every failure to connect for a dead peer, unless it took too
// long: error numbers differ here.
func isRefused(err error) bool {
	timeout, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err)
	return !ok || !timeout.Timeout()
}
