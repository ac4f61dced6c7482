package state_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anvilpeering/anvil/state"
)

var noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

func open(t *testing.T, path string) *state.Store {
	t.Helper()
	s, err := state.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func update(t *testing.T, s *state.Store, fn func(*state.Tx) error) {
	t.Helper()
	if err := s.Update(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

// withClient opens a store with one token and one client of it.
func withClient(t *testing.T, path string) (*state.Store, state.ClientKey) {
	t.Helper()
	s, k := open(t, path), state.ClientKey{Token: "tok", ID: "c1"}
	update(t, s, func(tx *state.Tx) error {
		if err := tx.InsertToken(state.Token{ID: k.Token, Name: "checkout", Role: "client", Created: noon}); err != nil {
			return err
		}
		return tx.PutClient(state.Client{ClientKey: k, Project: "support", Channel: "draft", FirstSeen: noon, LastSeen: noon})
	})
	return s, k
}

func TestFileIsPrivate(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("SKIPPED: needs file modes")
	}
	for _, c := range []struct {
		name   string
		before os.FileMode // 0 = not there
	}{{"new", 0}, {"open to others", 0o644}} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "anvil.db")
			if c.before != 0 {
				if err := os.WriteFile(path, nil, c.before); err != nil {
					t.Fatal(err)
				}
			}
			withClient(t, path)
			for _, name := range []string{path, path + "-wal", path + "-shm"} {
				info, err := os.Stat(name)
				if err != nil {
					t.Fatal(err)
				}
				if got := info.Mode().Perm(); got != 0o600 {
					t.Errorf("%s has mode %o", filepath.Base(name), got)
				}
			}
		})
	}
}

// Whatever a folder is called, its name never becomes a setting of the database.
func TestPathIsOnlyAPath(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a b?_pragma=synchronous(OFF)&x=%41#y")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "anvil.db")
	withClient(t, path)
	if info, err := os.Stat(path); err != nil || info.Size() == 0 {
		t.Errorf("the database is not at %s: %v", path, err)
	}
}

func TestReopenKeepsAll(t *testing.T) {
	path := filepath.Join(t.TempDir(), "anvil.db")
	s, k := withClient(t, path)
	held := state.Held{Release: "r1", Revision: "v1", Sequence: 7}
	update(t, s, func(tx *state.Tx) error {
		if _, err := tx.Acknowledge(state.Acknowledgement{ClientKey: k, Release: "r1", State: "applied", At: noon}); err != nil {
			return err
		}
		if err := tx.Audit(state.Entry{At: noon, Who: "me", What: "publish", Outcome: "ok"}); err != nil {
			return err
		}
		if err := tx.TouchToken(k.Token, noon.Add(time.Hour)); err != nil {
			return err
		}
		return tx.SeeClient(k, noon.Add(time.Minute), held)
	})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	s = open(t, path)
	tokens, err := s.Tokens(t.Context())
	if err != nil || len(tokens) != 1 || !tokens[0].LastUsed.Equal(noon.Add(time.Hour)) {
		t.Errorf("tokens %+v, %v", tokens, err)
	}
	clients, err := s.Clients(t.Context())
	if err != nil || len(clients) != 1 {
		t.Fatalf("clients %+v, %v", clients, err)
	}
	c := clients[0]
	if c.Held != held || c.Report.State != "applied" || c.Report.Release != "r1" || !c.LastSeen.Equal(noon.Add(time.Minute)) || !c.FirstSeen.Equal(noon) {
		t.Errorf("client %+v", c)
	}
	if audit, err := s.Audit(t.Context(), 0, 10); err != nil || len(audit) != 1 || audit[0].Who != "me" {
		t.Errorf("audit %+v, %v", audit, err)
	}
}

// A client that starts again says anew what it is and holds; who it is, and what
// it said last, stays.
func TestRegisterAgain(t *testing.T) {
	s, k := withClient(t, filepath.Join(t.TempDir(), "anvil.db"))
	update(t, s, func(tx *state.Tx) error {
		_, err := tx.Acknowledge(state.Acknowledgement{ClientKey: k, Release: "r1", State: "failed", Code: "compile", At: noon})
		return err
	})
	update(t, s, func(tx *state.Tx) error {
		return tx.PutClient(state.Client{
			ClientKey: k, Project: "support", Channel: "draft", App: "v2", Labels: map[string]string{"zone": "a"},
			FirstSeen: noon.Add(time.Hour), LastSeen: noon.Add(time.Hour),
		})
	})
	clients, err := s.Clients(t.Context())
	if err != nil || len(clients) != 1 {
		t.Fatalf("clients %+v, %v", clients, err)
	}
	c := clients[0]
	if c.App != "v2" || c.Labels["zone"] != "a" || !c.FirstSeen.Equal(noon) || c.Report.Code != "compile" {
		t.Errorf("client %+v", c)
	}
}

