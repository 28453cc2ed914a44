package config

import (
	"crypto/tls"
	"os"
	"sync"
	"time"
)

// rereadEvery is how often the files of a certificate are looked at, at most.
const rereadEvery = time.Second

// keyPair is a certificate that follows its files.
type keyPair struct {
	cert, key string
	reread    func(error)
	now       func() time.Time

	mu      sync.Mutex
	current *tls.Certificate
	looked  time.Time
	seen    [2]stamp // of the files when they were last read
}

// stamp tells whether a file is another one than before.
type stamp struct {
	modified time.Time
	size     int64
}

func newKeyPair(cert, key string, reread func(error)) (*keyPair, error) {
	k := &keyPair{cert: cert, key: key, reread: reread, now: time.Now}
	k.looked, k.seen = k.now(), k.stamps()
	if err := k.read(); err != nil {
		return nil, err
	}
	return k, nil
}

// get is for each handshake. It looks at the files itself: a file's change needs no watcher while nobody connects.
func (k *keyPair) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if now := k.now(); now.Sub(k.looked) >= rereadEvery {
		k.looked = now
		if is := k.stamps(); is != k.seen {
			k.seen = is // what is broken is read again, and told again, only when it changes again
			err := k.read()
			if k.reread != nil {
				k.reread(err)
			}
		}
	}
	return k.current, nil
}

func (k *keyPair) read() error {
	pair, err := tls.LoadX509KeyPair(k.cert, k.key)
	if err != nil {
		return pairError(k.cert, k.key, err)
	}
	k.current = &pair
	return nil
}

func (k *keyPair) stamps() (s [2]stamp) {
	for i, file := range []string{k.cert, k.key} {
		if info, err := os.Stat(file); err == nil {
			s[i] = stamp{info.ModTime(), info.Size()}
		}
	}
	return s
}
