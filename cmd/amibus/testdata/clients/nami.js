'use strict';

const { Nami, Actions } = require('nami');

module.exports = port => {
  const quiet = () => {};
  const ami = new Nami({ host: '127.0.0.1', port, username: 'admin', secret: 'secret', logger: { error: quiet, warn: quiet, info: quiet, debug: quiet } });
  const send = action => new Promise(done => ami.send(action, done));
  return {
    login: () => new Promise((done, fail) => {
      ami.on('namiConnected', done);
      ami.on('namiLoginIncorrect', () => fail('login refused'));
      ami.on('namiInvalidPeer', fail);
      ami.open();
    }),
    list: async () => (await send(new Actions.CoreShowChannels())).events.filter(e => e.event === 'CoreShowChannel').length,
    event: wanted => new Promise(done => ami.on('namiEvent', e => wanted(e) && done(e.event))),
    originate: async call => (await send(Object.assign(new Actions.Originate(), call))).response,
    logoff: async () => (await send(new Actions.Logoff())).response,
  };
};
