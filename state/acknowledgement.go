package state

import (
	"context"
	"fmt"
	"time"
)

// Acknowledgement is how far a client came with a release.
type Acknowledgement struct {
	ClientKey
	Release  string
	Revision string
	From     string
	State    string
	Code     string
	Message  string
	Mode     string
	Bytes    int64
	TookMS   int64
	At       time.Time
}

// Acknowledge records an acknowledgement and makes it the client's last report.
// It is idempotent on client, release and state: said again, it changes nothing
// and news is false, unless its code or message is another one. [ErrNotFound]
// when the client is not registered.
func (t *Tx) Acknowledge(a Acknowledgement) (news bool, err error) {
	known, err := t.w.exists(`SELECT 1 FROM clients WHERE token = $1 AND id = $2`, a.Token, a.ID)
	if err != nil {
		return false, fmt.Errorf("acknowledge: %w", err)
	}
	if !known {
		return false, fmt.Errorf("acknowledge: client %s: %w", a.ID, ErrNotFound)
	}
	n, err := t.w.affected(`INSERT INTO acknowledgements (token, client, release, revision, from_release, state, code, message, mode, bytes, took_ms, at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
		ON CONFLICT (token, client, release, state) DO UPDATE SET code = excluded.code, message = excluded.message, at = excluded.at
			WHERE acknowledgements.code <> excluded.code OR acknowledgements.message <> excluded.message`,
		a.Token, a.ID, a.Release, a.Revision, a.From, a.State, a.Code, a.Message, a.Mode, a.Bytes, a.TookMS, millis(a.At))
	if err != nil {
		return false, fmt.Errorf("acknowledge: %w", err)
	}
	if n == 0 {
		return false, nil
	}
	err = t.w.exec(`UPDATE clients SET state = $3, state_release = $4, state_code = $5, state_message = $6, state_at = $7 WHERE token = $1 AND id = $2`,
		a.Token, a.ID, a.State, a.Release, a.Code, a.Message, millis(a.At))
	if err != nil {
		return false, fmt.Errorf("acknowledge: %w", err)
	}
	return true, nil
}

// TrimAcknowledgements keeps so many of a client's, the newest, and removes the
// others.
func (t *Tx) TrimAcknowledgements(k ClientKey, keep int) error {
	err := t.w.exec(`DELETE FROM acknowledgements WHERE token = $1 AND client = $2 AND id <= (
		SELECT id FROM acknowledgements WHERE token = $1 AND client = $2 ORDER BY id DESC LIMIT 1 OFFSET $3)`, k.Token, k.ID, keep)
	if err != nil {
		return fmt.Errorf("trim acknowledgements: %w", err)
	}
	return nil
}

// Acknowledgements returns a client's, newest first.
func (s *Store) Acknowledgements(ctx context.Context, k ClientKey, limit int) ([]Acknowledgement, error) {
	rows, err := s.reading.QueryContext(ctx, `SELECT release, revision, from_release, state, code, message, mode, bytes, took_ms, at
		FROM acknowledgements WHERE token = $1 AND client = $2 ORDER BY id DESC LIMIT $3`, k.Token, k.ID, limit)
	if err != nil {
		return nil, fmt.Errorf("read acknowledgements: %w", err)
	}
	defer rows.Close()
	var all []Acknowledgement
	for rows.Next() {
		a := Acknowledgement{ClientKey: k}
		var at int64
		if err := rows.Scan(&a.Release, &a.Revision, &a.From, &a.State, &a.Code, &a.Message, &a.Mode, &a.Bytes, &a.TookMS, &at); err != nil {
			return nil, fmt.Errorf("read acknowledgements: %w", err)
		}
		a.At = moment(at)
		all = append(all, a)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read acknowledgements: %w", err)
	}
	return all, nil
}
