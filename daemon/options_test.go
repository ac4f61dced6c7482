package daemon

import (
	"testing"
	"time"
)

// A save waits no longer than the user's command and 2 s, also when the command
// changed nothing that would be noticed: the end of it is seen at the next look, and
// then comes the quiet period.
func TestWaitAfterCommand(t *testing.T) {
	o := Options{}.withDefaults()
	if wait := o.BusyRecheck + o.GitQuiet; wait > 1800*time.Millisecond {
		t.Fatalf("a save waits %v after a git command", wait)
	}
}
