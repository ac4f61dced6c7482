package push

import (
	"context"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/anvilpeering/anvil/state"
)

// credential is a token that is valid until revoked is closed.
type credential struct {
	token   Token
	sum     [32]byte
	used    atomic.Int64 // Unix milliseconds
	flushed int64        // what the database knows of used; the flusher's alone
	revoked chan struct{}
}

// credentials are the valid tokens. Readers take no lock.
type credentials struct {
	changing sync.Mutex
	byID     atomic.Pointer[map[string]*credential]
}

func (c *credentials) load(all []state.Token) error {
	byID := make(map[string]*credential, len(all))
	for _, k := range all {
		if !k.Revoked.IsZero() {
			continue
		}
		sum, err := hex.DecodeString(k.SecretSHA256)
		if err != nil || len(sum) != 32 {
			return fmt.Errorf("token %s: damaged hash", k.ID)
		}
		byID[k.ID] = newCredential(tokenOf(k), [32]byte(sum))
	}
	c.byID.Store(&byID)
	return nil
}

func newCredential(t Token, sum [32]byte) *credential {
	c := &credential{token: t, sum: sum, revoked: make(chan struct{})}
	c.token.credential = c
	c.flushed = millis(t.LastUsed)
	c.used.Store(c.flushed)
	return c
}

func (c *credentials) find(id string) *credential { return (*c.byID.Load())[id] }

func (c *credentials) add(new *credential) {
	c.changing.Lock()
	defer c.changing.Unlock()
	next := maps.Clone(*c.byID.Load())
	next[new.token.ID] = new
	c.byID.Store(&next)
}

// remove takes a credential out and ends the polls that were admitted with it.
func (c *credentials) remove(id string) {
	c.changing.Lock()
	defer c.changing.Unlock()
	old, ok := (*c.byID.Load())[id]
	if !ok {
		return
	}
	next := maps.Clone(*c.byID.Load())
	delete(next, id)
	c.byID.Store(&next)
	close(old.revoked)
}

// Authenticate finds the token that a bearer presents. It reads memory only:
// text that was never a token, or has an unknown id, costs not even a hash.
func (p *Push) Authenticate(text string) (Token, error) {
	id, secret, ok := parseToken(text)
	if !ok {
		return Token{}, &Error{
			Kind: ErrUnauthenticated, Message: "not a token of anvil",
			Advice: "a token has the form anv_… and is shown once, by anvil tokens create or anvil connect",
		}
	}
	unknown := &Error{
		Kind: ErrUnauthenticated, Message: "unknown or revoked token",
		Advice: "see anvil tokens list on the server, and make a new one with anvil connect or anvil tokens create",
	}
	c := p.credentials.find(id)
	if c == nil {
		return Token{}, unknown
	}
	sum := hashSecret(secret)
	if subtle.ConstantTimeCompare(sum[:], c.sum[:]) != 1 {
		return Token{}, unknown
	}
	c.used.Store(p.now().UnixMilli())
	return c.token, nil
}

// CreateToken makes a token and returns its text, which is kept nowhere.
func (p *Push) CreateToken(ctx context.Context, n NewToken) (secret string, t Token, err error) {
	if err := n.check(); err != nil {
		return "", Token{}, err
	}
	text, id, drawn := drawToken()
	sum := hashSecret(drawn)
	t = Token{ID: id, Name: n.Name, Role: n.Role, Project: n.Project, Channel: n.Channel, Created: p.now(), CreatedBy: n.By}
	err = p.state.Update(ctx, func(tx *state.Tx) error {
		err := tx.InsertToken(state.Token{
			ID: id, SecretSHA256: hexSum(sum), Name: t.Name, Role: string(t.Role), Project: t.Project, Channel: t.Channel,
			Created: t.Created, CreatedBy: t.CreatedBy,
		})
		if err != nil {
			return err
		}
		return tx.Audit(state.Entry{
			At: t.Created, Who: n.By, What: "token create", Project: t.Project, Channel: t.Channel, To: id, Outcome: "ok",
			Detail: string(t.Role) + " " + t.Name,
		})
	})
	if err != nil {
		return "", Token{}, fmt.Errorf("create token: %w", err)
	}
	p.credentials.add(newCredential(t, sum))
	return text, t, nil
}

// Tokens returns all tokens, the revoked ones too, oldest first.
func (p *Push) Tokens(ctx context.Context) ([]Token, error) {
	all, err := p.state.Tokens(ctx)
	if err != nil {
		return nil, err
	}
	tokens := make([]Token, 0, len(all))
	for _, k := range all {
		t := tokenOf(k)
		if c := p.credentials.find(t.ID); c != nil {
			t.LastUsed = moment(c.used.Load())
		}
		tokens = append(tokens, t)
	}
	return tokens, nil
}

// FindToken returns the token with an id, also a revoked one.
func (p *Push) FindToken(ctx context.Context, id string) (Token, error) {
	all, err := p.Tokens(ctx)
	if err != nil {
		return Token{}, err
	}
	for _, t := range all {
		if t.ID == id {
			return t, nil
		}
	}
	return Token{}, noToken(id)
}

// RevokeToken ends a token at once: polls that it parked are answered, its
// clients are forgotten. by is who does it, for the audit log.
func (p *Push) RevokeToken(ctx context.Context, id, by string) error {
	p.registering.Lock()
	defer p.registering.Unlock()
	err := p.state.Update(ctx, func(tx *state.Tx) error {
		if err := tx.RevokeToken(id, p.now()); err != nil {
			return err
		}
		return tx.Audit(state.Entry{At: p.now(), Who: by, What: "token revoke", To: id, Outcome: "ok"})
	})
	if errors.Is(err, state.ErrNotFound) {
		return noToken(id)
	}
	if err != nil {
		return fmt.Errorf("revoke token: %w", err)
	}
	p.credentials.remove(id)
	p.clients.forgetToken(id)
	return nil
}

func noToken(id string) error {
	return &Error{Kind: ErrNotFound, Message: fmt.Sprintf("no token has the id %q", id), Advice: "see anvil tokens list"}
}

func tokenOf(k state.Token) Token {
	return Token{
		ID: k.ID, Name: k.Name, Role: Role(k.Role), Project: k.Project, Channel: k.Channel,
		Created: k.Created, CreatedBy: k.CreatedBy, LastUsed: k.LastUsed, Revoked: k.Revoked,
	}
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func moment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
