package ami

import "bytes"

// BeginsList tells whether a list follows the answer m to this action. Asterisk 22 says so in EventList; 12 often says no more than
// that something will follow, which no other text does (ami/behaviour.md 4.4, 4.5; ami/clients.md 10).
func (a Action) BeginsList(m *Message) bool {
	if m.Kind() != KindResponse {
		return false
	}
	if list := m.Get("EventList"); list != nil {
		return equalFold(list, "start")
	}
	return a.Complete != "" && equalFold(m.Get("Response"), "Success") && containsFold(m.Get("Message"), "follow")
}

// EndsList tells whether m is the last event of the list that this action was answered with. It says so in EventList, or, in 12, by its
// name alone.
func (a Action) EndsList(m *Message) bool {
	if m.Kind() != KindEvent {
		return false
	}
	list := m.Get("EventList")
	return equalFold(list, "Complete") || equalFold(list, "cancelled") || a.Complete != "" && string(m.Get("Event")) == a.Complete
}

func containsFold(b []byte, s string) bool { return bytes.Contains(bytes.ToLower(b), []byte(s)) }
