package config

import "os"

// Warnings names what is doubtful in a valid Config, but may be meant, also within http.conf. What is within manager.conf is in
// Manager.Warnings.
func (c *Config) Warnings() Problems {
	w := &checker{c: c} // what it finds are warnings here
	w.manager, _ = LoadManager(c.AMI.ManagerConf, c.AMI.ACLConf)
	if c.AMI.HTTPConf != "" {
		w.http, w.found, _ = LoadHTTP(c.AMI.HTTPConf)
	}
	w.secrets()
	w.unused()
	w.web()
	for _, l := range w.amiListeners() {
		if host, _, err := splitAddress(l.address); err == nil && !l.secure && !isLoopback(host) {
			w.bad(l.key, "its listener, %s, is beyond loopback, and not encrypted", l.address)
		}
	}
	return w.found.sorted()
}

// secrets warns of files that too many may read.
func (w *checker) secrets() {
	type secret struct{ key, file string }
	all := []secret{
		{"source.asterisk.secret_file", w.c.Source.Asterisk.SecretFile},
		{"bus.member.key_file", w.c.Bus.Member.KeyFile},
		{"ami.manager_conf", w.c.AMI.ManagerConf},
	}
	if w.manager != nil && w.manager.TLS != nil {
		all = append(all, secret{"ami.manager_conf", w.manager.TLS.KeyFile})
	}
	if w.http != nil && w.http.TLS != nil {
		all = append(all, secret{"ami.http_conf", w.http.TLS.KeyFile})
	}
	for _, s := range all {
		if info, err := os.Stat(s.file); s.file != "" && err == nil && info.Mode().Perm()&0o004 != 0 {
			w.bad(s.key, "%s holds a secret and everybody on this machine may read it; chmod o-r", s.file)
		}
	}
}

func (w *checker) unused() {
	for _, kind := range []string{KindAsterisk, KindEngine} {
		if key := "source." + kind; w.c.Source.Kind != kind && w.c.origin.given(key) {
			w.bad(key, "is not used with source.kind %s", w.c.Source.Kind)
		}
	}
	for _, key := range []string{"bus.nats.route_listen", "bus.nats.client_listen"} {
		if len(w.c.Bus.NATS.URLs) > 0 && w.c.origin.given(key) {
			w.bad(key, "is not used with bus.nats.urls: no embedded server runs then")
		}
	}
}

// web warns of one half of AMI over HTTP: webenabled in manager.conf and a listener in http.conf make it.
func (w *checker) web() {
	switch enabled := w.manager != nil && w.manager.Web; {
	case enabled && w.c.AMI.HTTPConf == "":
		w.found = append(w.found, w.manager.webAt.bad("general.webenabled", "has no effect: ami.http_conf names no http.conf"))
	case !enabled && w.manager != nil && w.http != nil:
		w.bad("ami.http_conf", "nothing is served there: webenabled in [general] of %s is not yes", w.c.AMI.ManagerConf)
	}
}
