package dialplan

import "strings"

// writeArray is ARRAY(name,name,…): one part of the value for each; a name without one is empty.
func writeArray(e *evaluator, args, value string) bool {
	parts := SplitArgs(value, 0)
	for i, name := range SplitArgs(args, 0) {
		part := ""
		if i < len(parts) {
			part = parts[i]
		}
		e.env.SetVariable(name, part)
	}
	return true
}

// hashed is the variable that keeps HASH(name,key), with the underscores of the name in front.
func hashed(name, key string) string {
	bare := strings.TrimPrefix(strings.TrimPrefix(name, "_"), "_")
	return name[:len(name)-len(bare)] + "~HASH~" + bare + "~" + key + "~"
}

func readHash(e *evaluator, dst []byte, args string) ([]byte, bool) {
	name, key, ok := strings.Cut(args, ",")
	if !ok {
		e.env.Warn("HASH needs a name and a key: the list of its keys is not built")
		return dst, false
	}
	value, _ := e.env.Variable(hashed(name, key))
	return append(dst, value...), true
}

func writeHash(e *evaluator, args, value string) bool {
	name, key, ok := strings.Cut(args, ",")
	if ok {
		e.env.SetVariable(hashed(name, key), value)
	}
	return ok
}
