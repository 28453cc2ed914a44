// node drive.js CLIENT PORT SYSTEM: logs in, lists the channels, receives an event of the node whose SystemName is SYSTEM, originates a call
// and logs off, with the client as it is; prints a line for each step. What a client can do is in CLIENT.js.
'use strict';

const util = require('util');
util.isArray ??= Array.isArray; // yana is older than its removal

const [name, port, system] = process.argv.slice(2);
const call = { Channel: 'Local/ans-20@test/n', Context: 'test', Exten: 'dial-ans-20', Priority: 1, Async: 'yes' };

const late = setTimeout(() => { console.log('too late'); process.exit(1); }, 40000);

(async () => {
  const client = require('./' + name + '.js')(Number(port));
  await client.login();
  console.log('login');
  console.log('list', await client.list());
  console.log('event', await client.event(e => (e.SystemName || e.systemname) === system));
  console.log('originate', await client.originate(call));
  console.log('logoff', await client.logoff());
  clearTimeout(late);
  process.exit(0);
})().catch(error => { console.log('failed', error); process.exit(1); });
