package pbx

import (
	"maps"
	"slices"
	"strings"

	"github.com/amibus/amibus/translator"
)

// The AstDB: values by family and key. In a list a key is /FAMILY/KEY: a family with a "/" in it is one with the key's first part.

const (
	maxKeys    = 100_000
	maxDBValue = 64 << 10
)

// DBPut puts a value into the database.
type DBPut struct {
	ID                 uint64
	Family, Key, Value string
}

// DBDel takes a key out of the database, or, if Tree, all keys of the family, or those below Key.
type DBDel struct {
	ID          uint64
	Family, Key string
	Tree        bool
}

func (DBPut) input() {}
func (DBDel) input() {}

func (p *PBX) dbPutAction(in DBPut) {
	if !p.dbPut(in.Family, in.Key, in.Value) {
		p.fail(in.ID, "Failed to update entry")
		return
	}
	p.reply(in.ID, "Updated database successfully")
}

func (p *PBX) dbDelAction(in DBDel) {
	switch {
	case in.Tree && len(p.dbDelTree(in.Family, in.Key)) == 0:
		p.fail(in.ID, "Database entry not found")
	case in.Tree:
		p.reply(in.ID, "Key tree deleted successfully")
	case !p.dbDel(in.Family, in.Key):
		p.fail(in.ID, "Database entry could not be deleted")
	default:
		p.reply(in.ID, "Key deleted successfully")
	}
}

// dbPut is bounded: a database that is full takes no new keys, and no value beyond maxDBValue.
func (p *PBX) dbPut(family, key, value string) (ok bool) {
	key = family + "/" + key
	if _, there := p.db[key]; !there && len(p.db) >= maxKeys {
		p.overflow("database: %s is not kept: there are %d keys already", key, maxKeys)
		return false
	}
	if len(key)+len(value) > maxDBValue {
		p.overflow("database: %.80s is not kept: it has more than %d bytes", key, maxDBValue)
		return false
	}
	p.db[key] = value
	return true
}

func (p *PBX) dbDel(family, key string) (there bool) {
	key = family + "/" + key
	_, there = p.db[key]
	delete(p.db, key)
	return there
}

func (p *PBX) dbDelTree(family, key string) (gone []string) {
	gone = p.dbKeys(family, key)
	for _, key := range gone {
		delete(p.db, key)
	}
	return gone
}

// dbKeys lists the keys of a tree. As in Asterisk the letters' case does not matter there.
func (p *PBX) dbKeys(family, key string) (keys []string) {
	tree := family
	if key != "" {
		tree += "/" + key
	}
	for _, key := range slices.Sorted(maps.Keys(p.db)) {
		if n := len(tree); tree == "" || len(key) >= n && strings.EqualFold(key[:n], tree) && (len(key) == n || key[n] == '/') {
			keys = append(keys, key)
		}
	}
	return keys
}

// DBGet returns a value of the database.
func (p *PBX) DBGet(family, key string) (value string, ok bool) {
	value, ok = p.db[family+"/"+key]
	return value, ok
}

// DBTree lists the keys of a family ("": all), or of what is below a key, with their values.
func (p *PBX) DBTree(family, key string) []translator.Variable {
	var list []translator.Variable
	for _, key := range p.dbKeys(family, key) {
		list = append(list, translator.Variable{Name: "/" + key, Value: p.db[key]})
	}
	return list
}

// DBGet and DBPut are the function DB.
func (c *channel) DBGet(family, key string) (string, bool) { return c.p.DBGet(family, key) }

func (c *channel) DBPut(family, key, value string) { c.p.dbPut(family, key, value) }
