package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
)

// ErrNobody means that a socket is there and nobody answers at it.
var ErrNobody = errors.New("nobody answers at the socket")

// DialSocket connects to the socket of a daemon of this user. A socket in a
// folder that somebody else could have put it in is refused; where there is none
// the error is fs.ErrNotExist, where nobody answers [ErrNobody].
func DialSocket(ctx context.Context, path string) (net.Conn, error) {
	if err := checkPrivate(filepath.Dir(path)); err != nil {
		return nil, fmt.Errorf("dial %s: %w", path, err)
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", path)
	if isRefused(err) {
		return nil, fmt.Errorf("dial %s: %w", path, ErrNobody)
	}
	return conn, err
}
