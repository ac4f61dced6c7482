package httpapi

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"time"
)

// ErrInUse is returned for a socket on which another process answers.
var ErrInUse = errors.New("another process answers there")

// socketError is an error with advice.
type socketError struct {
	error
	hint string
}

func (e *socketError) Unwrap() error { return e.error }
func (e *socketError) Hint() string  { return e.hint }

// maxSocketPath is the length that every system can bind.
const maxSocketPath = 103

// listenSocket listens on a Unix socket that nobody but its user can reach: its
// folder, made when missing, must be the user's and closed to others. A socket
// that a dead process left is replaced.
func listenSocket(path string) (net.Listener, error) {
	if len(path) > maxSocketPath {
		return nil, &socketError{
			fmt.Errorf("the path of a socket has at most %d bytes, this one %d", maxSocketPath, len(path)),
			"set XDG_RUNTIME_DIR to a folder with a shorter path",
		}
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if err := checkPrivate(dir); err != nil {
		return nil, &socketError{err, "who can enter that folder could use the socket: chmod 700 it, or let XDG_RUNTIME_DIR name another"}
	}
	if err := removeStale(path); err != nil {
		return nil, err
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// removeStale removes a socket on which nobody answers.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type()&fs.ModeSocket == 0 {
		return fmt.Errorf("%s is there and is no socket", path)
	}
	conn, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		conn.Close()
		return &socketError{ErrInUse, "anvil runs for this folder already: see anvil status"}
	}
	if !isRefused(err) {
		return fmt.Errorf("find out who answers on %s: %w", path, err)
	}
	return os.Remove(path)
}
