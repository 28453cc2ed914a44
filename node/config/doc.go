// Package config reads what a node is told: the YAML file of `amibus run`, and beside it Asterisk's own manager.conf and acl.conf.
//
// The YAML file is strict. Load and Validate report every error there is, not the first, each on one line: where, which key, what is
// wrong and what to do. A Config that Load returned can be run; what can still fail is the world (a busy port, a peer that is away).
//
// No secret is ever part of a Config: it holds the names of files and environment variables, and Secret and Key read them anew at
// each use, so a Config can be printed and a rotated secret is picked up at the next login.
package config
