package pbx

import (
	"slices"
	"testing"
	"time"
)

func TestDigits(t *testing.T) {
	t.Parallel()
	const rest = "\ni: NoOp(i ${INVALID_EXTEN})\nt: NoOp(t)\n5: NoOp(5)\n61: NoOp(61)\n[other]\n7: NoOp(other 7)"
	for name, c := range map[string]struct {
		plan, digits string
		want         []string
	}{
		"background, one":      {"Background(a); NoOp(no)", "5", []string{"5"}},
		"background, two":      {"Background(a&b); NoOp(no)", "61", []string{"61"}},
		"background, invalid":  {"Background(a); NoOp(no)", "9", []string{"i 9"}},
		"background, part":     {"Background(a); NoOp(no)", "6", []string{"i 6"}},
		"background, none":     {"Background(a); NoOp(on ${BACKGROUNDSTATUS})", "", []string{"on SUCCESS"}},
		"background, m":        {"Background(a&b,m); NoOp(on)", "9", []string{"on"}},
		"background, p":        {"Background(a&b,p); NoOp(on)", "5", []string{"on"}},
		"background, context":  {"Background(a,,,other); NoOp(no)", "7", []string{"other 7"}},
		"background, skip":     {"Background(a,skip); NoOp(on ${CHANNEL(state)})", "", []string{"on Ring"}},
		"background, noanswer": {"Background(a,n); NoOp(on ${CHANNEL(state)})", "", []string{"on Ring"}},
		"playback":             {"Playback(a&b); NoOp(${PLAYBACKSTATUS} ${CHANNEL(state)})", "5", []string{"SUCCESS Up"}},
		"playback, skip":       {"Playback(a,skip); NoOp(${CHANNEL(state)})", "", []string{"Ring"}},
		"playback, noanswer":   {"Playback(a,noanswer); NoOp(${CHANNEL(state)})", "", []string{"Ring"}},
		"wait exten":           {"Answer(); WaitExten(9); NoOp(no)", "61", []string{"61"}},
		"wait exten, goes on":  {"Answer(); WaitExten(2); NoOp(on)", "", []string{"on"}},
		"wait exten, t":        {"Answer(); WaitExten(2,m)", "", []string{"t"}},
		"wait exten, invalid":  {"Answer(); WaitExten(9)", "99", []string{"i 9"}},
		"read":                 {"Read(D,,2); NoOp(${D} ${READSTATUS})", "123", []string{"12 OK"}},
		"read, ended":          {"Read(D); NoOp(${D} ${READSTATUS})", "12#", []string{"12 OK"}},
		"read, late":           {"Read(D); NoOp(${D} ${READSTATUS})", "12", []string{"12 TIMEOUT"}},
		"read, nothing":        {"Read(D,,,,2,1); NoOp(${D}.${READSTATUS} ${EPOCH})", "", []string{".TIMEOUT 1795398289"}},
		"read, empty":          {"Read(D); NoOp(${D}.${READSTATUS})", "#", []string{".OK"}},
		"read, e":              {"Read(D,,,e); NoOp(${D} ${READSTATUS})", "#", []string{"# OK"}},
		"read, t":              {"Read(D,,,t(*)); NoOp(${D} ${READSTATUS})", "1#*", []string{"1# OK"}},
		"read, skip":           {"Read(D,,,s); NoOp(${D}.${READSTATUS} ${CHANNEL(state)})", "", []string{".SKIPPED Ring"}},
		"read, noanswer":       {"Read(D,,1,n); NoOp(${D} ${CHANNEL(state)})", "4", []string{"4 Ring"}},
		"no argument":          {"Read(); SendDTMF(); NoOp(on ${READSTATUS})", "", []string{"on ERROR"}},
		"hangup, name":         {"Hangup(USER_BUSY)\nh: NoOp(${HANGUPCAUSE} ${CHANNEL(hangupsource)})", "", []string{"17 dialplan/builtin"}},
		"hangup, bad":          {"Hangup(nonsense)\nh: NoOp(${HANGUPCAUSE})", "", []string{"16"}},
		"answer":               {"Answer(2000); NoOp(${EPOCH}); Answer(); NoOp(${EPOCH})", "", []string{"1795398288", "1795398288"}},
		"answer, i":            {"Answer(,i); NoOp(${EPOCH})", "", []string{"1795398286"}},
	} {
		said, _ := trail(t, "[test]\n1: "+c.plan+rest, c.digits)
		if !slices.Equal(said, c.want) {
			t.Errorf("%s: %q, want %q", name, said, c.want)
		}
	}
}

// SendDTMF may send on another channel, which goes on with what it does.
func TestDigitsOfAnotherChannel(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{Dialplan: parsePlan("[test]\n1: Answer(); Read(D,,2); NoOp(${D})\n2: SendDTMF(1w2,100,50,${OTHER},a); NoOp(sent); SendDTMF(1,,,nobody); NoOp(on)")})
	w.do(Originate{Channel: "Local/1@test/n", Application: "Wait", Data: "20", Async: true})
	w.run(time.Second)
	w.do(SetVar{Name: "OTHER", Value: "Local/1@test-00000000;1"}, Incoming{Endpoint: "one", Context: "test", Exten: "2"})
	w.run(30 * time.Second)
	got := brief(w.events)
	for _, want := range []string{"sent", "on", "12"} {
		if !slices.Contains(got, want) {
			t.Errorf("%s is not in %q", want, got)
		}
	}
}
