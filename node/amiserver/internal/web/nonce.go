package web

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"time"
)

// NonceLife is how long a nonce may begin a session, and go on with one (ami/behaviour.md 11.14).
const NonceLife = 62 * time.Second

// A nonce is its time, random bytes, and a proof that it is ours. So those who ask for one and never come back cost no memory, and
// cannot push anybody else's out.
const (
	nonceTime   = 8
	nonceRandom = 16
	nonceProof  = 16
	nonceLen    = nonceTime + nonceRandom + nonceProof
)

// Nonces gives nonces out and takes each for a beginning once. It remembers a bounded number of those taken; when there are more, the
// oldest are forgotten, and with them all that were given out until then are refused: their clients get a new one and come again.
// It is not safe for concurrent use.
type Nonces struct {
	key       [32]byte
	limit     int
	spent     map[string]bool
	order     []spentNonce // oldest first
	horizon   time.Time    // those given out until then are not taken
	forgotten uint64
}

type spentNonce struct {
	nonce string
	made  time.Time
}

// NewNonces returns Nonces that remember at most limit of those taken.
func NewNonces(limit int) *Nonces {
	n := &Nonces{limit: limit, spent: map[string]bool{}}
	rand.Read(n.key[:]) // never fails
	return n
}

// Issue returns a new nonce.
func (n *Nonces) Issue(now time.Time) string {
	b := make([]byte, nonceTime+nonceRandom, nonceLen)
	binary.BigEndian.PutUint64(b, uint64(now.UnixNano()))
	rand.Read(b[nonceTime:]) // never fails
	return hex.EncodeToString(append(b, n.proof(b)...))
}

func (n *Nonces) proof(b []byte) []byte {
	h := hmac.New(sha256.New, n.key[:])
	h.Write(b)
	return h.Sum(nil)[:nonceProof]
}

// made returns when a nonce was given out; ok is false if it was not, in this very spelling.
func (n *Nonces) made(nonce string) (at time.Time, ok bool) {
	b, err := hex.DecodeString(nonce)
	if err != nil || len(b) != nonceLen || nonce != hex.EncodeToString(b) || !hmac.Equal(b[nonceTime+nonceRandom:], n.proof(b[:nonceTime+nonceRandom])) {
		return time.Time{}, false
	}
	return time.Unix(0, int64(binary.BigEndian.Uint64(b))), true
}

// Take takes a nonce for the beginning of a session; false if it is none, is too old, or was taken before.
func (n *Nonces) Take(nonce string, now time.Time) bool {
	at, ok := n.made(nonce)
	if !ok || now.Sub(at) > NonceLife || !at.After(n.horizon) || n.spent[nonce] {
		return false
	}
	n.forget(now)
	n.spent[nonce] = true
	n.order = append(n.order, spentNonce{nonce, at})
	return true
}

// forget makes room for one more.
func (n *Nonces) forget(now time.Time) {
	for len(n.order) > 0 {
		oldest := n.order[0]
		old := now.Sub(oldest.made) > NonceLife
		if !old && len(n.order) < n.limit {
			return
		}
		if !old {
			n.forgotten++
			if oldest.made.After(n.horizon) {
				n.horizon = oldest.made
			}
		}
		delete(n.spent, oldest.nonce)
		n.order = n.order[1:]
	}
}

// Forgotten counts the nonces forgotten for want of room.
func (n *Nonces) Forgotten() uint64 { return n.forgotten }
