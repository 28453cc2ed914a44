package amiserver

import (
	"context"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/amibus/amibus/node/amiserver/internal/web"
	"github.com/amibus/amibus/node/config"
)

const (
	maxAnswer    = 64 << 20  // bytes of a page
	answerSpeed  = 256 << 10 // bytes a second that a client must take, on the whole
	answerAtOnce = 30 * time.Second
)

// webHandler answers the requests of AMI over HTTP.
type webHandler struct {
	srv      *Server
	current  func() *config.HTTP
	conf     *config.HTTP    // of the request in hand
	ctx      context.Context // ends the requests
	drain    <-chan struct{}
	sessions *webSessions
}

func newWebHandler(srv *Server, conf func() *config.HTTP, ctx context.Context, drain <-chan struct{}) *webHandler {
	return &webHandler{srv: srv, current: conf, ctx: ctx, drain: drain, sessions: newWebSessions(srv)}
}

func (h *webHandler) close() { h.sessions.close() }

// route is what a path asks for.
type route struct {
	format web.Format
	digest bool
}

var routes = map[string]route{
	"manager": {web.HTML, false}, "rawman": {web.Plain, false}, "mxml": {web.XML, false},
	"amanager": {web.HTML, true}, "arawman": {web.Plain, true}, "amxml": {web.XML, true},
}

// route finds the path in any case, and with a slash behind it.
func (h *webHandler) route(path string) (route, bool) {
	if h.conf.Off || len(path) <= len(h.conf.Prefix) || !strings.EqualFold(path[:len(h.conf.Prefix)], h.conf.Prefix) || !h.srv.conf.Users().Web {
		return route{}, false
	}
	name, ok := strings.CutPrefix(path[len(h.conf.Prefix):], "/")
	r, known := routes[strings.ToLower(strings.TrimSuffix(name, "/"))]
	return r, ok && known
}

// refusal is a page instead of an answer.
type refusal struct {
	status      int
	title, text string
	challenge   string // of status 401
	hangUp      bool
}

var (
	tooLarge    = &refusal{status: 413, title: "Request Entity Too Large", text: "Body too large", hangUp: true}
	badURI      = &refusal{status: 400, title: "Bad Request", text: "The uri of the digest is not that of the request", hangUp: true}
	notAllowed  = &refusal{status: 403, title: "Permission denied", text: "Permission denied", hangUp: true}
	inUse       = &refusal{status: 403, title: "Permission denied", text: "Login Already In Use", hangUp: true}
	noRoom      = &refusal{status: 503, title: "Service Unavailable", text: "Too many sessions"}
	hugeAnswer  = &refusal{status: 500, title: "Server Error", text: "The answer is too large for HTTP"}
	brokenOff   = &refusal{status: 500, title: "Server Error", text: "The answer broke off"}
	interrupted = &refusal{status: 503, title: "Service Unavailable", text: "Shutdown in progress", hangUp: true}
)

// ServeHTTP implements http.Handler. A request has one configuration from its beginning to its end.
func (h *webHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	one := *h
	one.conf = h.current()
	one.serve(w, r)
}

func (h *webHandler) serve(w http.ResponseWriter, r *http.Request) {
	http.NewResponseController(w).SetWriteDeadline(time.Now().Add(answerAtOnce)) // for "100 Continue"
	to, vars, no := h.read(w, r)
	if no != nil {
		h.refuse(w, no)
		return
	}
	remote, local := addresses(r)
	var ws *webSession
	if to.digest {
		ws, no = h.authenticate(r, remote, local)
	} else if ws = h.sessions.open(web.SessionID(r.Header["Cookie"]), remote, local); ws == nil {
		no = noRoom
	}
	if no != nil {
		h.refuse(w, no)
		return
	}
	if !to.digest {
		w.Header().Set("Pragma", "SuppressEvents")
		w.Header().Set("Set-Cookie", web.SetCookie(ws.name(), h.srv.conf.Users().HTTPTimeout, r.TLS != nil))
	}
	q := &webRequest{ws: ws, all: h.sessions, drain: h.drain, abandoned: make(chan struct{}), remote: remote, local: local,
		page: web.NewRenderer(to.format, vars, to.digest, maxAnswer)}
	page, no := q.run(r.Context(), vars)
	if no != nil {
		h.refuse(w, no)
		return
	}
	w.Header().Set("Content-Type", to.format.ContentType())
	h.send(w, http.StatusOK, page)
}

