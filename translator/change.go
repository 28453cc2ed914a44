package translator

import "strconv"

// Change returns what Asterisk says of a channel that was old (nil: it is new) and is now: at most five events, always in this order
// (ami/ordering.md).
func Change(old, now *Channel) []Raised {
	return AppendChange(nil, old, now)
}

// AppendChange appends what Change returns.
func AppendChange(dst []Raised, old, now *Channel) []Raised {
	group := Group("", now)
	switch {
	case old == nil:
		dst = append(dst, Raised{"Newchannel", []Part{group}})
	case now.Gone && !old.Gone:
		cause := Header("Cause", strconv.Itoa(now.Cause))
		dst = append(dst, Raised{"Hangup", []Part{group, cause, Header("Cause-txt", CauseText(now.Cause))}})
	case old.State != now.State:
		dst = append(dst, Raised{"Newstate", []Part{group}})
	}
	if newExten(old, now) {
		dst = append(dst, Raised{"Newexten", []Part{group, Header("Extension", now.Exten),
			Header("Application", now.Application), Header("AppData", now.AppData)}})
	}
	if old == nil {
		return dst
	}
	if old.CallerNum != now.CallerNum || old.CallerName != now.CallerName {
		pres := Header("CID-CallingPres", strconv.Itoa(now.Presentation)+" ("+presentation(now.Presentation)+")")
		dst = append(dst, Raised{"NewCallerid", []Part{group, pres}})
	}
	if old.AccountCode != now.AccountCode {
		dst = append(dst, Raised{"NewAccountCode", []Part{group, Header("OldAccountCode", old.AccountCode)}})
	}
	if old.ConnectedNum != now.ConnectedNum || old.ConnectedName != now.ConnectedName {
		dst = append(dst, Raised{"NewConnectedLine", []Part{group}})
	}
	return dst
}

// newExten: nothing is said without an application; with one, if the place in the dialplan changed, or if there was no application
// before (ami/ordering.md 9).
func newExten(old, now *Channel) bool {
	if now.Application == "" {
		return false
	}
	return old == nil || old.Application == "" || old.Context != now.Context || old.Exten != now.Exten || old.Priority != now.Priority
}

var screening = [...]string{"Not Screened", "Passed Screen", "Failed Screen", "Network Number"}

// presentation describes a caller id presentation.
func presentation(p int) string {
	switch p &^ 3 {
	case 0:
		return "Presentation Allowed, " + screening[p&3]
	case 32:
		return "Presentation Prohibited, " + screening[p&3]
	case 64: // all four, in Asterisk too
		return "Number Unavailable"
	}
	return "unknown"
}

var causes = map[int]string{
	1: "Unallocated (unassigned) number", 2: "No route to specified transmit network", 3: "No route to destination", 6: "Channel unacceptable",
	7: "Call awarded and being delivered in an established channel", 14: "QoR: ported number", 16: "Normal Clearing", 17: "User busy",
	18: "No user responding", 19: "User alerting, no answer", 20: "Subscriber absent", 21: "Call Rejected", 22: "Number changed",
	23: "Redirected to new destination", 26: "Answered elsewhere", 27: "Destination out of order", 28: "Invalid number format",
	29: "Facility rejected", 30: "Response to STATus ENQuiry", 31: "Normal, unspecified", 34: "Circuit/channel congestion",
	38: "Network out of order", 41: "Temporary failure", 42: "Switching equipment congestion", 43: "Access information discarded",
	44: "Requested channel not available", 45: "Pre-empted", 47: "Resource unavailable, unspecified", 50: "Facility not subscribed",
	52: "Outgoing call barred", 54: "Incoming call barred", 57: "Bearer capability not authorized", 58: "Bearer capability not available",
	65: "Bearer capability not implemented", 66: "Channel not implemented", 69: "Facility not implemented",
	81: "Invalid call reference value", 88: "Incompatible destination", 95: "Invalid message unspecified",
	96: "Mandatory information element is missing", 97: "Message type nonexist.", 98: "Wrong message", 99: "Info. element nonexist or not implemented",
	100: "Invalid information element contents", 101: "Message not compatible with call state",
	102: "Recover on timer expiry", 103: "Mandatory IE length error", 111: "Protocol error, unspecified", 127: "Interworking, unspecified",
}

// CauseText returns Asterisk's text of a hangup cause.
func CauseText(cause int) string {
	if s, ok := causes[cause]; ok {
		return s
	}
	return "Unknown"
}
