package manager

import "github.com/amibus/amibus/node/engine/internal/pbx"

// Actions that send channels elsewhere.
func init() {
	add(map[string]handler{"Redirect": redirect, "BlindTransfer": blindTransfer, "Atxfer": atxfer, "CancelAtxfer": cancelAtxfer})
}

func redirect(r *request) error {
	for _, name := range []string{"Channel", "Context", "Exten", "Priority"} {
		if r.get(name) == "" {
			return r.fail(name + " not specified")
		}
	}
	in := pbx.Redirect{Channel: r.get("Channel"), Context: r.get("Context"), Exten: r.get("Exten"), Extra: r.get("ExtraChannel")}
	var err error
	if in.Priority, err = r.priority(in.Context, in.Exten, r.get("Priority")); err != nil {
		return err
	}
	if in.Priority < 1 {
		return r.fail("Priority is invalid")
	}
	if context := r.get("ExtraContext"); in.Extra != "" && context != "" {
		in.ExtraContext, in.ExtraExten = context, r.get("ExtraExten")
		for _, name := range []string{"ExtraExten", "ExtraPriority"} {
			if r.get(name) == "" {
				return r.fail(name + " not specified")
			}
		}
		if in.ExtraPriority, err = r.priority(context, in.ExtraExten, r.get("ExtraPriority")); err != nil {
			return err
		}
		if in.ExtraPriority < 1 {
			return r.fail("ExtraPriority is invalid")
		}
	}
	return r.ask(func(id uint64) pbx.Input { in.ID = id; return in })
}

// transfers answers if the channel or the extension is missing.
func (r *request) transfers(build func(id uint64) pbx.Input) error {
	switch {
	case r.get("Channel") == "":
		return r.fail("No channel specified")
	case r.get("Exten") == "":
		return r.fail("No extension specified")
	}
	return r.ask(build)
}

func blindTransfer(r *request) error {
	return r.transfers(func(id uint64) pbx.Input {
		return pbx.BlindTransfer{ID: id, Channel: r.get("Channel"), Context: r.get("Context"), Exten: r.get("Exten")}
	})
}

func atxfer(r *request) error {
	return r.transfers(func(id uint64) pbx.Input {
		return pbx.Atxfer{ID: id, Channel: r.get("Channel"), Context: r.get("Context"), Exten: r.get("Exten")}
	})
}

func cancelAtxfer(r *request) error {
	if r.get("Channel") == "" {
		return r.fail("No channel specified")
	}
	return r.ask(func(id uint64) pbx.Input { return pbx.CancelAtxfer{ID: id, Channel: r.get("Channel")} })
}
