package state

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver named sqlite
)

//go:embed migrations/sqlite/*.sql
var migrations embed.FS

// batch is the most requests that share a transaction.
const batch = 256

// ErrClosed is returned by writes after [Store.Close].
var ErrClosed = errors.New("state is closed")

// ErrNotFound is returned for an id that is not there.
var ErrNotFound = errors.New("not found")

// ErrNewer is returned by [Open] for a file that a later version of Anvil has
// migrated: going on would damage it.
var ErrNewer = errors.New("state was written by a newer version")

// Store is an open database.
type Store struct {
	writing *sql.DB // one connection, owned by the writer
	reading *sql.DB
	writer  *writer
}

// Open opens the SQLite file at path, creating it with mode 0600 when it is not
// there, and brings its tables up to date. The folder must exist, on a file
// system of this machine: SQLite's locks and shared memory do not work over a
// network. Its errors name the file, and stand alone otherwise: the caller says
// that a state was opened.
func Open(ctx context.Context, path string) (*Store, error) {
	if strings.Contains(path, "://") {
		return nil, fmt.Errorf("%s: only SQLite files are supported", scheme(path))
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := private(path); err != nil {
		return nil, err
	}
	s, err := open(ctx, path)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, ctx.Err() // in whatever words the database says so
	case err != nil:
		return nil, fmt.Errorf("%s: %w", path, named(err))
	}
	return s, nil
}

func open(ctx context.Context, path string) (_ *Store, err error) {
	s := &Store{}
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	if s.writing, err = sql.Open("sqlite", dsn(path, "_txlock=immediate")); err != nil {
		return nil, err
	}
	s.writing.SetMaxOpenConns(1)
	if err = migrate(ctx, s.writing); err != nil {
		return nil, err
	}
	if s.reading, err = sql.Open("sqlite", dsn(path, "_pragma=query_only(ON)")); err != nil {
		return nil, err
	}
	s.reading.SetMaxOpenConns(4)
	conn, err := s.writing.Conn(ctx)
	if err != nil {
		return nil, err
	}
	s.writer = newWriter(conn, batch)
	return s, nil
}

// Born returns when the database was made, to the second.
func (s *Store) Born(ctx context.Context) (time.Time, error) {
	var seconds int64
	err := s.reading.QueryRowContext(ctx, `SELECT CAST(strftime('%s', MIN(tstamp)) AS INTEGER) FROM goose_db_version`).Scan(&seconds)
	if err != nil {
		return time.Time{}, fmt.Errorf("read when the state was made: %w", err)
	}
	return time.Unix(seconds, 0).UTC(), nil
}

// Close ends the writer after the requests it already took and closes the file.
// It may be called again.
func (s *Store) Close() error {
	var errs []error
	if s.writer != nil {
		errs = append(errs, s.writer.close())
	}
	if s.reading != nil {
		errs = append(errs, s.reading.Close())
	}
	if s.writing != nil {
		errs = append(errs, s.writing.Close())
	}
	return errors.Join(errs...)
}

// dsn names the file as a URI, so that no character of the path is taken for a
// parameter. Every connection waits five seconds for another process's lock.
func dsn(path string, more string) string {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // a drive letter
	}
	file := url.URL{Scheme: "file", Path: path}
	return file.String() + "?" + strings.Join([]string{
		"_pragma=busy_timeout(5000)",
		"_pragma=journal_mode(WAL)",
		"_pragma=synchronous(FULL)",
		"_pragma=foreign_keys(ON)",
		"_pragma=cache_size(-16000)",
		more,
	}, "&")
}

// private makes sure that the file is there and that its owner alone can read
// it. SQLite gives the write-ahead log the mode of the database.
func private(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return f.Chmod(0o600)
	}
	return nil
}

func migrate(ctx context.Context, db *sql.DB) error {
	files, err := fs.Sub(migrations, "migrations/sqlite")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, files)
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	at, err := p.GetDBVersion(ctx)
	if err != nil {
		return fmt.Errorf("read schema version: %w", err)
	}
	sources := p.ListSources()
	if last := sources[len(sources)-1].Version; at > last {
		return &NewerError{Found: at, Known: last}
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

// NewerError is an [ErrNewer] with the schema versions.
type NewerError struct{ Found, Known int64 }

func (e *NewerError) Error() string {
	return fmt.Sprintf("%v: schema %d, this version knows %d", ErrNewer, e.Found, e.Known)
}

// Unwrap makes errors.Is find [ErrNewer].
func (e *NewerError) Unwrap() error { return ErrNewer }

// Hint says what to do.
func (e *NewerError) Hint() string {
	return "run the version of anvil that wrote it, or restore a backup made before the upgrade"
}

// scheme is what can be shown of a DSN that may carry a password.
func scheme(dsn string) string {
	before, _, _ := strings.Cut(dsn, "://")
	return before + "://…"
}
