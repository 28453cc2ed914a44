package config

import "os"

// Warnings names what is doubtful in a valid Config, but may be meant. Those within manager.conf are in Manager.Warnings.
func (c *Config) Warnings() Problems {
	w := &checker{c: c} // what it finds are warnings here
	for _, secret := range []struct{ key, file string }{
		{"source.asterisk.secret_file", c.Source.Asterisk.SecretFile},
		{"bus.member.key_file", c.Bus.Member.KeyFile},
		{"ami.manager_conf", c.AMI.ManagerConf},
	} {
		if info, err := os.Stat(secret.file); secret.file != "" && err == nil && info.Mode().Perm()&0o004 != 0 {
			w.bad(secret.key, "%s holds a secret and everybody on this machine may read it; chmod o-r", secret.file)
		}
	}
	if c.Source.Kind == KindNone && c.origin.given("source.asterisk") {
		w.bad("source.asterisk", "is not used with source.kind none")
	}
	for _, key := range []string{"bus.nats.route_listen", "bus.nats.client_listen"} {
		if len(c.Bus.NATS.URLs) > 0 && c.origin.given(key) {
			w.bad(key, "is not used with bus.nats.urls: no embedded server runs then")
		}
	}
	if m, err := LoadManager(c.AMI.ManagerConf, c.AMI.ACLConf); err == nil {
		if host, _, err := splitAddress(m.Address()); err == nil && !isLoopback(host) {
			w.bad("ami.manager_conf", "its listener, %s, is beyond loopback, and AMI is not encrypted", m.Address())
		}
	}
	return w.found.sorted()
}
