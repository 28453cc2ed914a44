package node

import (
	"context"
	"fmt"

	"github.com/amibus/amibus/node/amiserver"
	"github.com/amibus/amibus/node/config"
)

// web is where AMI is served over HTTP, if anywhere.
type web struct {
	conf        *config.HTTP // nil: nowhere
	http, https *amiserver.WebListener
}

// openWeb reads http.conf and opens its listeners. Whether anything is served there is up to webenabled, which may change at a reload.
func (n *Node) openWeb() (err error) {
	file := n.cfg.AMI.HTTPConf
	if file == "" {
		return nil
	}
	conf, warnings, err := config.LoadHTTP(file)
	if err != nil {
		return err
	}
	for _, w := range warnings {
		n.log.Warn(w.Error())
	}
	if n.web.conf = conf; conf == nil {
		return nil
	}
	if conf.Listen != "" {
		ln, err := listen("the HTTP listener (bindaddr and bindport in "+file+")", conf.Listen)
		if err != nil {
			return err
		}
		n.web.http = &amiserver.WebListener{Listener: ln}
	}
	if conf.TLS == nil {
		return nil
	}
	conf.TLS.Reread = n.certificateReread
	secure, err := conf.TLS.Config()
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	ln, err := listen("the HTTPS listener (tlsbindaddr in "+file+")", conf.TLS.Listen)
	if err != nil {
		return err
	}
	n.web.https = &amiserver.WebListener{Listener: ln, TLS: secure}
	return nil
}

// certificateReread tells what has become of a change of the certificate of HTTPS.
func (n *Node) certificateReread(err error) {
	if err != nil {
		n.log.Error("certificate of http.conf not reloaded, the old one stays", "err", err)
		return
	}
	n.log.Info("certificate of http.conf reloaded")
}

func (w *web) listeners() (all []amiserver.WebListener) {
	for _, ln := range []*amiserver.WebListener{w.http, w.https} {
		if ln != nil {
			all = append(all, *ln)
		}
	}
	return all
}

func (w *web) serve(ctx context.Context, s *amiserver.Server) error {
	if w.conf == nil {
		return nil
	}
	return s.ServeHTTP(ctx, w.conf, w.listeners()...)
}

func (w *web) close() {
	for _, ln := range w.listeners() {
		_ = ln.Close() // closed already after a normal run
	}
}
