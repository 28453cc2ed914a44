'use strict';

const AMI = require('yana');

module.exports = port => {
  const ami = new AMI({ host: '127.0.0.1', port, login: 'admin', password: 'secret', events: true });
  return {
    login: () => new Promise((done, fail) => { ami.on('error', fail); ami.connect(done); }),
    list: () => new Promise(done => {
      let n = 0;
      ami.send({ Action: 'CoreShowChannels' }, m => {
        if (m.Event === 'CoreShowChannel') n++;
        if (m.EventList === 'Complete') done(n);
      });
    }),
    event: wanted => new Promise(done => ami.on('event', e => wanted(e) && done(e.Event))),
    originate: call => new Promise(done => ami.send({ Action: 'Originate', ...call }, m => done(m.Response))),
    logoff: () => new Promise(done => ami.disconnect(() => done('Goodbye'))), // it calls back on the answer
  };
};
