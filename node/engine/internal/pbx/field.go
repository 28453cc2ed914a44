package pbx

import (
	"strconv"
	"strings"

	"github.com/amibus/amibus/translator"
)

// details are what CHANNEL tells that no event shows.
type details struct {
	musicClass, parkingLot, peerAccount, userField, hangupSource, tonezone, afterBridge string
	amaFlags                                                                            int
	dialed                                                                              int // how many Dials and forwards led here
}

const (
	maxForwards = 20
	noFlags     = 3 // DOCUMENTATION
)

// field is CHANNEL(name).
func (c *channel) field(name string) (value string, ok bool) {
	d := &c.details
	switch strings.ToLower(name) {
	case "name", "channame":
		return c.name, true
	case "uniqueid":
		return c.uniqueid, true
	case "linkedid":
		return c.linkedid, true
	case "language":
		return c.language, true
	case "accountcode":
		return c.account, true
	case "peeraccount":
		return d.peerAccount, true
	case "userfield":
		return d.userField, true
	case "amaflags":
		return strconv.Itoa(d.amaFlags), true
	case "musicclass":
		return d.musicClass, true
	case "parkinglot":
		return d.parkingLot, true
	case "hangupsource":
		return d.hangupSource, true
	case "after_bridge_goto":
		return d.afterBridge, true
	case "tonezone":
		return d.tonezone, true
	case "state":
		return translator.StateName(c.state), true
	case "onhold":
		return oneOrZero(c.held), true
	case "checkhangup":
		return oneOrZero(c.flags&flagHangup != 0), true
	case "exten":
		return c.place.exten, true
	case "context":
		return c.place.context, true
	case "appname":
		return c.app, true
	case "appdata":
		return c.data, true
	case "channeltype":
		return c.tech.kind(), true
	case "device_name":
		return base(c.name), true
	case "max_forwards":
		return strconv.Itoa(maxForwards - d.dialed), true
	case "peer":
		if c.member != nil {
			if peer := c.member.b.peer(c); peer != nil {
				return peer.name, true
			}
		}
		return "", true
	case "audionativeformat", "audioreadformat", "audiowriteformat":
		return "slin", true
	case "videonativeformat", "callgroup", "pickupgroup", "namedcallgroup", "namedpickupgroup", "secure_bridge_signaling", "secure_bridge_media",
		"dtmf_features", "tenantid", "lastexten", "lastcontext", "callid":
		return "", true
	case "transfercapability":
		return "SPEECH", true
	}
	return "", false
}

func oneOrZero(set bool) string {
	if set {
		return "1"
	}
	return "0"
}

// setField writes CHANNEL(name).
func (c *channel) setField(name, value string) (ok bool) {
	d := &c.details
	switch name {
	case "language":
		c.language = value
	case "accountcode":
		c.account = value
	case "peeraccount":
		d.peerAccount = value
	case "userfield":
		d.userField = value
	case "amaflags":
		d.amaFlags = amaFlags(value)
	case "musicclass":
		d.musicClass = value
	case "parkinglot":
		d.parkingLot = value
	case "hangupsource":
		d.hangupSource = value
	case "tonezone":
		d.tonezone = value
	case "after_bridge_goto":
		c.afterBridge(value)
	case "hangup_handler_push":
		c.pushHandler(value)
	case "hangup_handler_pop":
		c.popHandler()
		c.pushHandler(value)
	case "hangup_handler_wipe":
		for c.popHandler() {
		}
		c.pushHandler(value)
	case "callgroup", "pickupgroup", "namedcallgroup", "namedpickupgroup", "secure_bridge_signaling", "secure_bridge_media", "dtmf_features",
		"txgain", "rxgain", "transfercapability":
		c.p.warn("%s: CHANNEL(%s) is not kept: it means nothing without media", c.name, name)
	default:
		return false
	}
	return true
}

func amaFlags(value string) int {
	if n, err := strconv.Atoi(value); err == nil {
		return n
	}
	switch strings.ToLower(value) {
	case "omit":
		return 1
	case "billing":
		return 2
	case "documentation", "default":
		return noFlags
	}
	return 0
}

// afterBridge is where the channel goes on when its bridge is over. Empty: nowhere.
func (c *channel) afterBridge(target string) {
	c.details.afterBridge, c.after = target, nil
	if target == "" {
		return
	}
	c.goesTo(func() (place, bool) { return c.parse(target) })
}
