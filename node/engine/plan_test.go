package engine

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amibus/amibus/node/engine/internal/dialplan"
	"github.com/amibus/amibus/node/engine/internal/pbx"
	"github.com/amibus/amibus/node/engine/internal/plan"
	"github.com/amibus/amibus/translator"
)

const extensions = `
[default]
exten => _1XX,1,Set(CALLERID(name)=Desk ${EXTEN:1})
 same => n,Set(N=$[${EXTEN} + 1])
 same => n,GotoIf($["${N}" = "124"]?found:lost)
 same => n(lost),Hangup(3)
 same => n(found),Set(DB(seen/${EXTEN})=${CALLERID(name)})
 same => n,UserEvent(Seen,Who: ${DB(seen/123)},N: ${N})
exten => h,1,NoOp(${HANGUPCAUSE})
`

func TestThePBXRunsExtensionsConf(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, problems := dialplan.Parse("extensions.conf", extensions, dialplan.Options{Apps: pbx.Apps(), Functions: pbx.Functions()})
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		e := newEngine(pbx.Config{Dialplan: plan.Of(d), Seed: 1}, translator.Writer{})
		go e.Run(t.Context())
		sub := e.Events().Subscribe(1000)
		if _, err := (driver{e}).Ask(t.Context(), func(id uint64) pbx.Input {
			return pbx.Originate{ID: id, Channel: "Sim/x", Context: "default", Exten: "123", Async: true}
		}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		events, err := sub.Take(nil)
		if err != nil {
			t.Fatal(err)
		}
		var seen, over bool
		for _, ev := range events {
			seen = seen || ev.Name == "UserEvent" && strings.Contains(string(ev.Text), "UserEvent: Seen\r\nWho: Desk 23\r\nN: 124\r\n")
			over = over || ev.Name == "Hangup"
		}
		if !seen || !over {
			t.Errorf("seen %v, over %v", seen, over)
			for _, ev := range events {
				t.Logf("%s", ev.Text)
			}
		}
	})
}
