package amiserver

import (
	"context"
	"crypto/md5"
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/amibus/amibus/bus/cursor"
	"github.com/amibus/amibus/node/config"
	"github.com/amibus/amibus/proto/ami"
)

// login is Asterisk's: one attempt per connection (ami/behaviour.md 5).
func (s *session) login(ctx context.Context, action *ami.Message) error {
	if s.user != nil {
		return s.succeed(action, "Already authenticated")
	}
	began := time.Now()
	name := string(action.Get("Username"))
	user, why, err := s.authenticate(ctx, name, action)
	if err != nil {
		return err
	}
	if user == nil {
		s.srv.count.failures.Add(1)
		s.log.Warn("AMI login failed", "user", name, "reason", why)
		return s.turnAway(action, "Authentication failed", began)
	}
	from, err := resumeFrom(action)
	snap := false
	if err == nil {
		snap, err = s.wantsSnapshot(action, user)
	}
	if err != nil {
		s.srv.count.failures.Add(1)
		s.log.Warn("AMI login refused", "user", name, "reason", err)
		if err := s.fail(action, err.Error()); err != nil {
			return err
		}
		return errGoodbye
	}
	if !s.srv.enter(user) {
		return s.alreadyInUse(action, name)
	}
	return s.welcome(action, user, name, from, snap)
}

func (s *session) logoff(_ context.Context, action *ami.Message) error {
	if err := s.send(answer(action, "Goodbye").Add("Message", "Thanks for all the fish.").Bytes()); err != nil {
		return err
	}
	return errGoodbye
}

// turnAway makes this client, and nobody else, wait for its refusal; over HTTP also who hangs up, since he would come back at once. The time
// counts from when the login began, so that nobody sees how much of it was work.
func (s *session) turnAway(action *ami.Message, message string, began time.Time) error {
	wait := time.NewTimer(s.srv.penalty - time.Since(began))
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-s.ctx.Done():
		return errGoodbye
	case <-s.stop:
		return errGoodbye
	}
	if err := s.fail(action, message); err != nil {
		return err
	}
	return errGoodbye
}

func (s *session) alreadyInUse(action *ami.Message, name string) error {
	s.srv.count.failures.Add(1)
	s.log.Warn("AMI login refused: the user is logged in and may be only once (allowmultiplelogin)", "user", name)
	s.raise(sessionLimit, name)
	return s.turnAway(action, "Login Already In Use", time.Now())
}

// welcome lets the user in. The session is subscribed before SuccessfulAuth is raised: that event must reach it too
// (ami/clients.md 3). One that resumes finds it in its replay, or in the live stream behind; one with a snapshot may find it before that.
func (s *session) welcome(action *ami.Message, user *config.User, account string, from cursor.Vector, snap bool) error {
	s.become(user, account)
	if asked, ok := parseMask(string(action.Get("Events"))); ok {
		s.mask = user.Read & asked
	}
	if snap {
		s.beginSnapshot(string(action.Get("ActionID")))
	} else if from != nil && (s.mask != 0 || !s.pushes) {
		s.resume(from)
		s.srv.count.resumes.Add(1)
	} else {
		s.sub = s.subscribe()
	}
	if err := s.succeed(action, "Authentication accepted"); err != nil {
		return err
	}
	if s.mask&ami.ClassSystem != 0 {
		if err := s.send(s.srv.fullyBooted()); err != nil {
			return err
		}
	}
	s.raise(successfulAuth, account, "UsingPassword", "0") // 0 for plain and MD5 alike, as Asterisk says
	return nil
}

// become makes the session the user's. Over HTTP the mask is empty until the first WaitEvent (ami/behaviour.md 5.11, 10.3).
func (s *session) become(user *config.User, account string) {
	s.user, s.account, s.since = user, account, s.srv.conf.Now()
	s.filter, s.bounded = user.Filter, bounded(user)
	if s.pushes {
		s.mask = user.Read
	}
	if s.onLogin != nil {
		s.onLogin()
	}
	s.srv.count.logins.Add(1)
	s.log = s.log.With("user", user.Name)
	s.log.Log(context.Background(), s.connectLevel(), "AMI user logged on")
}

