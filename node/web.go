package node

import (
	"context"
	"fmt"
	"log/slog"

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
	conf.TLS.Reread = n.certificateReread(file)
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

func (w *web) listeners() (all []amiserver.WebListener) {
	for _, ln := range []*amiserver.WebListener{w.http, w.https} {
		if ln != nil {
			all = append(all, *ln)
		}
	}
	return all
}

func (w *web) serve(ctx context.Context, s *amiserver.Server, log *slog.Logger) error {
	if w.conf == nil {
		return nil
	}
	for _, ln := range w.listeners() {
		log.Info("AMI over HTTP, where webenabled says so", "address", ln.Addr().String(), "tls", ln.TLS != nil, "prefix", w.conf.Prefix)
	}
	return s.ServeHTTP(ctx, w.conf, w.listeners()...)
}

func (w *web) close() {
	for _, ln := range w.listeners() {
		_ = ln.Close() // closed already after a normal run
	}
}
