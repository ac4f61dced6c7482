package httpapi

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/anvilpeering/anvil/state"
)

// A full disk is no riddle, wherever it was found.
func TestFullDisk(t *testing.T) {
	for name, err := range map[string]error{
		"database": fmt.Errorf("create token: %w", state.ErrFull),
		"git":      fmt.Errorf("record release: %w", &os.PathError{Op: "write", Path: "/var/lib/anvil/x", Err: syscall.ENOSPC}),
	} {
		p := problemOf(err, false)
		if p.Status != http.StatusInsufficientStorage || !strings.Contains(p.Help, "disk space") || p.retry == 0 || strings.Contains(p.Detail, "/var") {
			t.Errorf("%s: %+v", name, p)
		}
	}
}
