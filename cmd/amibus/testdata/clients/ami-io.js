'use strict';

const AmiIo = require('ami-io');

module.exports = port => {
  const ami = new AmiIo.Client({ host: '127.0.0.1', port, login: 'admin', password: 'secret', logger: new AmiIo.SilentLogger() });
  const send = action => new Promise((done, fail) => ami.send(action, (error, answer) => error instanceof Error ? fail(error) : done(answer || error)));
  return {
    login: () => new Promise((done, fail) => {
      ami.on('connected', done);
      ami.on('incorrectLogin', () => fail('login refused'));
      ami.on('incorrectServer', fail);
      ami.connect();
    }),
    list: async () => (await send(new AmiIo.Action.CoreShowChannels())).events.filter(e => e.event === 'CoreShowChannel').length,
    event: wanted => new Promise(done => ami.on('event', e => wanted(e) && done(e.event))),
    originate: async call => (await send(Object.assign(new AmiIo.Action.Originate(), call))).response,
    logoff: async () => (await send(new AmiIo.Action.Logoff())).response, // Goodbye comes as an error: it is not Success
  };
};
