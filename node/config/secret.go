package config

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"hash/maphash"
	"strings"
	"sync"
	"time"
)

// secret takes a plain secret or its hash. The value is never repeated.
func (l *managerLoader) secret(s *stanza, o setting, u *User) {
	u.Secret, u.hash = o.value, nil
	if strings.HasPrefix(o.value, "$argon2") {
		u.Secret = ""
		var err error
		if u.hash, err = parseArgon2(o.value); err != nil {
			l.bad(s, o, "%v", err)
		}
	}
}

// HashedOnly tells that only a hash of the user's secret is known: MD5 and digest logins cannot work.
func (u *User) HashedOnly() bool { return u.hash != nil }

// SecretIs tells whether the user may log in with the secret given. The time it takes tells nothing about the secret. With a hash it
// takes the memory and the time that the hash asks for, and waits while others are computed; a secret that was right is known for a
// while. No user, and one without a secret, is false. The error is ctx's, which ended before it could be told.
func (u *User) SecretIs(ctx context.Context, given string) (bool, error) {
	switch {
	case u == nil:
		return false, nil
	case u.hash != nil:
		return hashes.right(ctx, u.hash, given)
	}
	x, y := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(u.Secret))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1 && u.Secret != "", nil
}

var strangerSeed = maphash.MakeSeed()

// Stranger stands for a user that does not exist: its SecretIs is false, and takes as long as that of one of the users, always the same
// for one name. So the time of a refusal does not tell who exists.
func (m *Manager) Stranger(name string) *User {
	if len(m.named) == 0 {
		return nil
	}
	like := m.users[m.named[maphash.String(strangerSeed, strings.ToLower(name))%uint64(len(m.named))]]
	if like.hash == nil {
		return &User{}
	}
	h := *like.hash
	h.sum = make([]byte, len(h.sum)) // no secret is known to have this sum
	rand.Read(h.sum)
	return &User{hash: &h}
}

const (
	hashesAtOnce = 2                // each takes up to maxMemory
	knownSecrets = 1024             // that were right and are remembered
	knownFor     = 10 * time.Minute // from the computation
)

// hashes is one for the process: what it bounds is memory.
var hashes = newHasher(time.Now)

// hasher bounds how many hashes are computed at once, and remembers for a while which secret was right for which hash, so that a client
// that often connects costs little. What it remembers is of no use without its key.
type hasher struct {
	slots chan struct{}
	key   [32]byte
	now   func() time.Time

	mu    sync.Mutex
	known map[[sha256.Size]byte]time.Time // until when
}

func newHasher(now func() time.Time) *hasher {
	h := &hasher{slots: make(chan struct{}, hashesAtOnce), now: now, known: map[[sha256.Size]byte]time.Time{}}
	rand.Read(h.key[:])
	return h
}

func (h *hasher) right(ctx context.Context, a *argon2Hash, given string) (bool, error) {
	id := h.id(a, given)
	if h.knows(id) {
		return true, nil
	}
	select {
	case h.slots <- struct{}{}:
	case <-ctx.Done():
		return false, ctx.Err()
	}
	defer func() { <-h.slots }()
	if h.knows(id) { // another connection of the same client was first
		return true, nil
	}
	if err := ctx.Err(); err != nil { // nobody waits for it any more
		return false, err
	}
	if !a.matches(given) {
		return false, nil
	}
	h.remember(id)
	return true, nil
}

func (h *hasher) id(a *argon2Hash, given string) (id [sha256.Size]byte) {
	mac := hmac.New(sha256.New, h.key[:])
	mac.Write([]byte(a.String()))
	mac.Write([]byte{0}) // not in a hash's text
	mac.Write([]byte(given))
	return [sha256.Size]byte(mac.Sum(nil))
}

func (h *hasher) knows(id [sha256.Size]byte) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now().Before(h.known[id])
}

// remember makes room by what is over, else by any.
func (h *hasher) remember(id [sha256.Size]byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.now()
	if len(h.known) >= knownSecrets {
		for k, until := range h.known {
			if !now.Before(until) {
				delete(h.known, k)
			}
		}
	}
	for k := range h.known {
		if len(h.known) < knownSecrets {
			break
		}
		delete(h.known, k)
	}
	h.known[id] = now.Add(knownFor)
}
