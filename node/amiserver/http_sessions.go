package amiserver

import (
	"container/list"
	"context"
	"net"
	"sync"
	"time"

	"github.com/amibus/amibus/node/amiserver/internal/web"
	"github.com/amibus/amibus/node/config"
)

const (
	maxWebUsers    = 1000 // sessions that are logged in
	webQueueShare  = 8    // of Config.QueueLen: who asks for events now and then holds them for that long
	maxSpentNonces = 10_000
)

// webSessions are the sessions over HTTP, by cookie or nonce.
type webSessions struct {
	srv *Server

	mu     sync.Mutex
	byID   map[string]*webSession
	guests *list.List // those nobody uses, the oldest first
	users  int        // sessions that are logged in
	all    int
	nonces *web.Nonces
	closed bool
	live   sync.WaitGroup // sessions
}

func newWebSessions(srv *Server) *webSessions {
	return &webSessions{srv: srv, byID: map[string]*webSession{}, guests: list.New(), nonces: web.NewNonces(maxSpentNonces)}
}

// open returns the session of a cookie, or a new one if there is none or the user may not come from here; nil if there is no room.
func (all *webSessions) open(id string, remote, local net.Addr) *webSession {
	from := addrPort(remote)
	all.mu.Lock()
	ws := all.byID[id]
	if ws != nil && !ws.digest && ws.reason == nil && (ws.who == nil || ws.who.Allowed(from.Addr())) {
		all.use(ws)
		all.mu.Unlock()
		return ws
	}
	gone, ok := all.room()
	if ok {
		ws = all.add(web.NewID(), remote, local)
	}
	all.mu.Unlock()
	gone.end(all)
	if !ok {
		all.full(remote)
		return nil
	}
	return ws
}

func (all *webSessions) full(remote net.Addr) {
	all.srv.count.refused.Add(1)
	all.srv.logOften(&all.srv.lastRefused, "AMI session over HTTP refused: all are in use", "remote", remote.String())
}

// room tells whether there is room for one more session, by ending the guest that has been idle for longest if need be.
func (all *webSessions) room() (gone *webSession, ok bool) {
	if all.closed || all.users >= maxWebUsers {
		return nil, false
	}
	if all.all-all.users >= all.srv.conf.Users().AuthLimit {
		oldest := all.guests.Front()
		if oldest == nil {
			return nil, false
		}
		gone = oldest.Value.(*webSession)
		all.remove(gone)
		all.srv.count.evicted.Add(1)
		all.srv.logOften(&all.srv.lastRefused, "AMI session over HTTP ended before its login, there are too many (authlimit)", "remote", gone.remote.String())
	}
	return gone, all.srv.admitWeb(gone != nil)
}

// add makes a session that its caller uses.
func (all *webSessions) add(id string, remote, local net.Addr) *webSession {
	ws := &webSession{session: all.srv.open(remote, local), turn: make(chan struct{}, 1), nudge: make(chan struct{}, 1),
		id: id, made: time.Now(), uses: 1}
	ws.ctx, ws.cancel = context.WithCancel(context.Background())
	ws.queueLen = max(all.srv.conf.QueueLen/webQueueShare, 1)
	ws.onLogin = func() { all.loggedIn(ws) }
	all.byID[id] = ws
	all.all++
	all.live.Add(1)
	return ws
}

// use lets a request use the session.
func (all *webSessions) use(ws *webSession) {
	ws.uses++
	if ws.expiry != nil {
		ws.expiry.Stop()
	}
	if ws.idle != nil {
		all.guests.Remove(ws.idle)
		ws.idle = nil
	}
}

func (all *webSessions) loggedIn(ws *webSession) {
	all.mu.Lock()
	defer all.mu.Unlock()
	ws.who = ws.user
	all.users++
	all.srv.guestLoggedIn()
}

// life is how long a session lasts from now on.
func (all *webSessions) life(ws *webSession) time.Duration {
	life := all.srv.conf.Users().HTTPTimeout
	if ws.digest {
		return max(life, guestLife)
	}
	if ws.who == nil {
		return min(life, guestLife)
	}
	return life
}

// done ends a request's use of a session; over is why the session ends with it, nil if it does not.
func (all *webSessions) done(ws *webSession, q *webRequest, over error) {
	all.mu.Lock()
	if q != nil && ws.waiter == q {
		ws.waiter = nil
	}
	if over != nil && ws.reason == nil {
		ws.reason = over
	}
	ws.uses--
	gone := (*webSession)(nil)
	switch {
	case ws.uses > 0:
	case ws.reason != nil || all.closed:
		all.remove(ws)
		gone = ws
	default:
		life := all.life(ws)
		ws.expires = time.Now().Add(life)
		ws.expiry = time.AfterFunc(life, func() { all.expire(ws) })
		if ws.who == nil {
			ws.idle = all.guests.PushBack(ws)
		}
	}
	all.mu.Unlock()
	gone.end(all)
}

// expire ends a session that nobody has asked for anything.
func (all *webSessions) expire(ws *webSession) {
	all.mu.Lock()
	if ws.uses > 0 || time.Now().Before(ws.expires) || all.byID[ws.id] != ws {
		all.mu.Unlock()
		return
	}
	all.remove(ws)
	all.mu.Unlock()
	ws.end(all)
}

// remove forgets a session that nobody uses. The caller ends it, without the lock.
func (all *webSessions) remove(ws *webSession) {
	delete(all.byID, ws.id)
	if ws.old != "" {
		delete(all.byID, ws.old)
	}
	if ws.idle != nil {
		all.guests.Remove(ws.idle)
		ws.idle = nil
	}
	if ws.expiry != nil {
		ws.expiry.Stop()
	}
	all.all--
	if ws.who != nil {
		all.users--
	}
}

// close ends all sessions; those in use end with their requests.
func (all *webSessions) close() {
	all.mu.Lock()
	all.closed = true
	var gone []*webSession
	for id, ws := range all.byID {
		if id == ws.id && ws.uses == 0 {
			gone = append(gone, ws)
		}
	}
	for _, ws := range gone {
		all.remove(ws)
	}
	all.mu.Unlock()
	for _, ws := range gone {
		ws.end(all)
	}
	all.live.Wait()
}

// admitWeb counts one more session over HTTP in, if there is room or another one is about to go. It is none of those that authlimit counts (ami/behaviour.md 5.15).
func (s *Server) admitWeb(another bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sessions >= s.conf.MaxSessions && !another {
		return false
	}
	s.sessions++
	s.waiting++
	s.webSessions++
	s.webGuests++
	return true
}

func (s *Server) guestLoggedIn() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.webGuests--
}

// leaveWeb gives back what a session over HTTP held.
func (s *Server) leaveWeb(u *config.User) {
	s.leave(u)
	s.release()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.webSessions--
	if u == nil {
		s.webGuests--
	}
}
