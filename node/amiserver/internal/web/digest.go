package web

import (
	"crypto/md5"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Errors of ParseDigest.
var (
	ErrNoDigest  = errors.New("no digest")
	ErrBadDigest = errors.New("digest not understood")
)

// Digest is what a client answers to a challenge: by RFC 2617, or by RFC 2069 without Auth.
type Digest struct {
	Username, Realm, Nonce, URI, Response string

	Auth       bool // qop=auth: NC and CNonce are there
	NC         uint64
	nc, cnonce string
}

// ParseDigest reads an Authorization header.
func ParseDigest(header string) (*Digest, error) {
	const scheme = "Digest "
	header = strings.TrimLeft(header, " \t")
	if header == "" {
		return nil, ErrNoDigest
	}
	if len(header) < len(scheme) || !strings.EqualFold(header[:len(scheme)], scheme) {
		return nil, ErrBadDigest
	}
	d, seen := &Digest{}, map[string]bool{}
	for rest := header[len(scheme):]; ; {
		rest = strings.TrimLeft(rest, " \t,")
		if rest == "" {
			break
		}
		key, value, after, ok := parameter(rest)
		if key = strings.ToLower(key); !ok || seen[key] || !d.set(key, value) {
			return nil, ErrBadDigest
		}
		seen[key], rest = true, after
	}
	if d.Username == "" || d.Realm == "" || d.Nonce == "" || d.URI == "" || len(d.Response) != hex.EncodedLen(md5.Size) {
		return nil, ErrBadDigest
	}
	if d.Auth && (d.cnonce == "" || d.nc == "") {
		return nil, ErrBadDigest
	}
	return d, nil
}

// parameter cuts key=value or key="value" off.
func parameter(s string) (key, value, rest string, ok bool) {
	key, s, ok = strings.Cut(s, "=")
	if key = strings.TrimSpace(key); !ok || key == "" || strings.ContainsAny(key, "\", \t") {
		return "", "", "", false
	}
	if !strings.HasPrefix(s, `"`) {
		value, rest, _ = strings.Cut(s, ",")
		return key, strings.TrimSpace(value), rest, true
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return key, b.String(), s[i+1:], true
		case s[i] == '\\' && i+1 < len(s):
			i++
		}
		b.WriteByte(s[i])
	}
	return "", "", "", false
}

// set takes a parameter over; false if that cannot be.
func (d *Digest) set(key, value string) bool {
	switch key {
	case "username":
		d.Username = value
	case "realm":
		d.Realm = value
	case "nonce":
		d.Nonce = value
	case "uri":
		d.URI = value
	case "response":
		d.Response = value
	case "cnonce":
		d.cnonce = value
	case "algorithm":
		return strings.EqualFold(value, "MD5")
	case "qop":
		d.Auth = strings.EqualFold(value, "auth")
		return d.Auth
	case "nc":
		n, err := strconv.ParseUint(value, 16, 64)
		d.nc, d.NC = value, n
		return err == nil
	}
	return true
}

// HA1 is what a digest makes of user, realm and secret.
func HA1(user, realm, secret string) string { return hash(user, realm, secret) }

// Right tells whether the response is the one of somebody who knows the secret. It takes the same time wherever it differs.
func (d *Digest) Right(ha1, method string) bool {
	ha2 := hash(method, d.URI)
	want := hash(ha1, d.Nonce, ha2)
	if d.Auth {
		want = hash(ha1, d.Nonce, d.nc, d.cnonce, "auth", ha2)
	}
	return subtle.ConstantTimeCompare([]byte(want), []byte(strings.ToLower(d.Response))) == 1
}

func hash(parts ...string) string {
	sum := md5.Sum([]byte(strings.Join(parts, ":")))
	return hex.EncodeToString(sum[:])
}

// Challenge is the value of WWW-Authenticate. Opaque says nothing: it is the nonce, as in Asterisk.
func Challenge(realm, nonce string, stale bool) string {
	end := ""
	if stale {
		end = ", stale=true"
	}
	return fmt.Sprintf("Digest algorithm=MD5, realm=%q, nonce=%q, qop=\"auth\", opaque=%q%s", realm, nonce, nonce, end)
}

// Realm makes a system name fit for a challenge and for clients that do not know how to undo quotes.
func Realm(system string) string {
	system = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' || r == '\\' {
			return '_'
		}
		return r
	}, system)
	if system == "" {
		return "asterisk"
	}
	return system
}
