package config

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
)

// Keys reads the keys of the gossip, one a line: the first encrypts, all decrypt, so that a key can be changed node by node. A key is 16,
// 24 or 32 bytes, as they are or in base64. There are none without a KeyFile.
//
// 24 or 32 characters of base64 could be a key as they are, too; they are taken for base64. All nodes read alike, so they agree.
func (m Member) Keys() ([][]byte, error) {
	if m.KeyFile == "" {
		return nil, nil
	}
	text, err := os.ReadFile(m.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("key file %s cannot be read: %w", m.KeyFile, cause(err))
	}
	var keys [][]byte
	bad := 0
	for i, line := range bytes.Split(text, []byte("\n")) {
		line = bytes.TrimSuffix(line, []byte("\r"))
		key := parseKey(line)
		switch {
		case key != nil:
			keys = append(keys, key)
		case len(line) > 0 && bad == 0:
			bad = i + 1
		}
	}
	if keySize(text) && bad > 0 { // one key as it is, with a line break in it
		return [][]byte{text}, nil
	}
	switch {
	case bad > 0:
		return nil, fmt.Errorf("key file %s, line %d: no key of 16, 24 or 32 bytes, raw or base64; make one with: openssl rand -base64 32", m.KeyFile, bad)
	case len(keys) == 0:
		return nil, fmt.Errorf("key file %s holds no key of 16, 24 or 32 bytes, raw or base64; make one with: openssl rand -base64 32", m.KeyFile)
	}
	return keys, nil
}

// parseKey returns nil if the line is no key.
func parseKey(line []byte) []byte {
	if key, err := base64.StdEncoding.Strict().DecodeString(string(line)); err == nil && keySize(key) {
		return key
	}
	if keySize(line) {
		return line
	}
	return nil
}

func keySize(key []byte) bool { return len(key) == 16 || len(key) == 24 || len(key) == 32 }
