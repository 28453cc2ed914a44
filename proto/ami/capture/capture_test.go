package capture
import ("testing";"fmt";"strings";"time")
func TestX(t *testing.T){
 s:=time.Now()
 all,err:=OpenAll("../../../testdata/captures"); if err!=nil {t.Fatal(err)}
 fmt.Println(len(all),time.Since(s))
 n:=0
 for _,c:=range all { e,a,u,r:=0,0,0,0
  for _,m:=range c.Messages { switch m.Kind { case Event: e++; case Answer: a++; if m.Action==nil {u++; fmt.Printf("unlinked %s/%s %q\n",c.Scenario,c.Instance,m.Text.Bytes())}
    if m.Action!=nil && !strings.HasPrefix(string(m.Text.Bytes()),"Response") {fmt.Printf("raw %s %q for %q rest %d\n",c.Scenario,m.Text.Bytes(),m.Action.Bytes(),len(m.Rest))}
    for _,x:=range m.Rest { r++; if !strings.HasPrefix(string(x.Bytes()),"Event") {fmt.Printf("rest %s %q\n",c.Scenario,x.Bytes())} else if m.Text.Get("EventList")==nil {fmt.Printf("rest %s %q of %q\n",c.Scenario,x.Line(0),m.Text.Bytes())} }
  } }
  n+=e
  sn,ts:=c.head()
  fmt.Println(c.Scenario,c.Instance,"events",e,"answers",a,"unlinked",u,"rest",r,"login",c.Login,sn,ts,c.Length)
 }
 fmt.Println(n)
}
