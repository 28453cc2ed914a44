package config

import (
	"encoding/base64"
	"fmt"
	"os"
)

// Key reads the gossip key: 16, 24 or 32 bytes, as they are or in base64 on one line. It is nil without a KeyFile.
//
// 24 or 32 characters of base64 could be a key as they are, too; they are taken for base64. All nodes read alike, so they agree.
func (m Member) Key() ([]byte, error) {
	if m.KeyFile == "" {
		return nil, nil
	}
	text, err := os.ReadFile(m.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("key file %s cannot be read: %w", m.KeyFile, cause(err))
	}
	line := []byte(trimNewline(string(text)))
	if key, err := base64.StdEncoding.Strict().DecodeString(string(line)); err == nil && keySize(key) {
		return key, nil
	}
	for _, key := range [][]byte{text, line} {
		if keySize(key) {
			return key, nil
		}
	}
	return nil, fmt.Errorf("key file %s holds no key of 16, 24 or 32 bytes, raw or base64; make one with: openssl rand -base64 32", m.KeyFile)
}

func keySize(key []byte) bool { return len(key) == 16 || len(key) == 24 || len(key) == 32 }
