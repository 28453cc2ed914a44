package config

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// Bounds of a hash: what a login may cost, and what is too weak to be meant.
const (
	maxMemory  = 128 << 10 // KiB
	maxTime    = 16
	maxThreads = 8
	minSalt    = 8
	minSum     = 16
	maxBytes   = 64 // salt and sum
)

// argon2Hash is a secret hashed by argon2id.
type argon2Hash struct {
	memory, time uint32 // memory in KiB
	threads      uint8
	salt, sum    []byte
}

// HashSecret returns the argon2id hash of the secret, as it may stand behind "secret =" in manager.conf. A login takes 19 MiB and about
// 30 ms.
func HashSecret(secret string) (string, error) {
	if secret == "" || hasControl(secret) {
		return "", errors.New("the secret is empty or holds a line break or another control character")
	}
	h := argon2Hash{memory: 19 << 10, time: 2, threads: 1, salt: make([]byte, 16), sum: make([]byte, 32)}
	if _, err := rand.Read(h.salt); err != nil {
		return "", fmt.Errorf("no salt: %w", err)
	}
	h.sum = h.compute(secret)
	return h.String(), nil
}

func (h *argon2Hash) compute(secret string) []byte {
	return argon2.IDKey([]byte(secret), h.salt, h.time, h.memory, h.threads, uint32(len(h.sum)))
}

func (h *argon2Hash) matches(secret string) bool {
	return subtle.ConstantTimeCompare(h.compute(secret), h.sum) == 1
}

// String is the PHC form.
func (h *argon2Hash) String() string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.memory, h.time, h.threads,
		b64.EncodeToString(h.salt), b64.EncodeToString(h.sum))
}

// parseArgon2 reads the PHC form. Its errors do not repeat the text.
func parseArgon2(text string) (*argon2Hash, error) {
	const form = "is not $argon2id$v=19$m=…,t=…,p=…$salt$hash; make it with amibus hash-secret"
	part := strings.Split(text, "$")
	if len(part) != 6 || part[0] != "" {
		return nil, errors.New(form)
	}
	if part[1] != "argon2id" || part[2] != fmt.Sprint("v=", argon2.Version) {
		return nil, errors.New("is hashed, but only argon2id, v=19, is supported; make it with amibus hash-secret")
	}
	h := &argon2Hash{}
	var threads uint32
	n, err := fmt.Sscanf(part[3], "m=%d,t=%d,p=%d", &h.memory, &h.time, &threads)
	salt, saltErr := base64.RawStdEncoding.Strict().DecodeString(part[4])
	sum, sumErr := base64.RawStdEncoding.Strict().DecodeString(part[5])
	h.threads, h.salt, h.sum = uint8(threads), salt, sum
	switch {
	case n != 3 || err != nil || saltErr != nil || sumErr != nil:
		return nil, errors.New(form)
	case threads < 1 || threads > maxThreads:
		return nil, fmt.Errorf("is hashed with p=%d, must be 1 to %d", threads, maxThreads)
	case h.time < 1 || h.time > maxTime:
		return nil, fmt.Errorf("is hashed with t=%d, must be 1 to %d", h.time, maxTime)
	case h.memory < 8*threads || h.memory > maxMemory:
		return nil, fmt.Errorf("is hashed with m=%d, must be %d to %d KiB: each login takes as much", h.memory, 8*threads, maxMemory)
	case len(salt) < minSalt || len(salt) > maxBytes || len(sum) < minSum || len(sum) > maxBytes:
		return nil, fmt.Errorf("has a hash with a salt of %d and a sum of %d bytes, must be %d to %d and %d to %d", len(salt), len(sum),
			minSalt, maxBytes, minSum, maxBytes)
	case h.String() != text:
		return nil, errors.New(form)
	}
	return h, nil
}
