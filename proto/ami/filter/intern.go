package filter

import (
	"crypto/sha256"
	"runtime"
	"sync"
	"weak"
)

// interned holds the sets that somebody uses; it does not keep them.
var interned = struct {
	sync.Mutex
	sets map[digest]weak.Pointer[Set]
}{sets: map[digest]weak.Pointer[Set]{}}

// intern returns the set in use with the filters of s, or s from now on.
func intern(s *Set) *Set {
	h := sha256.New()
	for _, f := range s.filters {
		h.Write(f.key[:])
	}
	key := digest(h.Sum(nil))
	interned.Lock()
	defer interned.Unlock()
	if old := interned.sets[key].Value(); old != nil {
		return old
	}
	interned.sets[key] = weak.Make(s)
	runtime.AddCleanup(s, forget, key)
	return s
}

func forget(key digest) {
	interned.Lock()
	defer interned.Unlock()
	if interned.sets[key].Value() == nil { // else a later set has taken the place
		delete(interned.sets, key)
	}
}
