// Package capture reads recordings of a manager connection and serves them again as if it were that Asterisk.
//
// # Reading
//
// A recording is a set of files in one folder: NAME.ami (the bytes the server sent, banner included), NAME.reads.jsonl (when
// they arrived) and NAME.sent (the bytes the client sent), each plain or gzipped (.gz). Open turns it into a Capture: the
// messages of the stream in order, each a banner, an answer with all that belongs to it, or an event.
//
// What makes an event: its second line is a Privilege header with event classes. List items and complete events have none
// (ami/behaviour.md 4.7), the items of Status have the literal "Call", and between the answer of a list and its complete
// event nothing else is written (4.8). An event may well carry an ActionID: OriginateResponse and UserEvent do.
//
// # Serving
//
// A Server plays the events that were recorded after the recorded login, to every session that is logged in and whose mask
// lets them through (behaviour.md 6.7), in one order for all of them. It keeps these promises:
//
//   - The bytes of a recorded event are never changed, and none is invented. What it raises besides are the effects of what a
//     client does, as Asterisk would: a UserEvent for the action UserEvent, a VarSet for a Setvar of a global variable.
//   - The FullyBooted that Asterisk writes right behind the answer of a login belongs to that login, not to the stream. Each
//     login whose mask holds class system gets the recorded one, right behind its answer; a recording without one (a box that
//     was still booting) gives none. So a client that is there from the start gets exactly Capture.Events.
//   - At speed N the clock starts at the first successful login and runs on: an event that nobody hears is gone. At full speed
//     the readers are the clock: it goes on when all of them took what was sent, and stands still while nobody is logged in
//     with an event mask. A session with events off is never waited for.
//   - At the end it starts again with the first event (Loop), or stays connected, silent, and answers actions.
//   - A session that does not take a write in time is cut: at speed N after 10 s, at full speed never, unless
//     Config.WriteTimeout says otherwise.
//   - An answer and what belongs to it stay together on the connection.
//
// An action that was recorded (same name, same parameters but for ActionID) gets the recorded answer with the asker's
// ActionID; several recordings of it are given out in turn. CoreShowChannels and BridgeList, if they were not recorded with these
// parameters, tell of what has been played. Everything else that is not answered live is an unknown command.
package capture
