package amiserver

import (
	"net"
	"net/http"
	"time"

	"github.com/amibus/amibus/node/amiserver/internal/web"
	"github.com/amibus/amibus/node/config"
)

// authenticate finds the session of a request with digest authentication, or begins one (ami/behaviour.md 11.13–11.16). A wrong one waits
// as a wrong login does, and raises the same events; Asterisk lets anybody guess as fast as he can, and says nothing.
func (h *webHandler) authenticate(r *http.Request, remote, local net.Addr) (*webSession, *refusal) {
	d, err := web.ParseDigest(r.Header.Get("Authorization"))
	if err != nil {
		return nil, h.challenge("", false)
	}
	if d.URI != r.RequestURI { // else an answer to one request would be good for another one
		return nil, badURI
	}
	user, no := h.check(r, d, remote, local)
	if no != nil {
		h.srv.count.failures.Add(1)
		h.pay()
		return nil, no
	}
	ws, begun, nonce, no := h.sessions.openDigest(d, remote, local)
	switch {
	case no != nil:
		return nil, no
	case ws == nil:
		return nil, h.challenge(nonce, true)
	case begun && !h.begin(ws, user, d.Username):
		h.pay()
		return nil, inUse
	}
	return ws, nil
}

// challenge asks for a digest with this nonce, "" is a new one.
func (h *webHandler) challenge(nonce string, stale bool) *refusal {
	if nonce == "" {
		nonce = h.sessions.issue()
	}
	return &refusal{status: http.StatusUnauthorized, title: "Unauthorized", challenge: web.Challenge(h.realm(), nonce, stale)}
}

func (h *webHandler) realm() string { return web.Realm(h.srv.conf.Backend.SystemName(h.srv.conf.Node)) }

// pay makes this client, and nobody else, wait, also if he hangs up: he would come back at once.
func (h *webHandler) pay() {
	wait := time.NewTimer(h.srv.penalty)
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-h.drain:
	}
}

// check tells whether a digest is right, in Asterisk's order.
func (h *webHandler) check(r *http.Request, d *web.Digest, remote, local net.Addr) (*config.User, *refusal) {
	nobody := h.srv.open(remote, local) // who the events are about
	no := h.challenge("", false)
	user, known := h.srv.conf.Users().User(d.Username)
	why := ""
	switch {
	case !known:
		why = "no such user"
		nobody.raise(invalidAccountID, d.Username)
	case !user.Allowed(nobody.remote.Addr()):
		why, no = "not from this address (deny, permit, acl)", notAllowed
		nobody.raise(failedACL, d.Username)
	case user.HashedOnly():
		why = "only a hash of the secret is known, which is no use for a digest"
	case user.Secret == "":
		why = "the user has no secret"
	case !d.Right(web.HA1(user.Name, h.realm(), user.Secret), r.Method):
		why = "wrong secret"
		nobody.raise(challengeFailed, "", "Challenge", d.Nonce, "Response", d.Response, "ExpectedResponse", "")
	default:
		return user, nil
	}
	nobody.log.Warn("AMI login failed", "user", d.Username, "reason", why)
	return nil, no
}

// begin logs the user in; false if he is there already and may be only once.
func (h *webHandler) begin(ws *webSession, user *config.User, account string) bool {
	defer func() { <-ws.turn }()
	if !h.srv.enter(user) {
		h.srv.count.failures.Add(1)
		ws.log.Warn("AMI login refused: the user is logged in and may be only once (allowmultiplelogin)", "user", account)
		ws.raise(sessionLimit, account)
		h.sessions.done(ws, nil, errGoodbye)
		return false
	}
	ws.become(user, account)
	ws.sub = ws.subscribe()
	ws.raise(successfulAuth, account, "UsingPassword", "0")
	return true
}

func (all *webSessions) issue() string {
	all.mu.Lock()
	defer all.mu.Unlock()
	return all.nonces.Issue(time.Now())
}

// openDigest finds the session of a right digest, or begins one, which its caller runs. Neither of both: the nonce is stale, and the
// client shall use the one returned. Each nonce begins one session, so that nobody can say again what he has overheard; without nc it
// is good for one request only.
func (all *webSessions) openDigest(d *web.Digest, remote, local net.Addr) (ws *webSession, begun bool, nonce string, no *refusal) {
	now, nc := time.Now(), d.NC
	if !d.Auth {
		nc = 1
	}
	all.mu.Lock()
	defer func() { all.srv.count.forgotten.Store(all.nonces.Forgotten()) }()
	ws = all.byID[d.Nonce]
	switch {
	case ws != nil && (!ws.digest || !ws.sameUser(d.Username) || ws.reason != nil):
		nonce = all.nonces.Issue(now)
	case ws != nil && ws.old == d.Nonce:
		nonce = ws.id
	case ws != nil && nc > ws.nc && now.Sub(ws.made) <= web.NonceLife:
		ws.nc = nc
		all.use(ws)
		ws.expires = now.Add(all.life(ws))
		all.mu.Unlock()
		return ws, false, "", nil
	case ws != nil:
		nonce = all.renew(ws, now)
	case !all.nonces.Take(d.Nonce, now):
		nonce = all.nonces.Issue(now)
	default:
		gone, ok := all.room()
		if ok {
			ws = all.add(d.Nonce, remote, local)
			ws.digest, ws.nc = true, nc
			ws.expires = now.Add(all.life(ws))
			ws.turn <- struct{}{}
		}
		all.mu.Unlock()
		gone.end(all)
		if !ok {
			all.full(remote)
			return nil, false, "", noRoom
		}
		return ws, true, "", nil
	}
	all.mu.Unlock()
	return nil, false, nonce, nil
}

// renew gives a session a new nonce; the one before is known for a while, to say that it is stale.
func (all *webSessions) renew(ws *webSession, now time.Time) string {
	if ws.old != "" {
		delete(all.byID, ws.old)
	}
	ws.old, ws.id, ws.nc, ws.made = ws.id, all.nonces.Issue(now), 0, now
	all.nonces.Take(ws.id, now) // it begins no other session
	all.byID[ws.id] = ws
	return ws.id
}
