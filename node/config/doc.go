// Package config reads what a node is told: the YAML file of `amibus run`, and beside it Asterisk's own manager.conf, acl.conf and
// http.conf. docs/configuration.md lists what each may say.
//
// The YAML file is strict. Load and Validate report every error there is, not the first, each on one line: where, which key, what is
// wrong and what to do. A Config that Load returned can be run; what can still fail is the world (a busy port, a peer that is away).
//
// Asterisk's files are read as Asterisk reads them (stanzas), but what it skips silently is told: LoadManager and LoadHTTP return errors
// for what would let in, show or allow more than the file says, warnings for what has no effect.
//
// No secret is ever part of a Config: it holds the names of files and environment variables, and Secret and Key read them anew at
// each use, so a Config can be printed and a rotated secret is picked up at the next login. A Manager holds the secrets of its users, or
// their hashes: at most two are computed at once, whoever asks. A TLS follows the files of its certificate.
package config
