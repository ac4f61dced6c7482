package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
)

// writer is the goroutine that owns the one connection that writes.
type writer struct {
	conn    *sql.Conn
	max     int
	queue   chan *request // unbuffered: what is sent was taken
	closing chan struct{}
	done    chan struct{}
	once    sync.Once
	closed  error // what closing came to

	// By their text; the writer's alone. None is ever interrupted half way: they
	// run without the context of their request.
	statements map[string]*sql.Stmt
}

type request struct {
	fn     func(*Tx) error
	result chan error
}

func newWriter(conn *sql.Conn, max int) *writer {
	w := &writer{
		conn:       conn,
		max:        max,
		queue:      make(chan *request),
		closing:    make(chan struct{}),
		done:       make(chan struct{}),
		statements: map[string]*sql.Stmt{},
	}
	go w.run()
	return w
}

func (w *writer) close() error {
	w.once.Do(func() { w.closed = w.stop() })
	return w.closed
}

func (w *writer) stop() error {
	close(w.closing)
	<-w.done
	for _, stmt := range w.statements {
		_ = stmt.Close() // the connection goes next
	}
	return w.conn.Close()
}

// Update runs fn inside a transaction and returns once what it did is durable.
// fn runs on the writer's goroutine: it must be quick, use nothing but its Tx,
// and not keep it. When fn returns an error nothing of it remains. When ctx
// ends before fn was begun, it never is; later, ctx has no effect, so that the
// answer is always the truth.
func (s *Store) Update(ctx context.Context, fn func(*Tx) error) error {
	r := &request{fn: fn, result: make(chan error, 1)}
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	select {
	case s.writer.queue <- r:
		return <-r.result
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-s.writer.closing:
		return ErrClosed
	}
}

func (w *writer) run() {
	defer close(w.done)
	batch := make([]*request, 0, w.max)
	for {
		batch = batch[:0]
		select {
		case r := <-w.queue:
			batch = append(batch, r)
		case <-w.closing:
			return
		}
		for more := true; more && len(batch) < w.max; {
			select {
			case r := <-w.queue:
				batch = append(batch, r)
			default:
				more = false
			}
		}
		w.commit(batch)
	}
}

// commit answers every request of the batch.
func (w *writer) commit(batch []*request) {
	errs := make([]error, len(batch))
	err := w.transact(batch, errs)
	for i, r := range batch {
		if errs[i] == nil {
			errs[i] = err
		}
		r.result <- named(errs[i])
	}
}

func (w *writer) transact(batch []*request, errs []error) error {
	if err := w.exec("BEGIN IMMEDIATE"); err != nil {
		return fmt.Errorf("begin transaction: %w", err)
	}
	for i, r := range batch {
		var fatal error
		if errs[i], fatal = w.attempt(r.fn); fatal != nil {
			return errors.Join(fatal, w.exec("ROLLBACK"))
		}
	}
	if err := w.exec("COMMIT"); err != nil {
		// Some failures end the transaction and some leave it open, which
		// would make every later BEGIN fail.
		_ = w.exec("ROLLBACK")
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// attempt runs one request inside a savepoint. failed is the request's own
// error, fatal one after which the transaction cannot go on.
func (w *writer) attempt(fn func(*Tx) error) (failed, fatal error) {
	if err := w.exec("SAVEPOINT request"); err != nil {
		return nil, fmt.Errorf("begin request: %w", err)
	}
	if failed = fn(&Tx{w}); failed != nil {
		// Full disks and input errors roll the whole transaction back, and
		// the savepoint with it.
		if err := w.exec("ROLLBACK TO request"); err != nil {
			return failed, fmt.Errorf("undo request: %w", err)
		}
	}
	if err := w.exec("RELEASE request"); err != nil {
		return failed, fmt.Errorf("end request: %w", err)
	}
	return failed, nil
}

func (w *writer) exec(query string, args ...any) error {
	_, err := w.affected(query, args...)
	return err
}

// affected runs a statement and returns how many rows it changed.
func (w *writer) affected(query string, args ...any) (int64, error) {
	stmt, err := w.prepare(query)
	if err != nil {
		return 0, err
	}
	result, err := stmt.ExecContext(context.Background(), args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// exists reports whether a query finds a row.
func (w *writer) exists(query string, args ...any) (bool, error) {
	stmt, err := w.prepare(query)
	if err != nil {
		return false, err
	}
	var one int
	err = stmt.QueryRowContext(context.Background(), args...).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

func (w *writer) prepare(query string) (*sql.Stmt, error) {
	if stmt, ok := w.statements[query]; ok {
		return stmt, nil
	}
	stmt, err := w.conn.PrepareContext(context.Background(), query)
	if err != nil {
		return nil, err
	}
	w.statements[query] = stmt
	return stmt, nil
}

// Tx is a transaction in progress, given to the function of [Store.Update].
type Tx struct{ w *writer }
