package gitstore

import (
	"container/list"
	"sync"
)

// lru keeps the most recently used values up to a number of bytes. It may be
// used concurrently; its values are shared and must not be modified.
type lru[K comparable, V any] struct {
	mu    sync.Mutex
	limit int
	used  int
	order *list.List // of *lruItem, most recent first
	items map[K]*list.Element
}

type lruItem[K comparable, V any] struct {
	key   K
	value V
	size  int
}

func newLRU[K comparable, V any](limit int) *lru[K, V] {
	return &lru[K, V]{limit: limit, order: list.New(), items: make(map[K]*list.Element)}
}

func (c *lru[K, V]) get(key K) (V, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	element, ok := c.items[key]
	if !ok {
		var none V
		return none, false
	}
	c.order.MoveToFront(element)
	return element.Value.(*lruItem[K, V]).value, true
}

func (c *lru[K, V]) put(key K, value V, size int) {
	if size > c.limit/4 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.items[key]; ok {
		return
	}
	c.items[key] = c.order.PushFront(&lruItem[K, V]{key, value, size})
	c.used += size
	for c.used > c.limit {
		last := c.order.Back()
		item := last.Value.(*lruItem[K, V])
		c.order.Remove(last)
		delete(c.items, item.key)
		c.used -= item.size
	}
}
