'use strict';

const AmiClient = require('asterisk-ami-client');

module.exports = port => {
  const ami = new AmiClient({ emitEventsByTypes: true });
  return {
    login: () => ami.connect('admin', 'secret', { host: '127.0.0.1', port }),
    list: () => new Promise((done, fail) => {
      let n = 0;
      ami.on('CoreShowChannel', () => n++);
      ami.on('CoreShowChannelsComplete', () => done(n));
      ami.action({ Action: 'CoreShowChannels' }, true).catch(fail);
    }),
    event: wanted => new Promise(done => ami.on('event', e => wanted(e) && done(e.Event))),
    originate: async call => (await ami.action({ Action: 'Originate', ...call }, true)).Response,
    logoff: async () => (await ami.action({ Action: 'Logoff' }, true)).Response,
  };
};
