package config

import (
	"errors"
	"slices"
)

// ami reads manager.conf, acl.conf and http.conf. What is wrong within them has its line there; that a file is not there at all is told
// where it is named.
func (k *checker) ami() {
	a := k.c.AMI
	if a.ManagerConf == "" {
		k.bad("ami.manager_conf", "is missing; name the manager.conf with the users whom this node serves")
		return
	}
	var err error
	k.manager, err = LoadManager(a.ManagerConf, a.ACLConf)
	k.within(err)
	if a.HTTPConf != "" {
		k.http, _, err = LoadHTTP(a.HTTPConf)
		k.within(err)
	}
	if k.c.Source.Kind != KindAsterisk {
		return
	}
	for _, l := range k.amiListeners() {
		if reaches(k.c.Source.Asterisk.Address, l.address) {
			k.bad(l.key, "its listener, %s, is the address of source.asterisk: the node would log in to itself; set another address or port in [general] of %s", l.address, l.file)
		}
	}
}

// within takes over what is wrong in a file that the Config names.
func (k *checker) within(err error) {
	problems, _ := errors.AsType[Problems](err)
	for _, p := range problems {
		switch a := k.c.AMI; {
		case p.Line > 0:
			k.found = append(k.found, p)
		case p.File == a.ACLConf:
			k.bad("ami.acl_conf", "%v", p)
		case p.File == a.HTTPConf:
			k.bad("ami.http_conf", "%v", p)
		default:
			k.bad("ami.manager_conf", "%v", p)
		}
	}
}

// listener is an address and where it is set.
type listener struct {
	key, address, file string
	secure             bool
}

// amiListeners are those for AMI. That of HTTP serves nothing without webenabled, but it listens.
func (k *checker) amiListeners() (all []listener) {
	add := func(key, file, plain string, secure *TLS) {
		if plain != "" {
			all = append(all, listener{key: key, file: file, address: plain})
		}
		if secure != nil {
			all = append(all, listener{key: key, file: file, address: secure.Listen, secure: true})
		}
	}
	if k.manager != nil {
		add("ami.manager_conf", k.c.AMI.ManagerConf, k.manager.Address(), k.manager.TLS)
	}
	if k.http != nil {
		add("ami.http_conf", k.c.AMI.HTTPConf, k.http.Listen, k.http.TLS)
	}
	return all
}

// listeners checks that no two are the same.
func (k *checker) listeners() {
	all := append([]listener{
		{key: "bus.nats.route_listen", address: k.c.Bus.NATS.RouteListen},
		{key: "bus.nats.client_listen", address: k.c.Bus.NATS.ClientListen},
		{key: "bus.member.listen", address: k.c.Bus.Member.Listen},
		{key: "admin.listen", address: k.c.Admin.Listen},
	}, k.amiListeners()...)
	for i, l := range all {
		if j := slices.IndexFunc(all[:i], func(o listener) bool { return collide(o.address, l.address) }); j >= 0 {
			k.bad(l.key, "listens on %s, and %s on %s; give each a port of its own", l.address, all[j].key, all[j].address)
		}
	}
}