func TestAcknowledgeIsIdempotent(t *testing.T) {
	s, k := withClient(t, filepath.Join(t.TempDir(), "anvil.db"))
	steps := []struct {
		name    string
		ack     state.Acknowledgement
		news    bool
		reports string
	}{
		{"first", state.Acknowledgement{Release: "r1", State: "received"}, true, "received"},
		{"next state", state.Acknowledgement{Release: "r1", State: "applied"}, true, "applied"},
		{"a late repeat does not go back", state.Acknowledgement{Release: "r1", State: "received"}, false, "applied"},
		{"another release fails", state.Acknowledgement{Release: "r2", State: "failed", Code: "machine", Message: "disk"}, true, "failed"},
		{"the same failure", state.Acknowledgement{Release: "r2", State: "failed", Code: "machine", Message: "disk"}, false, "failed"},
		{"another failure of it", state.Acknowledgement{Release: "r2", State: "failed", Code: "compile"}, true, "failed"},
	}
	for i, step := range steps {
		step.ack.ClientKey, step.ack.At = k, noon.Add(time.Duration(i)*time.Second)
		update(t, s, func(tx *state.Tx) error {
			news, err := tx.Acknowledge(step.ack)
			if news != step.news {
				t.Errorf("%s: news %v", step.name, news)
			}
			return err
		})
		clients, err := s.Clients(t.Context())
		if err != nil || clients[0].Report.State != step.reports {
			t.Errorf("%s: report %+v, %v", step.name, clients[0].Report, err)
		}
	}
	all, err := s.Acknowledgements(t.Context(), k, 10)
	if err != nil || len(all) != 3 {
		t.Fatalf("%d acknowledgements, %v", len(all), err)
	}
	if all[0].Code != "compile" {
		t.Errorf("newest %+v", all[0])
	}
}

