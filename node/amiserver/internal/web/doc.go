// Package web is what AMI over HTTP needs apart from sessions (ami/behaviour.md 11): requests become actions, answers become pages, and
// digest authentication. Nothing here does I/O or knows the time.
//
// What comes from a client is cleaned where it comes in: no variable can end its header, and no page holds a byte of a value that
// is not escaped.
package web
