package stasis

import (
	"slices"
	"sync"
)

// Pool makes the topics below a parent when they are asked for. Each is forwarded to the parent.
type Pool[T any] struct {
	parent *Topic[T]

	mu       sync.RWMutex
	children map[string]child[T]
}

type child[T any] struct {
	topic   *Topic[T]
	forward *Forward[T]
}

// NewPool returns a pool without children.
func NewPool[T any](parent *Topic[T]) *Pool[T] {
	return &Pool[T]{parent: parent, children: map[string]child[T]{}}
}

// Parent returns the topic that gets everything.
func (p *Pool[T]) Parent() *Topic[T] { return p.parent }

// Topic returns the child of that name; it makes one, called parent/name, if there is none.
func (p *Pool[T]) Topic(name string) *Topic[T] {
	if t, ok := p.Lookup(name); ok {
		return t
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	c, ok := p.children[name]
	if !ok {
		c.topic = NewTopic[T](p.parent.name + "/" + name)
		c.forward = c.topic.Forward(p.parent)
		p.children[name] = c
	}
	return c.topic
}

// Lookup returns the child of that name if there is one.
func (p *Pool[T]) Lookup(name string) (*Topic[T], bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	c, ok := p.children[name]
	return c.topic, ok
}

// Delete forgets the child of that name and ends its forward; the next Topic of that name is another one. Subscriptions to it are not
// ended: who still has the topic may publish on it.
func (p *Pool[T]) Delete(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c, ok := p.children[name]; ok {
		c.forward.Cancel()
		delete(p.children, name)
	}
}

// Len returns the number of children.
func (p *Pool[T]) Len() int {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return len(p.children)
}

// Names returns the names of the children, sorted.
func (p *Pool[T]) Names() []string {
	p.mu.RLock()
	defer p.mu.RUnlock()
	names := make([]string, 0, len(p.children))
	for name := range p.children {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
