// An example: reads the events of an amibus cluster from NATS, without AMI, and prints what is typed in each and its AMI text. It also
// shows how a consumer sees gaps. docs/consuming-events.md explains the guarantees; the Go example beside this one also merges.
//
//   npm ci
//   node consumer.js --url nats://127.0.0.1:4222 --class call,agent
//   node consumer.js --url nats://127.0.0.1:4222 --uniqueid alpha-1700000000.12
import { parseArgs } from "node:util";
import { connect } from "@nats-io/transport-node";
import protobuf from "protobufjs";
import { renderText } from "./text.js";

const { values: args } = parseArgs({
  options: {
    url: { type: "string", default: "nats://127.0.0.1:4222" }, // any node's bus.nats.client_listen, or the external NATS
    class: { type: "string", default: "" }, // only events whose first class is one of these, separated by commas
    uniqueid: { type: "string", default: "" }, // only events of the channel or bridge with this Uniqueid
    count: { type: "string", default: "0" }, // end after so many events; 0 goes on
    proto: { type: "string", default: new URL("../../../proto/amibus/v1/event.proto", import.meta.url).pathname },
  },
});

const root = await protobuf.load(args.proto);
const Event = root.lookupType("amibus.v1.Event");
const Mark = root.lookupType("amibus.v1.Mark");

// escape makes any text one token of a subject: bytes other than letters, digits, _ and - are %XX, "." is %2E; nothing is a lone %.
function escape(text) {
  if (text === "") return "%";
  return [...Buffer.from(text)]
    .map((b) => (/[A-Za-z0-9_-]/.test(String.fromCharCode(b)) ? String.fromCharCode(b) : "%" + b.toString(16).toUpperCase().padStart(2, "0")))
    .join("");
}

// Gaps: seq is dense within (site, node, epoch), and a mark says how far it has come. It works only for who subscribes to everything.
const all = args.class === "" && args.uniqueid === "";
const nodes = new Map();
const started = Date.now(); // until every node knows that we want all of its events, we may get some: nothing is called missing at first
function missing(m, seq, next) {
  const id = `${m.site}/${m.node}`;
  const epoch = BigInt(m.epoch.toString());
  let n = nodes.get(id);
  if (!n) nodes.set(id, (n = { epoch, next: seq })); // met in the middle: what came before is past, not missing
  if (epoch > n.epoch) Object.assign(n, { epoch, next: 1n }); // a new incarnation begins with 1
  if (epoch < n.epoch) return;
  if (n.next < seq && Date.now() - started > 1000) console.log(`! gap: events ${n.next} to ${seq - 1n} of ${id}, epoch ${epoch}, did not arrive`);
  if (next > n.next) n.next = next;
}

let shown = 0;
function onEvent(data) {
  const e = Event.decode(data);
  const seq = BigInt(e.seq.toString());
  if (all) missing(e, seq, seq + 1n);
  const time = new Date(Number(BigInt(e.hlc.toString()) / 1000000n)).toISOString();
  let out = `# ${e.site}/${e.node}/${e.epoch}/${e.seq} ${time} ${e.name} uniqueid=${e.uniqueid} linkedid=${e.linkedid}\n`;
  for (const s of e.segments) {
    if (s.channel) out += `# ${s.channel.role}channel ${s.channel.channel} ${s.channel.channelStateDesc} uniqueid=${s.channel.uniqueid}\n`;
    if (s.bridge) out += `# ${s.bridge.role}bridge ${s.bridge.uniqueid} with ${s.bridge.numChannels} channels\n`;
  }
  process.stdout.write(Buffer.concat([Buffer.from(out), renderText(e)]));
  shown++;
}

function onMark(data) {
  const m = Mark.decode(data);
  const next = BigInt(m.seq.toString()) + 1n;
  if (all) missing(m, next, next);
}

const nc = await connect({ servers: args.url, name: "amibus example", maxReconnectAttempts: -1 });
const subjects = args.class.split(",").map((c) => `ami.v1.event.${c || "*"}.` + (args.uniqueid ? `*.*.${escape(args.uniqueid)}` : ">"));
const count = Number(args.count);
const handle = (take) => ({
  callback: (err, msg) => {
    try {
      if (err) throw err;
      if (count === 0 || shown < count) take(msg.data);
    } catch (err) {
      console.error("consumer: message ignored:", err.message);
    }
    if (count > 0 && shown >= count) nc.close();
  },
});
for (const s of subjects) nc.subscribe(s, handle(onEvent)); // callbacks run in the order of arrival, whatever the subscription
nc.subscribe("ami.v1.mark.*.*", handle(onMark));
await nc.flush();
console.error("consumer: listening to", subjects.join(" "));
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => nc.close());
await nc.closed();
