package state

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A full disk is said as what it is, leaves nothing behind, and passes.
func TestFullDisk(t *testing.T) {
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "anvil.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	limit := func(pages string) {
		t.Helper()
		err := s.Update(t.Context(), func(tx *Tx) error {
			_, err := tx.w.exists("PRAGMA max_page_count = " + pages)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	note := func(n int) error {
		return s.Update(t.Context(), func(tx *Tx) error {
			for range n {
				if err := tx.Audit(Entry{At: time.Now(), What: "fill", Detail: strings.Repeat("x", 1000)}); err != nil {
					return err
				}
			}
			return nil
		})
	}
	limit("1") // SQLite makes it what there is
	err = note(1000)
	var hinted interface{ Hint() string }
	if !errors.Is(err, ErrFull) || !errors.As(fmt.Errorf("create token: %w", err), &hinted) || !strings.Contains(hinted.Hint(), "disk space") {
		t.Errorf("got %v", err)
	}
	limit("1000000")
	if err := note(1); err != nil {
		t.Errorf("with room again: %v", err)
	}
	if all, err := s.Audit(t.Context(), 0, 10); err != nil || len(all) != 1 {
		t.Errorf("%d lines, %v", len(all), err)
	}
}
