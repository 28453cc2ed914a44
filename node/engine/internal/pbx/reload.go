package pbx

import "github.com/amibus/amibus/translator"

// Reload puts another dialplan in the place of the one in use. Calls go on in it at the place where they are.
type Reload struct {
	ID      uint64
	Plan    Dialplan
	Globals []translator.Variable // set in this order
	Clear   bool                  // forget the others first
}

func (Reload) input() {}

func (p *PBX) reload(in Reload) {
	p.cfg.Dialplan = in.Plan
	if in.Clear {
		p.globals = nil
	}
	for _, v := range in.Globals {
		p.setGlobal(v.Name, v.Value)
	}
	p.readHints(true)
	p.reply(in.ID, "")
}
