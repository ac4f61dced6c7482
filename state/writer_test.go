package state

import (
	"path/filepath"
	"testing"
	"time"
)

// Some commits fail and leave the transaction open. The next one is not stopped
// by that, and finds nothing of it.
func TestFailedCommitIsUndone(t *testing.T) {
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "anvil.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	err = s.Update(t.Context(), func(tx *Tx) error {
		// From here on a client without a token is found at the commit only.
		if err := tx.w.exec("PRAGMA defer_foreign_keys = ON"); err != nil {
			return err
		}
		return tx.PutClient(Client{ClientKey: ClientKey{Token: "nobody", ID: "c1"}})
	})
	if err == nil {
		t.Fatal("a client without a token was committed")
	}
	at := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	if err := s.Update(t.Context(), func(tx *Tx) error { return tx.Audit(Entry{At: at, Who: "me"}) }); err != nil {
		t.Errorf("the next transaction: %v", err)
	}
	clients, err := s.Clients(t.Context())
	if err != nil || len(clients) != 0 {
		t.Errorf("clients %v, %v", clients, err)
	}
	if all, err := s.Audit(t.Context(), 0, 9); err != nil || len(all) != 1 {
		t.Errorf("audit %v, %v", all, err)
	}
}
