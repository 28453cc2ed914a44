package manager

import (
	"github.com/amibus/amibus/node/engine/internal/pbx"
	"github.com/amibus/amibus/translator"
)

// Actions on the AstDB.
func init() {
	add(map[string]handler{"DBGet": dbGet, "DBGetTree": dbGetTree, "DBPut": dbPut, "DBDel": dbDel, "DBDelTree": dbDelTree})
}

// entry returns the family and the key of the action. missing is what is said if one is not there.
func (r *request) entry(end string) (family, key, missing string) {
	switch family, key = r.get("Family"), r.get("Key"); {
	case family == "":
		missing = "No family specified" + end
	case key == "":
		missing = "No key specified" + end
	}
	return family, key, missing
}

func dbGet(r *request) error {
	family, key, missing := r.entry(".")
	if missing != "" {
		return r.fail(missing)
	}
	var value string
	var ok bool
	if err := r.look(func(p *pbx.PBX) { value, ok = p.DBGet(family, key) }); err != nil {
		return err
	}
	if !ok {
		return r.fail("Database entry not found")
	}
	return r.list("Result will follow", []translator.Raised{{Name: "DBGetResponse", Parts: []translator.Part{
		translator.Header("Family", family), translator.Header("Key", key), translator.Header("Val", value)}}}, "DBGetComplete")
}

func dbGetTree(r *request) error {
	var items []translator.Raised
	err := r.look(func(p *pbx.PBX) {
		for _, v := range p.DBTree(r.get("Family"), r.get("Key")) {
			items = append(items, translator.Raised{Name: "DBGetTreeResponse", Parts: []translator.Part{
				translator.Header("Key", v.Name), translator.Header("Val", v.Value)}})
		}
	})
	if err != nil {
		return err
	}
	return r.list("Result will follow", items, "DBGetTreeComplete")
}

func dbPut(r *request) error {
	family, key, missing := r.entry("")
	if missing != "" {
		return r.fail(missing)
	}
	return r.ask(func(id uint64) pbx.Input { return pbx.DBPut{ID: id, Family: family, Key: key, Value: r.get("Val")} })
}

func dbDel(r *request) error {
	family, key, missing := r.entry(".")
	if missing != "" {
		return r.fail(missing)
	}
	return r.ask(func(id uint64) pbx.Input { return pbx.DBDel{ID: id, Family: family, Key: key} })
}

func dbDelTree(r *request) error {
	family := r.get("Family")
	if family == "" {
		return r.fail("No family specified.")
	}
	return r.ask(func(id uint64) pbx.Input { return pbx.DBDel{ID: id, Family: family, Key: r.get("Key"), Tree: true} })
}
