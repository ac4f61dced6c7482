package release

import (
	"container/list"
	"sync"

	"github.com/anvilpeering/anvil/bundle"
	"github.com/anvilpeering/anvil/gitstore"
)

// cache keeps the values that were asked for last, up to a number of bytes. One
// that alone is larger is not kept.
type cache[K comparable, V any] struct {
	limit  int64
	weight func(V) int64 // about the bytes that a value keeps in memory

	mu    sync.Mutex
	bytes int64
	order *list.List // of *cached[K, V], the last used first
	byKey map[K]*list.Element
}

type cached[K comparable, V any] struct {
	key   K
	value V
}

func newCache[K comparable, V any](limit int64, weight func(V) int64) *cache[K, V] {
	return &cache[K, V]{limit: limit, weight: weight, order: list.New(), byKey: make(map[K]*list.Element)}
}

func (c *cache[K, V]) get(key K) (value V, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.byKey[key]
	if !ok {
		return value, false
	}
	c.order.MoveToFront(e)
	return e.Value.(*cached[K, V]).value, true
}

func (c *cache[K, V]) put(key K, value V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.byKey[key]; ok || c.weight(value) > c.limit {
		return
	}
	c.byKey[key] = c.order.PushFront(&cached[K, V]{key, value})
	c.bytes += c.weight(value)
	for c.bytes > c.limit {
		old := c.order.Remove(c.order.Back()).(*cached[K, V])
		delete(c.byKey, old.key)
		c.bytes -= c.weight(old.value)
	}
}

// pair names an artefact; from is zero for a full bundle.
type pair struct{ to, from gitstore.Hash }

func (p pair) String() string { return p.to.String() + p.from.String() }

func newArtefacts(limit int64) *cache[pair, *Artefact] {
	return newCache[pair](limit, func(a *Artefact) int64 { return int64(len(a.Body)) + 512 })
}

// sumsBytes bounds the SHA256SUMS that are kept: those of the last few releases,
// between which deltas are asked for.
const sumsBytes = 32 << 20

func newSumsCache() *cache[gitstore.Hash, bundle.Sums] {
	const line = 250 // bytes, as text and as a value
	return newCache[gitstore.Hash](sumsBytes, func(s bundle.Sums) int64 { return int64(s.Len()) * line })
}
