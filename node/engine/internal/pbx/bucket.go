package pbx

// Lists of Asterisk come in the order of its hash tables. Who compares with one, or has seen one, finds the same order here.

const buckets = 563

// cacheBucket is where the cache of device states has a name.
func cacheBucket(name string) int {
	var typ, id uint32
	for _, c := range []byte("ast_device_state_message_type") {
		typ = typ*13 + uint32(c)
	}
	for _, c := range []byte(name) {
		id = id*13 + uint32(c)
	}
	n := int(int32(typ+id)) % buckets
	return max(n, -n)
}

// hintBucket is where the table of hints has an extension.
func hintBucket(exten string) int {
	hash := uint32(5381)
	for _, c := range []byte(exten) {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		hash = hash*33 ^ uint32(c)
	}
	return int(hash&0x7fffffff) % buckets
}