func TestAcknowledgeOfNobody(t *testing.T) {
	s, k := withClient(t, filepath.Join(t.TempDir(), "anvil.db"))
	k.ID = "stranger"
	err := s.Update(t.Context(), func(tx *state.Tx) error {
		_, err := tx.Acknowledge(state.Acknowledgement{ClientKey: k, Release: "r1", State: "applied"})
		return err
	})
	if !errors.Is(err, state.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}

func TestTrimKeepsTheNewest(t *testing.T) {
	s, k := withClient(t, filepath.Join(t.TempDir(), "anvil.db"))
	other := state.ClientKey{Token: k.Token, ID: "c2"}
	for _, keep := range []int{50, 10} { // the first has nothing to remove
		update(t, s, func(tx *state.Tx) error {
			if err := tx.PutClient(state.Client{ClientKey: other}); err != nil {
				return err
			}
			for i := range 30 {
				for _, k := range []state.ClientKey{k, other} {
					if _, err := tx.Acknowledge(state.Acknowledgement{ClientKey: k, Release: fmt.Sprint(i), State: "applied"}); err != nil {
						return err
					}
				}
			}
			return tx.TrimAcknowledgements(k, keep)
		})
	}
	all, err := s.Acknowledgements(t.Context(), k, 100)
	if err != nil || len(all) != 10 || all[0].Release != "29" || all[9].Release != "20" {
		t.Errorf("%d left, %v", len(all), err)
	}
	if all, err := s.Acknowledgements(t.Context(), other, 100); err != nil || len(all) != 30 {
		t.Errorf("%d left of the other client, %v", len(all), err)
	}
}

func TestTokenUseOnlyRises(t *testing.T) {
	s, k := withClient(t, filepath.Join(t.TempDir(), "anvil.db"))
	for _, used := range []time.Time{noon, noon.Add(time.Hour), noon.Add(time.Minute)} {
		update(t, s, func(tx *state.Tx) error { return tx.TouchToken(k.Token, used) })
	}
	tokens, err := s.Tokens(t.Context())
	if err != nil || !tokens[0].LastUsed.Equal(noon.Add(time.Hour)) {
		t.Errorf("last used %v, %v", tokens[0].LastUsed, err)
	}
}

func TestRevokeForgetsClients(t *testing.T) {
	s, k := withClient(t, filepath.Join(t.TempDir(), "anvil.db"))
	update(t, s, func(tx *state.Tx) error {
		_, err := tx.Acknowledge(state.Acknowledgement{ClientKey: k, Release: "r1", State: "applied"})
		return err
	})
	for _, at := range []time.Time{noon, noon.Add(time.Hour)} {
		update(t, s, func(tx *state.Tx) error { return tx.RevokeToken(k.Token, at) })
	}
	tokens, err := s.Tokens(t.Context())
	if err != nil || !tokens[0].Revoked.Equal(noon) {
		t.Errorf("revoked %v, %v", tokens[0].Revoked, err)
	}
	if clients, err := s.Clients(t.Context()); err != nil || len(clients) != 0 {
		t.Errorf("clients %v, %v", clients, err)
	}
	if all, err := s.Acknowledgements(t.Context(), k, 9); err != nil || len(all) != 0 {
		t.Errorf("acknowledgements %v, %v", all, err)
	}
	err = s.Update(t.Context(), func(tx *state.Tx) error { return tx.RevokeToken("nobody", noon) })
	if !errors.Is(err, state.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}

// One request that fails takes no other of its transaction with it, and leaves
// nothing of its own.
func TestFailureStaysAlone(t *testing.T) {
	s, k := withClient(t, filepath.Join(t.TempDir(), "anvil.db"))
	refused := errors.New("refused")
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			err := s.Update(t.Context(), func(tx *state.Tx) error {
				if _, err := tx.Acknowledge(state.Acknowledgement{ClientKey: k, Release: fmt.Sprint(i), State: "applied"}); err != nil {
					return err
				}
				switch i % 3 {
				case 1:
					return refused
				case 2:
					return tx.InsertToken(state.Token{ID: k.Token}) // its id is taken
				}
				return nil
			})
			if (i%3 == 0) != (err == nil) {
				t.Errorf("request %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	all, err := s.Acknowledgements(t.Context(), k, 1000)
	if err != nil || len(all) != 67 {
		t.Errorf("%d acknowledgements, %v", len(all), err)
	}
}

func TestAuditPagesAndIsAppendOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "anvil.db")
	s := open(t, path)
	for i := range 5 {
		update(t, s, func(tx *state.Tx) error {
			return tx.Audit(state.Entry{At: noon, Who: "me", What: fmt.Sprint(i), Outcome: "ok"})
		})
	}
	var seen []string
	for before := int64(0); ; {
		page, err := s.Audit(t.Context(), before, 2)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, e := range page {
			seen = append(seen, e.What)
			before = e.ID
		}
	}
	if fmt.Sprint(seen) != "[4 3 2 1 0]" {
		t.Errorf("pages gave %v", seen)
	}

	db := raw(t, path)
	if _, err := db.Exec(`UPDATE audit SET who = 'somebody else'`); err == nil {
		t.Error("a line of the audit log was changed")
	}
}

func TestNewerIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "anvil.db")
	open(t, path).Close()
	db := raw(t, path)
	if _, err := db.Exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, 1)`); err != nil {
		t.Fatal(err)
	}
	db.Close()
	_, err := state.Open(t.Context(), path)
	var hinted interface{ Hint() string }
	if !errors.Is(err, state.ErrNewer) || !errors.As(err, &hinted) {
		t.Errorf("got %v", err)
	}
}

func TestOtherEnginesAreRefused(t *testing.T) {
	_, err := state.Open(t.Context(), "postgres://anvil:secret@db/anvil")
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v", err)
	}
}

// Who is told to end while it opens ends for that reason.
func TestOpenIsCalledOff(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := state.Open(ctx, filepath.Join(t.TempDir(), "anvil.db")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// When a database was made stays, however often it is opened.
func TestBorn(t *testing.T) {
	path, before := filepath.Join(t.TempDir(), "anvil.db"), time.Now().Truncate(time.Second)
	open(t, path).Close()
	s := open(t, path)
	born, err := s.Born(t.Context())
	if err != nil || born.Before(before) || born.After(time.Now()) {
		t.Errorf("born %s, made after %s: %v", born, before, err)
	}
}

func TestAudited(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "anvil.db"))
	err := s.Update(t.Context(), func(tx *state.Tx) error {
		return tx.Audit(state.Entry{Project: "support", Channel: "production", To: "a", Outcome: "ok"})
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		project, channel, release string
		want                      bool
	}{{"support", "production", "a", true}, {"support", "production", "b", false}, {"support", "staging", "a", false}, {"sales", "production", "a", false}} {
		if got, err := s.Audited(t.Context(), c.project, c.channel, c.release); got != c.want || err != nil {
			t.Errorf("%+v: %v, %v", c, got, err)
		}
	}
}

func TestNotADatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "anvil.db")
	if err := os.WriteFile(path, []byte("this was never a database, and must not become one"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := state.Open(t.Context(), path); err == nil {
		t.Error("opened")
	}
}

func TestClosed(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "anvil.db"))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Update(t.Context(), func(*state.Tx) error { return nil }); !errors.Is(err, state.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func TestCancelledBeforeItBegan(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "anvil.db"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := s.Update(ctx, func(*state.Tx) error { t.Error("ran"); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// Another process's lock for a moment is waited for, not an error.
func TestOtherProcessWrites(t *testing.T) {
	path := filepath.Join(t.TempDir(), "anvil.db")
	s := open(t, path)
	db := raw(t, path)
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(`INSERT INTO audit (at, who, what, project, channel, from_release, to_release, outcome, detail) VALUES (0, 'other', '', '', '', '', '', '', '')`); err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		done <- s.Update(context.Background(), func(tx *state.Tx) error { return tx.Audit(state.Entry{Who: "me"}) })
	}()
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if all, err := s.Audit(t.Context(), 0, 10); err != nil || len(all) != 2 {
		t.Errorf("audit %v, %v", all, err)
	}
}

func raw(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: path}).String()+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}
