package member

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/memberlist"
)

// keysEvery is how often it is logged that keys differ: who has another key tries again and again.
const keysEvery = time.Minute

// encrypt sets the first keys.
func (l *List) encrypt(c *memberlist.Config) (err error) {
	if len(l.cfg.Keys) == 0 {
		return nil
	}
	if err := checkKeys(l.cfg.Keys); err != nil {
		return err
	}
	if l.keyring, err = memberlist.NewKeyring(l.cfg.Keys, l.cfg.Keys[0]); err != nil {
		return fmt.Errorf("bus.member.key_file: %w", err)
	}
	c.Keyring = l.keyring
	return nil
}

func checkKeys(keys [][]byte) error {
	for i, key := range keys {
		if err := memberlist.ValidateKey(key); err != nil {
			return fmt.Errorf("bus.member.key_file: key %d has %d bytes, want 16, 24 or 32", i+1, len(key))
		}
	}
	return nil
}

// SetKeys replaces the keys while the list runs: the first encrypts from now on, all decrypt. To change a key without losing anybody, give
// every node the new one behind the old one, then before it, then alone. Encryption cannot be switched on or off.
func (l *List) SetKeys(keys [][]byte) error {
	l.updating.Lock()
	defer l.updating.Unlock()
	switch {
	case l.keyring == nil && len(keys) == 0:
		return nil
	case l.keyring == nil || len(keys) == 0:
		return errors.New("bus.member.key_file: encryption cannot be switched on or off while the node runs; restart it")
	}
	if err := checkKeys(keys); err != nil {
		return err
	}
	for _, key := range keys {
		if err := l.keyring.AddKey(key); err != nil {
			return fmt.Errorf("bus.member.key_file: %w", err)
		}
	}
	if err := l.keyring.UseKey(keys[0]); err != nil {
		return fmt.Errorf("bus.member.key_file: %w", err)
	}
	for _, old := range l.keyring.GetKeys() {
		if slices.ContainsFunc(keys, func(key []byte) bool { return bytes.Equal(key, old) }) {
			continue
		}
		if err := l.keyring.RemoveKey(old); err != nil {
			return fmt.Errorf("bus.member.key_file: %w", err)
		}
	}
	return nil
}

// keysDiffer tells whether a text of memberlist means that the other side has no key in common with us. It has no errors to ask.
func keysDiffer(text string) bool {
	return strings.Contains(text, "no installed keys could decrypt") || strings.Contains(text, "encryption is configured but remote state is not encrypted") ||
		strings.Contains(text, "remote state is encrypted and encryption is not configured")
}

// noteKeys counts a message that could not be decrypted, and logs it now and then.
func (l *List) noteKeys(text string) {
	l.undecryptable.Add(1)
	now, last := time.Now().UnixNano(), l.keysTold.Load()
	if (last == 0 || now-last >= int64(keysEvery)) && l.keysTold.CompareAndSwap(last, now) {
		l.cfg.Log.Warn("members do not have the same keys: is bus.member.key_file the same everywhere?", "detail", text)
	}
}
