package daemon

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/gofrs/flock"
)

// ErrRunning: another daemon has the repository.
var ErrRunning = errors.New("a daemon is already running")

// RunningError names the daemon that has the repository. It is an [ErrRunning].
type RunningError struct {
	PID  int    // 0 when it cannot be told
	Root string // the folder it watches
}

func (e *RunningError) Error() string {
	if e.PID == 0 {
		return ErrRunning.Error() + " in this repository"
	}
	return fmt.Sprintf("%v in this repository: process %d, for %s", ErrRunning, e.PID, e.Root)
}

// Is makes a RunningError an ErrRunning.
func (e *RunningError) Is(target error) bool { return target == ErrRunning }

// Hint says what to do about it.
func (e *RunningError) Hint() string {
	if e.PID == 0 {
		return "stop it first, or use it: anvil status"
	}
	return fmt.Sprintf("use it (anvil status), or stop it first: kill %d", e.PID)
}

// pidFile is the lock that keeps a second daemon out of a repository. The file
// stays when the lock goes; only the lock counts.
type pidFile struct{ lock *flock.Flock }

func takePID(folder, root string) (*pidFile, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("create %s: %w", folder, err)
	}
	name := filepath.Join(folder, "pid")
	lock := flock.New(name)
	taken, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", name, err)
	}
	if !taken {
		return nil, runningIn(name)
	}
	if err := os.WriteFile(name, fmt.Appendf(nil, "%d\n%s\n", os.Getpid(), root), 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("write %s: %w", name, err), lock.Close())
	}
	return &pidFile{lock}, nil
}

func runningIn(name string) *RunningError {
	e := &RunningError{}
	content, err := os.ReadFile(name)
	if err != nil {
		return e
	}
	first, rest, _ := strings.Cut(string(content), "\n")
	if pid, err := strconv.Atoi(first); err == nil {
		e.PID, e.Root = pid, strings.TrimSpace(rest)
	}
	return e
}

func (p *pidFile) release() error { return p.lock.Close() }
