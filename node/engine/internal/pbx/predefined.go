package pbx

import (
	"fmt"
	"hash/fnv"
	"strconv"
)

// directories are where an Asterisk from a package keeps its things.
var directories = map[string]string{
	"ASTETCDIR": "/etc/asterisk", "ASTMODDIR": "/usr/lib/asterisk/modules", "ASTVARLIBDIR": "/var/lib/asterisk", "ASTDBDIR": "/var/lib/asterisk/astdb",
	"ASTKEYDIR": "/var/lib/asterisk", "ASTDATADIR": "/var/lib/asterisk", "ASTAGIDIR": "/var/lib/asterisk/agi-bin", "ASTSPOOLDIR": "/var/spool/asterisk",
	"ASTRUNDIR": "/var/run/asterisk", "ASTLOGDIR": "/var/log/asterisk", "ASTSBINDIR": "/usr/sbin", "ASTCACHEDIR": "/var/cache/asterisk",
}

// predefined returns the variables that Asterisk computes of a channel. They come before those that were set, names as they are written.
func (c *channel) predefined(name string) (value string, ok bool) {
	switch name {
	case "EXTEN":
		return c.place.exten, true
	case "CONTEXT":
		return c.place.context, true
	case "PRIORITY":
		return strconv.Itoa(c.place.priority), true
	case "CHANNEL":
		return c.name, true
	case "UNIQUEID":
		return c.uniqueid, true
	case "HANGUPCAUSE":
		return strconv.Itoa(c.cause), true
	case "CALLINGPRES":
		return strconv.Itoa(c.presentation()), true
	case "CALLINGANI2":
		return strconv.Itoa(c.id.ani2), true
	case "CALLINGTON", "CALLINGTNS":
		return "0", true
	}
	return c.p.predefined(name)
}

// predefined returns those that need no channel.
func (p *PBX) predefined(name string) (value string, ok bool) {
	switch name {
	case "EPOCH":
		return strconv.FormatInt(p.now.Unix(), 10), true
	case "SYSTEMNAME":
		return p.cfg.SystemName, true
	case "ENTITYID":
		return entityID(p.cfg.SystemName), true
	}
	value, ok = directories[name]
	return value, ok
}

// entityID looks like the hardware address that Asterisk takes for it, one of the locally administered ones.
func entityID(name string) string {
	h := fnv.New64a()
	h.Write([]byte(name))
	n := h.Sum64()
	return fmt.Sprintf("02:%02x:%02x:%02x:%02x:%02x", n>>32&0xff, n>>24&0xff, n>>16&0xff, n>>8&0xff, n&0xff)
}
