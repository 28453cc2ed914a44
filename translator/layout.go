package translator

import "google.golang.org/protobuf/encoding/protowire"

// kind tells how the value of a header travels.
type kind uint8

const (
	text     kind = iota // string
	known                // optional string, absent where Asterisk writes "<unknown>"
	since                // optional string, absent where there is no such header
	unsigned             // uint32
	signed               // int32
	pairs                // any number of headers NAME=VALUE, repeated Variable
)

const unknown = "<unknown>"

// header is one header of a group, its name without the prefix of the role, and the field it travels in.
type header struct {
	name string
	num  protowire.Number
	kind kind
}

// layout is a group of headers in the order in which Asterisk writes them, as a message of the schema. Both directions read it.
// Its first header is the one a group is recognised by.
type layout struct {
	num     protowire.Number // in Segment
	headers []header
}

// Fields of the schema that the layouts do not name.
const (
	segmentField = 1 // Segment.field
	segmentLine  = 4 // Segment.line

	pairName  = 1 // Field.name, Variable.name
	pairValue = 2 // Field.value, Variable.value
	pairTight = 3 // Field.tight
	pairRaw   = 15

	groupRole = 1 // ChannelSnapshot.role, BridgeSnapshot.role
	groupRaw  = 31

	eventClasses  = 6
	eventName     = 7
	eventPlain    = 10
	eventSegments = 15
	eventRaw      = 31
)

var channelGroup = layout{2, []header{
	{"Channel", 2, text},
	{"ChannelState", 3, unsigned},
	{"ChannelStateDesc", 4, text},
	{"CallerIDNum", 5, known},
	{"CallerIDName", 6, known},
	{"ConnectedLineNum", 7, known},
	{"ConnectedLineName", 8, known},
	{"Language", 9, since},
	{"AccountCode", 10, text},
	{"Context", 11, text},
	{"Exten", 12, text},
	{"Priority", 13, signed},
	{"Uniqueid", 14, text},
	{"Linkedid", 15, since},
	{"Tenantid", 16, since},
	{"ChanVariable", 17, pairs},
}}

var bridgeGroup = layout{3, []header{
	{"BridgeUniqueid", 2, text},
	{"BridgeType", 3, text},
	{"BridgeTechnology", 4, text},
	{"BridgeCreator", 5, known},
	{"BridgeName", 6, known},
	{"BridgeNumChannels", 7, unsigned},
	{"BridgeVideoSourceMode", 8, since},
	{"BridgeVideoSource", 9, since},
}}
