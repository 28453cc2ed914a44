package upstream

// notExecuted is an error that promises that the Asterisk did not get the action.
type notExecuted string

func (e notExecuted) Error() string { return string(e) }

// NotExecuted marks the error for those who must report the outcome.
func (notExecuted) NotExecuted() bool { return true }

// unknownOutcome is an error after which nobody can tell what happened.
type unknownOutcome string

func (e unknownOutcome) Error() string { return string(e) }

// NotExecuted is false: the action may have run.
func (unknownOutcome) NotExecuted() bool { return false }

// Errors of Do, often wrapped.
var (
	// ErrDown: the Asterisk is out of reach, and the action was not sent.
	ErrDown error = notExecuted("the Asterisk of this node is out of reach")
	// ErrBusy: too many actions wait for a connection, or this one waited too long. It was not sent.
	ErrBusy error = notExecuted("too many actions are waiting for the Asterisk of this node")
	// ErrRefused: the action is none that may be sent to the Asterisk.
	ErrRefused error = notExecuted("the action cannot be passed on")
	// ErrUnknownOutcome: the action was sent, and its answer never came, or not to its end.
	ErrUnknownOutcome error = unknownOutcome("the Asterisk did not answer to the end")
)

// fault is why a connection could not be made or ended. Its text does not change from one try to the next, so that the same trouble is
// logged once; detail may.
type fault struct {
	kind   faultKind
	text   string
	detail string
}

type faultKind uint8

const (
	unreachable faultKind = iota // no connection, or no greeting
	garbage                      // the peer does not speak AMI
	refused                      // login refused
	lost                         // an established connection ended
	faultKinds
)

func (f *fault) Error() string {
	if f.detail == "" {
		return f.text
	}
	return f.text + ": " + f.detail
}
