package amiserver

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/amibus/amibus/proto/ami"
)

// How many refused requests of clients that are not logged in are reported, of one connection and of all in a second: anybody can send
// empty lines, and come back, and each report goes to the whole cluster.
const (
	maxReports          = 20
	maxReportsPerSecond = 200
)

// maxRequestType is where Asterisk cuts RequestType.
const maxRequestType = 63

// securityEvent is a kind of Asterisk's security events.
type securityEvent struct{ name, severity, version string }

var (
	successfulAuth    = securityEvent{"SuccessfulAuth", "Informational", "1"}
	invalidAccountID  = securityEvent{"InvalidAccountID", "Error", "1"}
	failedACL         = securityEvent{"FailedACL", "Error", "1"}
	invalidPassword   = securityEvent{"InvalidPassword", "Error", "2"}
	challengeFailed   = securityEvent{"ChallengeResponseFailed", "Error", "1"}
	sessionLimit      = securityEvent{"SessionLimit", "Error", "1"}
	requestNotAllowed = securityEvent{"RequestNotAllowed", "Error", "1"}
	requestBadFormat  = securityEvent{"RequestBadFormat", "Error", "1"}
)

// raise puts a security event into the node's stream: head, account, addresses, the event's own headers, and the time of the login
// (of the Unix epoch before it), in Asterisk's order.
func (s *session) raise(kind securityEvent, account string, own ...string) {
	if s.user == nil && !s.srv.mayReport() { // a failed login
		s.srv.count.unreported.Add(1)
		return
	}
	s.tell(kind, account, own...)
}

func (s *session) tell(kind securityEvent, account string, own ...string) {
	e := s.head(kind)
	e.Add("AccountID", account)
	s.addresses(e)
	for i := 0; i+1 < len(own); i += 2 {
		e.Add(own[i], own[i+1])
	}
	s.srv.conf.Backend.Raise(e.Add("SessionTV", stamp(s.loginTime())))
}

// report raises the event about a request that was refused. In RequestBadFormat the account is optional, and so comes last.
func (s *session) report(kind securityEvent, request string) {
	if s.user == nil {
		if s.reports++; s.reports > maxReports || !s.srv.mayReport() {
			s.srv.count.unreported.Add(1)
			return
		}
	}
	request = "Action: " + request
	request = request[:min(len(request), maxRequestType)]
	if kind == requestNotAllowed {
		s.tell(kind, s.account, "RequestType", request)
		return
	}
	e := s.head(kind)
	s.addresses(e)
	e.Add("RequestType", request).Add("SessionTV", stamp(s.loginTime()))
	if s.account != "" {
		e.Add("AccountID", s.account)
	}
	s.srv.conf.Backend.Raise(e)
}

// mayReport counts a report of somebody who is not logged in.
func (s *Server) mayReport() bool {
	now := s.conf.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Sub(s.reportsSince) >= time.Second {
		s.reportsSince, s.reports = now, 0
	}
	s.reports++
	return s.reports <= maxReportsPerSecond
}

func (s *session) head(kind securityEvent) *ami.Message {
	return ami.New("Event", kind.name, "Privilege", "security,all", "EventTV", stamp(s.srv.conf.Now()), "Severity", kind.severity,
		"Service", "AMI", "EventVersion", kind.version)
}

func (s *session) addresses(e *ami.Message) {
	e.Add("SessionID", fmt.Sprintf("%#x", s.id)).Add("LocalAddress", address(s.local)).Add("RemoteAddress", address(s.remote))
}

func (s *session) loginTime() time.Time {
	if s.since.IsZero() {
		return time.Unix(0, 0)
	}
	return s.since
}

func stamp(t time.Time) string { return t.Format("2006-01-02T15:04:05.000-0700") }

func address(a netip.AddrPort) string {
	family := "IPV4"
	if a.Addr().Is6() {
		family = "IPV6"
	}
	return fmt.Sprintf("%s/TCP/%s/%d", family, a.Addr(), a.Port())
}
