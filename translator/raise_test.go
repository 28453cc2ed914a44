package translator

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"
)

func TestClassesAreThoseOfAsterisk(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../testdata/ami/events.json")
	if err != nil {
		t.Fatal(err)
	}
	var table struct {
		Events []struct {
			Name, Privilege string
			In22            bool
		}
	}
	if err := json.Unmarshal(text, &table); err != nil {
		t.Fatal(err)
	}
	raised := "Newchannel Newstate Newexten NewCallerid NewConnectedLine NewAccountCode VarSet HangupRequest SoftHangupRequest Hangup " +
		"BridgeCreate BridgeDestroy BridgeEnter BridgeLeave BridgeMerge DialBegin DialState DialEnd LocalBridge LocalOptimizationBegin " +
		"LocalOptimizationEnd BlindTransfer AttendedTransfer MusicOnHoldStart MusicOnHoldStop DTMFBegin DTMFEnd Hold Unhold Flash UserEvent " +
		"ParkedCall UnParkedCall ParkedCallTimeOut ParkedCallGiveUp OriginateResponse HangupHandlerPush HangupHandlerRun HangupHandlerPop " +
		"FullyBooted Shutdown Reload ExtensionStatus"
	want := map[string]string{}
	for _, e := range table.Events {
		if e.In22 {
			want[e.Name] = e.Privilege
		}
	}
	for _, name := range strings.Fields(raised) {
		if got := string(ClassOf(name).AppendPrivilege(nil)); got != want[name] {
			t.Errorf("%s: privilege %q, want %q", name, got, want[name])
		}
	}
}

// A group rendered and taken apart again is what it was: the layout serves both ways.
func TestARaisedEventHasTheBytesOfAsterisk(t *testing.T) {
	t.Parallel()
	now := &Channel{
		Name: "Local/a@b-00000001;1", Uniqueid: "alpha-1700000000.1", Linkedid: "alpha-1700000000.0", State: 6, CallerNum: "12",
		CallerName: `Q "x"?`, Language: "en", Context: "b", Exten: "a", Priority: 1, Vars: []Variable{{"V", "1\t2"}}, Application: "Wait",
	}
	old := *now
	old.State, old.Application = 5, ""
	events := Change(&old, now)
	if len(events) != 2 || events[0].Name != "Newstate" || events[1].Name != "Newexten" {
		t.Fatalf("changes: %+v", events)
	}
	w := Writer{SystemName: "alpha", Timestamps: true}
	at := time.Unix(1700000000, 5000)
	text := string(w.Append(nil, at, &events[0]))
	const want = "Event: Newstate\r\nPrivilege: call,all\r\nTimestamp: 1700000000.000005\r\nSystemName: alpha\r\n" +
		"Channel: Local/a@b-00000001;1\r\nChannelState: 6\r\nChannelStateDesc: Up\r\nCallerIDNum: 12\r\nCallerIDName: Q \\\"x\\\"\\?\r\n" +
		"ConnectedLineNum: <unknown>\r\nConnectedLineName: <unknown>\r\nLanguage: en\r\nAccountCode: \r\nContext: b\r\nExten: a\r\n" +
		"Priority: 1\r\nUniqueid: alpha-1700000000.1\r\nLinkedid: alpha-1700000000.0\r\nChanVariable: V=1\\t2\r\n\r\n"
	if text != want {
		t.Errorf("text:\n%s\nwant:\n%s", text, want)
	}
}

// The order of a change is fixed, whatever changed, and a value cannot tear the message.
func TestChangesComeInAsterisksOrder(t *testing.T) {
	t.Parallel()
	old := &Channel{Name: "a", Uniqueid: "1.1", Application: "Wait", Priority: 1}
	now := &Channel{Name: "a", Uniqueid: "1.1", Application: "Wait", Priority: 2, Gone: true, Cause: 17, CallerNum: "1", ConnectedNum: "2",
		AccountCode: "x\r\nEvent: y"}
	var names []string
	var text []byte
	for _, e := range Change(old, now) {
		names = append(names, e.Name)
		text = (&Writer{}).Append(text, time.Time{}, &e)
	}
	if got := strings.Join(names, " "); got != "Hangup Newexten NewCallerid NewAccountCode NewConnectedLine" {
		t.Errorf("order: %s", got)
	}
	if n := strings.Count(string(text), "\nEvent: "); n != 4 {
		t.Errorf("%d events begin in the middle, want 4:\n%s", n, text)
	}
	if !strings.Contains(string(text), "Cause: 17\r\nCause-txt: User busy\r\n") {
		t.Errorf("no cause:\n%s", text)
	}
}
