package engine

import _ "embed"

// builtin is the dialplan of an engine that is given none.
//
//go:embed builtin.conf
var builtin string
