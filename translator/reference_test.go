package translator

import (
	"regexp"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/amibus/amibus/proto/ami"
	pb "github.com/amibus/amibus/proto/amibuspb"
	"github.com/amibus/amibus/proto/wire"
)

// reference builds the typed event of well-behaved text through the generated structs, the slow and plain way: groups by
// regular expressions, values by look-up.
func reference(id Ident, e *wire.Entry) *pb.Event {
	ev := &pb.Event{
		Site: id.Site, Node: id.Node, Epoch: id.Epoch, Seq: id.Seq, Hlc: id.HLC,
		Classes: e.Classes(), Name: string(e.Name()), Uniqueid: string(e.Uniqueid()), Linkedid: string(e.Linkedid()),
	}
	text := strings.TrimSuffix(string(e.AMI()), "\r\n")
	_, text, _ = strings.Cut(text, "\r\n")
	line, rest, _ := strings.Cut(text, "\r\n")
	c, ok := ami.ParsePrivilege([]byte(strings.TrimPrefix(line, "Privilege: ")))
	if ev.PlainPrivilege = !ok || uint64(c) != e.Classes(); !ev.PlainPrivilege {
		text = rest
	}
	for body := false; text != ""; {
		name, _, _ := strings.Cut(text, ":")
		body = body || ev.Name == "UserEvent" && name == "UserEvent"
		if m := channelPattern.FindString(text); m != "" && !body {
			ev.Segments = append(ev.Segments, &pb.Segment{Kind: &pb.Segment_Channel{Channel: referenceChannel(m)}})
			text = text[len(m):]
			continue
		}
		if m := bridgePattern.FindString(text); m != "" && !body {
			ev.Segments = append(ev.Segments, &pb.Segment{Kind: &pb.Segment_Bridge{Bridge: referenceBridge(m)}})
			text = text[len(m):]
			continue
		}
		line, text, _ = strings.Cut(text, "\r\n")
		s := &pb.Segment{Kind: &pb.Segment_Line{Line: []byte(line)}}
		if name, value, ok := strings.Cut(line, ":"); ok {
			f := &pb.Field{Name: name, Value: strings.TrimPrefix(value, " "), Tight: !strings.HasPrefix(value, " ")}
			s.Kind = &pb.Segment_Field{Field: f}
		}
		ev.Segments = append(ev.Segments, s)
	}
	return ev
}

var (
	channelPattern = regexp.MustCompile(`^\w*Channel: .*\r\n\w*ChannelState: .*\r\n(.*\r\n)*?\w*Uniqueid: .*\r\n` +
		`(\w*Linkedid: .*\r\n)?(\w*Tenantid: .*\r\n)?(\w*ChanVariable: .*\r\n)*`)
	bridgePattern = regexp.MustCompile(`^\w*BridgeUniqueid: .*\r\n\w*BridgeType: .*\r\n(.*\r\n)*?\w*BridgeNumChannels: .*\r\n` +
		`(\w*BridgeVideoSourceMode: .*\r\n)?(\w*BridgeVideoSource: .*\r\n)?`)
)

// headers is a group by the names of its headers without the role.
type headers map[string]string

func parseHeaders(text, anchor string) (role string, h headers, variables []*pb.Variable) {
	role, _, _ = strings.Cut(text, anchor+": ")
	h = headers{}
	for _, line := range strings.Split(strings.TrimSuffix(text, "\r\n"), "\r\n") {
		name, value, _ := strings.Cut(strings.TrimPrefix(line, role), ": ")
		if name == "ChanVariable" {
			name, value, _ := strings.Cut(value, "=")
			variables = append(variables, &pb.Variable{Name: name, Value: value})
		}
		h[name] = value
	}
	return role, h, variables
}

func (h headers) optional(name string) *string {
	if v, ok := h[name]; ok && v != "<unknown>" {
		return proto.String(v)
	}
	return nil
}

func (h headers) number(name string) int64 {
	n, _ := strconv.ParseInt(h[name], 10, 64)
	return n
}

func referenceChannel(text string) *pb.ChannelSnapshot {
	role, h, variables := parseHeaders(text, "Channel")
	return &pb.ChannelSnapshot{
		Role: role, Channel: h["Channel"],
		ChannelState: uint32(h.number("ChannelState")), ChannelStateDesc: h["ChannelStateDesc"],
		CallerIdNum: h.optional("CallerIDNum"), CallerIdName: h.optional("CallerIDName"),
		ConnectedLineNum: h.optional("ConnectedLineNum"), ConnectedLineName: h.optional("ConnectedLineName"),
		Language: h.optional("Language"), AccountCode: h["AccountCode"],
		Context: h["Context"], Exten: h["Exten"], Priority: int32(h.number("Priority")),
		Uniqueid: h["Uniqueid"], Linkedid: h.optional("Linkedid"), Tenantid: h.optional("Tenantid"),
		Variables: variables,
	}
}

func referenceBridge(text string) *pb.BridgeSnapshot {
	role, h, _ := parseHeaders(text, "BridgeUniqueid")
	return &pb.BridgeSnapshot{
		Role: role, Uniqueid: h["BridgeUniqueid"], Type: h["BridgeType"], Technology: h["BridgeTechnology"],
		Creator: h.optional("BridgeCreator"), Name: h.optional("BridgeName"),
		NumChannels:     uint32(h.number("BridgeNumChannels")),
		VideoSourceMode: h.optional("BridgeVideoSourceMode"), VideoSource: h.optional("BridgeVideoSource"),
	}
}
