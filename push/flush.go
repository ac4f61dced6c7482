package push

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/anvilpeering/anvil/state"
)

// chunk is how many rows one transaction of the background touches, so that
// acknowledgements never wait long behind it.
const chunk = 500

// flush writes down who was seen since the last time. It is called by Run
// alone.
func (p *Push) flush(ctx context.Context) error {
	var clients []*client
	for _, c := range p.clients.all() {
		if c.seen.Load() != c.flushed {
			clients = append(clients, c)
		}
	}
	for part := range slices.Chunk(clients, chunk) {
		seen := make([]int64, len(part))
		err := p.state.Update(ctx, func(tx *state.Tx) error {
			for i, c := range part {
				seen[i] = c.seen.Load()
				if err := tx.SeeClient(c.key, moment(seen[i]), *c.held.Load()); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("write down clients: %w", err)
		}
		for i, c := range part {
			c.flushed = seen[i]
		}
	}
	tokens := slices.DeleteFunc(slices.Collect(maps.Values(*p.credentials.byID.Load())), func(c *credential) bool {
		return c.used.Load() == c.flushed
	})
	for part := range slices.Chunk(tokens, chunk) {
		used := make([]int64, len(part))
		err := p.state.Update(ctx, func(tx *state.Tx) error {
			for i, c := range part {
				used[i] = c.used.Load()
				if err := tx.TouchToken(c.token.ID, moment(used[i])); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("write down tokens: %w", err)
		}
		for i, c := range part {
			c.flushed = used[i]
		}
	}
	return nil
}

// forget removes clients that were silent too long.
func (p *Push) forget(ctx context.Context) error {
	now := p.now().UnixMilli()
	speaks := func(c *client) bool { return now-c.seen.Load() <= c.life().Milliseconds() }
	for part := range slices.Chunk(slices.DeleteFunc(p.clients.all(), speaks), chunk) {
		if err := p.forgetPart(ctx, part, speaks); err != nil {
			return fmt.Errorf("forget clients: %w", err)
		}
	}
	return nil
}

// forgetPart removes those that have not spoken since. Nobody registers or
// acknowledges meanwhile, so it is few of them at a time.
func (p *Push) forgetPart(ctx context.Context, silent []*client, speaks func(*client) bool) error {
	p.registering.Lock()
	defer p.registering.Unlock()
	silent = slices.DeleteFunc(silent, speaks)
	err := p.state.Update(ctx, func(tx *state.Tx) error {
		for _, c := range silent {
			if err := tx.ForgetClient(c.key); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, c := range silent {
		p.clients.forget(c.key)
	}
	return nil
}

// trim removes what clients acknowledged long ago, of those who said something
// since the last time.
func (p *Push) trim(ctx context.Context) error {
	talked := slices.DeleteFunc(p.clients.all(), func(c *client) bool { return !c.talked.Swap(false) })
	for part := range slices.Chunk(talked, chunk) {
		err := p.state.Update(ctx, func(tx *state.Tx) error {
			for _, c := range part {
				if err := tx.TrimAcknowledgements(c.key, p.o.Keep); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
