package amiserver

import (
	"strconv"
	"strings"

	"github.com/amibus/amibus/node/config"
	"github.com/amibus/amibus/proto/ami"
)

// parseMask reads the mask of Login and Events; ok is false if it is empty (ami/behaviour.md 6.2).
func parseMask(text string) (mask ami.Class, ok bool) {
	if text == "" {
		return 0, false
	}
	if strings.Trim(text, "0123456789") == "" {
		n, err := strconv.ParseUint(text, 10, 31)
		if err != nil {
			return ami.ClassAll, true // too large: it can only mean everything
		}
		return ami.Class(n), true
	}
	switch strings.ToLower(text) {
	case "no", "false", "n", "f", "off":
		return 0, true
	case "yes", "true", "y", "t", "on":
		return ami.ClassAll, true
	}
	mask, _ = config.ParseClasses(text)
	return mask, true
}
