//go:build cgo && !purego && (linux || darwin)

package ort

import "sync"

// cache holds values that are made once for a key and shared as long as anyone uses them.
type cache[K comparable, V any] struct {
	mu    sync.Mutex
	byKey map[K]*shareable[K, V]
	byID  map[int64]*shareable[K, V]
	next  int64
}

type shareable[K comparable, V any] struct {
	key   K
	id    int64
	once  sync.Once
	value V
	err   error
	users int
}

// acquire returns the value for key, which make makes if nobody has it; the caller must release it by its id.
func (c *cache[K, V]) acquire(key K, make func(id int64) (V, error)) (V, error) {
	c.mu.Lock()
	s := c.byKey[key]
	if s == nil {
		if c.byKey == nil {
			c.byKey, c.byID = map[K]*shareable[K, V]{}, map[int64]*shareable[K, V]{}
		}
		c.next++
		s = &shareable[K, V]{key: key, id: c.next}
		c.byKey[key], c.byID[s.id] = s, s
	}
	s.users++
	c.mu.Unlock()
	s.once.Do(func() { s.value, s.err = make(s.id) })
	if s.err != nil {
		c.release(s.id, func(V) {})
	}
	return s.value, s.err
}

// release gives up one use, and calls free with the value if that was the last.
func (c *cache[K, V]) release(id int64, free func(V)) {
	c.mu.Lock()
	s := c.byID[id]
	s.users--
	last := s.users == 0
	if last {
		delete(c.byKey, s.key)
		delete(c.byID, id)
	}
	c.mu.Unlock()
	if last {
		free(s.value)
	}
}

// len returns how many values are in use.
func (c *cache[K, V]) len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.byKey)
}
