package amiserver

import (
	"container/list"
	"context"
	"errors"
	"net"
	"strings"
	"time"

	"github.com/amibus/amibus/bus/stasis"
	"github.com/amibus/amibus/node/config"
)

// guestLife is that of a session that is not logged in (ami/behaviour.md 11.6).
const guestLife = 5 * time.Second

// webSession is a session that requests share. It lives as long as somebody asks for something now and then.
type webSession struct {
	session
	turn   chan struct{} // capacity 1: taken by the request that runs the session
	nudge  chan struct{} // capacity 1: another request has changed it
	cancel context.CancelFunc
	digest bool

	// What follows belongs to webSessions.
	id, old string       // cookie; or nonce, and the one before
	nc      uint64       // the last count of this nonce
	made    time.Time    // when it became this session's
	who     *config.User // nil: a guest
	uses    int          // requests that have it now
	expires time.Time
	expiry  *time.Timer
	idle    *list.Element // of a guest nobody uses
	reason  error         // why it is over
	waiter  *webRequest   // is in WaitEvent
}

// end gives back what the session holds; nil holds nothing.
func (ws *webSession) end(all *webSessions) {
	if ws == nil {
		return
	}
	defer all.live.Done()
	ws.cancel()
	ws.leaveStream()
	all.srv.leaveWeb(ws.user)
	ws.ended(ws.reason)
}

// name is the session's cookie.
func (ws *webSession) name() string { return ws.id } // a cookie never changes

// comeFrom tells from where a guest is: his address is tested when he logs in.
func (ws *webSession) comeFrom(remote, local net.Addr) {
	if from := addrPort(remote); ws.user == nil && from != ws.remote {
		ws.remote, ws.local = from, addrPort(local)
		ws.log = ws.srv.conf.Log.With("remote", remote.String())
	}
}

// over tells why a request's end is that of its session, nil if it is not: the client may have gone away, or the page not have fitted.
func (ws *webSession) over(err error) error {
	switch {
	case errors.Is(err, errGoodbye), errors.Is(err, stasis.ErrOverflow):
		return err
	case err == nil && ws.sub != nil: // it may never ask for events
		if _, err := ws.sub.Peek(); errors.Is(err, stasis.ErrOverflow) && ws.mask != 0 {
			return err
		}
		ws.forget()
	}
	return nil
}

// forget begins anew with the events of a session that has not asked for any yet and has too many: it is not logged off because of them.
func (ws *webSession) forget() {
	if ws.sub == nil || ws.mask != 0 {
		return
	}
	if _, err := ws.sub.Peek(); errors.Is(err, stasis.ErrOverflow) {
		ws.log.Info("events before the first WaitEvent are not kept: too many", "queue_len", ws.queueLen)
		ws.leaveStream()
		ws.sub = ws.subscribe()
	}
}

// sameUser tells whether a session is this user's.
func (ws *webSession) sameUser(name string) bool {
	return ws.who != nil && strings.EqualFold(ws.who.Name, name)
}