// read checks the request as Asterisk's HTTP server does, and reads all of it.
func (h *webHandler) read(w http.ResponseWriter, r *http.Request) (to route, vars []web.Var, no *refusal) {
	if no := tooLong(r); no != nil {
		return to, nil, no
	}
	path, query, _ := strings.Cut(r.RequestURI, "?")
	to, ok := h.route(path)
	remote, _ := addresses(r)
	switch {
	case !h.conf.Allowed(path, addrPort(remote).Addr()), !h.conf.Allowed(strings.ToLower(path), addrPort(remote).Addr()):
		return to, nil, &refusal{status: 403, title: "Forbidden", text: "Access denied by ACL", hangUp: true}
	case !ok:
		return to, nil, &refusal{status: 404, title: "Not Found", text: "The requested URL was not found on this server."}
	case r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodPost:
		return to, nil, &refusal{status: 501, title: "Not Implemented", text: "Attempt to use unimplemented / unsupported method"}
	}
	http.NewResponseController(w).SetReadDeadline(time.Now().Add(h.conf.Inactivity))
	body, no := readForm(w, r)
	switch {
	case no != nil:
		return to, nil, no
	case r.Method == http.MethodPost:
		query = body
	}
	http.NewResponseController(w).SetReadDeadline(time.Time{}) // it would end a WaitEvent, too
	return to, web.Parse(query), nil
}

// tooLong applies Asterisk's limits to the lines of the head.
func tooLong(r *http.Request) *refusal {
	if len(r.Method)+len(r.RequestURI)+len(r.Proto)+len("  \r\n") >= maxHTTPLine {
		return &refusal{status: 400, title: "Bad Request", text: "Request line too long", hangUp: true}
	}
	count := 0
	for name, values := range r.Header {
		for _, value := range values {
			if count++; len(name)+len(value)+len(": \r\n") >= maxHTTPLine {
				return &refusal{status: 400, title: "Bad Request", text: "Header line too long", hangUp: true}
			}
		}
	}
	if count > maxHTTPHeaders {
		return &refusal{status: 413, title: "Request Entity Too Large", text: "Too many headers", hangUp: true}
	}
	return nil
}

// readForm reads the body, and returns it if it is a form (ami/behaviour.md 11.2). Nothing is left to be read when no time-out is set any
// more; a connection with more than that is closed.
func readForm(w http.ResponseWriter, r *http.Request) (string, *refusal) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	isForm := err == nil && kind == "application/x-www-form-urlencoded" && r.Method == http.MethodPost
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, web.MaxBody))
	var over *http.MaxBytesError
	switch tooMuch := errors.As(err, &over); {
	case tooMuch:
		return "", tooLarge
	case err != nil:
		return "", &refusal{status: 400, title: "Bad Request", text: "Error parsing request body", hangUp: true}
	case !isForm:
		return "", nil
	}
	return string(body), nil
}

// addresses are those of the two ends.
func addresses(r *http.Request) (remote, local net.Addr) {
	remote, local = &net.TCPAddr{}, &net.TCPAddr{}
	if a, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		remote = net.TCPAddrFromAddrPort(a)
	}
	if a, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		local = a
	}
	return remote, local
}

func (h *webHandler) refuse(w http.ResponseWriter, no *refusal) {
	if no.challenge != "" {
		w.Header().Set("WWW-Authenticate", no.challenge)
	}
	if no.hangUp {
		w.Header().Set("Connection", "close")
	}
	w.Header().Set("Content-Type", "text/html")
	h.send(w, no.status, []byte(web.ErrorPage(no.status, no.title, no.text, h.conf.ServerName)))
}

// send writes a page. Who takes it too slowly is cut off: it may be large.
func (h *webHandler) send(w http.ResponseWriter, status int, page []byte) {
	head := w.Header()
	if h.conf.ServerName != "" {
		head.Set("Server", h.conf.ServerName)
	}
	head.Set("Cache-Control", "no-cache, no-store")
	head.Set("Content-Length", strconv.Itoa(len(page)))
	last := time.Now().Add(answerAtOnce + time.Duration(len(page)/answerSpeed)*time.Second)
	http.NewResponseController(w).SetWriteDeadline(last)
	w.WriteHeader(status)
	n, _ := w.Write(page) // an error is the client's own
	h.srv.count.bytes.Add(uint64(n))
}
