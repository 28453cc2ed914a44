'use strict';

const Manager = require('asterisk-manager');

module.exports = port => {
  const ami = new Manager(null, '127.0.0.1', 'admin', 'secret', true);
  const action = a => new Promise((done, fail) => ami.action(a, (error, answer) => error ? fail(error) : done(answer)));
  return {
    login: () => new Promise((done, fail) => ami.connect(port, '127.0.0.1', () => ami.login(error => error ? fail(error) : done()))),
    list: () => new Promise((done, fail) => {
      let n = 0;
      ami.on('coreshowchannel', () => n++);
      ami.once('coreshowchannelscomplete', () => done(n));
      action({ action: 'CoreShowChannels' }).catch(fail);
    }),
    event: wanted => new Promise(done => ami.on('managerevent', e => wanted(e) && done(e.event))),
    originate: async call => (await action({ action: 'Originate', ...call })).response,
    logoff: async () => (await action({ action: 'Logoff' })).response,
  };
};
