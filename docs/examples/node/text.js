// renderText gives the AMI text of a decoded amibus.v1.Event back, byte for byte. The rules are those of the comments in event.proto.

// Class names in the order in which Asterisk writes them into Privilege.
const classes = [
  [1, "system"], [2, "call"], [4, "log"], [8, "verbose"], [16, "command"], [32, "agent"], [64, "user"], [128, "config"], [256, "dtmf"],
  [512, "reporting"], [1024, "cdr"], [2048, "dialplan"], [4096, "originate"], [8192, "agi"], [16384, "hookresponse"], [32768, "cc"],
  [65536, "aoc"], [131072, "test"], [262144, "security"], [2 ** 30, "message"],
];

const unknown = Buffer.from("<unknown>");

// Headers of the groups: header, field, and what an absent field means: nothing (""), "<unknown>" (?), or no such header (-).
const channel = [
  ["Channel", "channel"], ["ChannelState", "channelState"], ["ChannelStateDesc", "channelStateDesc"], ["CallerIDNum", "callerIdNum", "?"],
  ["CallerIDName", "callerIdName", "?"], ["ConnectedLineNum", "connectedLineNum", "?"], ["ConnectedLineName", "connectedLineName", "?"],
  ["Language", "language", "-"], ["AccountCode", "accountCode"], ["Context", "context"], ["Exten", "exten"], ["Priority", "priority"],
  ["Uniqueid", "uniqueid"], ["Linkedid", "linkedid", "-"], ["Tenantid", "tenantid", "-"],
];
const bridge = [
  ["BridgeUniqueid", "uniqueid"], ["BridgeType", "type"], ["BridgeTechnology", "technology"], ["BridgeCreator", "creator", "?"],
  ["BridgeName", "name", "?"], ["BridgeNumChannels", "numChannels"], ["BridgeVideoSourceMode", "videoSourceMode", "-"],
  ["BridgeVideoSource", "videoSource", "-"],
];

// bytes are the exact bytes of a field: those in raw if there are any, since a string that was not UTF-8 cannot hold them.
function bytes(msg, field) {
  const raw = msg.raw[msg.$type.fields[field].id];
  return raw ? Buffer.from(raw) : Buffer.from(String(msg[field]));
}

function header(name, value, tight) {
  return Buffer.concat([name, Buffer.from(tight ? ":" : ": "), value, Buffer.from("\r\n")]);
}

function group(msg, headers, lines) {
  const role = bytes(msg, "role");
  const name = (text) => Buffer.concat([role, Buffer.from(text)]);
  for (const [text, field, absent] of headers) {
    if (!absent || Object.hasOwn(msg, field)) lines.push(header(name(text), bytes(msg, field)));
    else if (absent === "?") lines.push(header(name(text), unknown));
  }
  for (const v of msg.variables ?? [])
    lines.push(header(name("ChanVariable"), Buffer.concat([bytes(v, "name"), Buffer.from("="), bytes(v, "value")])));
}

export function renderText(e) {
  const lines = [header(Buffer.from("Event"), bytes(e, "name"))];
  if (!e.plainPrivilege) {
    const bits = BigInt(e.classes.toString());
    const names = classes.filter(([bit]) => bits & BigInt(bit)).map(([, name]) => name);
    lines.push(header(Buffer.from("Privilege"), Buffer.from(bits === 0n ? "<none>" : [...names, "all"].join(","))));
  }
  for (const s of e.segments) {
    if (s.field) lines.push(header(bytes(s.field, "name"), bytes(s.field, "value"), s.field.tight));
    else if (s.channel) group(s.channel, channel, lines);
    else if (s.bridge) group(s.bridge, bridge, lines);
    else lines.push(Buffer.concat([Buffer.from(s.line), Buffer.from("\r\n")]));
  }
  lines.push(Buffer.from("\r\n"));
  return Buffer.concat(lines);
}