// fullyBooted has neither Timestamp nor SystemName (ami/behaviour.md 5.10).
func (s *Server) fullyBooted() []byte {
	start, reload := s.conf.Backend.Started()
	ago := func(t time.Time) string { return strconv.FormatInt(int64(time.Since(t)/time.Second), 10) }
	return ami.New("Event", "FullyBooted", "Privilege", "system,all", "Uptime", ago(start), "LastReload", ago(reload),
		"Status", "Fully Booted").Bytes()
}

// sendChallenge gives the same number again when asked again (ami/behaviour.md 5.2, 5.3).
func (s *session) sendChallenge(_ context.Context, action *ami.Message) error {
	if !strings.EqualFold(string(action.Get("AuthType")), "MD5") {
		return s.fail(action, "Must specify AuthType")
	}
	if s.challenge == "" {
		n, err := rand.Int(rand.Reader, big.NewInt(1_000_000_000))
		if err != nil {
			return fmt.Errorf("no challenge: %w", err)
		}
		s.challenge = n.String()
	}
	return s.send(answer(action, "Success").Add("Challenge", s.challenge).Bytes())
}

// authenticate checks user, address and secret in Asterisk's order and raises its security events (ami/behaviour.md 5.4–5.6). The
// secret is compared also when there is no such user, so that the time tells nothing about users; but who may not come from here costs no
// hash. The reason of a refusal is for the log: the client gets the same answer whatever it is. The error is that of ctx, when it has
// ended before the secret was looked at.
func (s *session) authenticate(ctx context.Context, name string, action *ami.Message) (_ *config.User, refused string, err error) {
	users := s.srv.conf.Users()
	user, known := users.User(name)
	switch {
	case !known:
		user = users.Stranger(name)
	case !user.Allowed(s.remote.Addr()):
		s.raise(failedACL, name)
		return nil, "not from this address (deny, permit, acl)", nil
	}
	right := false
	if useMD5(action) {
		right = s.keyIs(user, string(action.Get("Key")))
	} else if right, err = user.SecretIs(ctx, string(action.Get("Secret"))); err != nil {
		return nil, "", err
	}
	if known && right {
		return user, "", nil
	}
	return nil, s.refuse(name, user, known, action), nil
}

func useMD5(action *ami.Message) bool {
	return strings.EqualFold(string(action.Get("AuthType")), "MD5")
}

// refuse raises the event of a login that is wrong, and returns why it is.
func (s *session) refuse(name string, user *config.User, known bool, action *ami.Message) string {
	key := string(action.Get("Key"))
	switch {
	case name == "":
		return "no Username"
	case !known:
		s.raise(invalidAccountID, name)
		return "no such user"
	case user.Secret == "" && !user.HashedOnly():
		return "the user has no secret"
	case !useMD5(action):
		s.raise(invalidPassword, name)
	case user.HashedOnly():
		return "MD5, and only a hash of the user's secret is known"
	case s.challenge == "" || key == "":
		return "no Challenge or no Key"
	default:
		// Asterisk leaves AccountID empty, and says what it expected, which lets readers of the event guess the secret at leisure.
		s.raise(challengeFailed, "", "Challenge", s.challenge, "Response", key, "ExpectedResponse", "")
	}
	return "wrong secret"
}

// keyIs compares the answer to the challenge, lower-case hex (ami/behaviour.md 5.2). Without a challenge, a key or a secret it is wrong.
func (s *session) keyIs(user *config.User, key string) bool {
	secret := ""
	if user != nil {
		secret = user.Secret
	}
	sum := md5.Sum([]byte(s.challenge + secret))
	same := subtle.ConstantTimeCompare([]byte(hex.EncodeToString(sum[:])), []byte(key)) == 1
	return same && s.challenge != "" && secret != ""
}
