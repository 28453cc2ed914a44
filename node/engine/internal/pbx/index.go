package pbx

import (
	"slices"
	"strings"
)

// index finds channels by a text in letters of any case, the oldest first. Chosen ids, and names, may differ in nothing else.
type index map[string][]*channel

func (x index) add(key string, c *channel) {
	key = strings.ToLower(key)
	x[key] = append(x[key], c)
}

func (x index) remove(key string, c *channel) {
	key = strings.ToLower(key)
	rest := slices.DeleteFunc(x[key], func(o *channel) bool { return o == c })
	if len(rest) == 0 {
		delete(x, key)
		return
	}
	x[key] = rest
}

func (x index) find(key string) *channel {
	if all := x[strings.ToLower(key)]; len(all) > 0 {
		return all[0]
	}
	return nil
}
