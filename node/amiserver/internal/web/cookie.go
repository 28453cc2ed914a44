package web

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// CookieName is what Asterisk calls the cookie.
const CookieName = "mansession_id"

// idBytes make a session id that cannot be guessed. Asterisk has four, of rand(): whoever guesses one is logged in (11.5).
const idBytes = 16

// NewID returns a new session id.
func NewID() string {
	b := make([]byte, idBytes)
	rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// SessionID reads the id from the Cookie headers, "" without one. As in Asterisk the last header counts, and in it the last cookie.
func SessionID(headers []string) (id string) {
	if len(headers) == 0 {
		return ""
	}
	for cookie := range strings.SplitSeq(headers[len(headers)-1], ";") {
		name, value, ok := strings.Cut(cookie, "=")
		if !ok || !strings.EqualFold(strings.TrimSpace(name), CookieName) {
			continue
		}
		if value = strings.TrimSpace(value); len(value) > 1 && value[0] == '"' && value[len(value)-1] == '"' {
			value = value[1 : len(value)-1]
		}
		if len(value) == hex.EncodedLen(idBytes) {
			id = strings.ToLower(value)
		}
	}
	return id
}

// SetCookie is the value of Set-Cookie. SameSite, which Asterisk has not, keeps links on other sites from acting in the user's name.
func SetCookie(id string, life time.Duration, secure bool) string {
	end := ""
	if secure {
		end = "; Secure"
	}
	return fmt.Sprintf("%s=\"%s\"; Version=1; Max-Age=%d; SameSite=Strict%s", CookieName, id, int(life/time.Second), end)
}
