package node

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"sync/atomic"

	"github.com/amibus/amibus/node/amiserver"
	"github.com/amibus/amibus/node/config"
)

// web is where AMI is served over HTTP, if anywhere.
type web struct {
	conf        atomic.Pointer[config.HTTP] // nil: nowhere
	secure      atomic.Pointer[tls.Config]
	http, https *amiserver.WebListener
}

// loadWeb reads http.conf, and the certificate that it names; nil if it does not say enabled = yes.
func (n *Node) loadWeb() (*config.HTTP, *tls.Config, error) {
	file := n.cfg.AMI.HTTPConf
	conf, warnings, err := config.LoadHTTP(file)
	if err != nil {
		return nil, nil, err
	}
	var secure *tls.Config
	if conf != nil && conf.TLS != nil {
		conf.TLS.Reread = n.certificateReread(file)
		if secure, err = conf.TLS.Config(); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	for _, w := range warnings {
		n.log.Warn(w.Error())
	}
	return conf, secure, nil
}

// openWeb opens the listeners of http.conf. Whether anything is served there is up to webenabled, which may change at a reload.
func (n *Node) openWeb() (err error) {
	file := n.cfg.AMI.HTTPConf
	if file == "" {
		return nil
	}
	conf, secure, err := n.loadWeb()
	if err != nil || conf == nil {
		return err
	}
	n.web.conf.Store(conf)
	if conf.Listen != "" {
		ln, err := listen("the HTTP listener (bindaddr and bindport in "+file+")", conf.Listen)
		if err != nil {
			return err
		}
		n.web.http = &amiserver.WebListener{Listener: ln}
	}
	if secure == nil {
		return nil
	}
	n.web.secure.Store(secure)
	ln, err := listen("the HTTPS listener (tlsbindaddr in "+file+")", conf.TLS.Listen)
	if err != nil {
		return err
	}
	n.web.https = &amiserver.WebListener{Listener: ln, TLS: &tls.Config{
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return n.web.secure.Load(), nil },
	}}
	return nil
}

// reloadWeb reads http.conf anew. What it says holds from the next request on, but for the listeners and how long they keep connections.
func (n *Node) reloadWeb() error {
	if n.cfg.AMI.HTTPConf == "" {
		return nil
	}
	is, secure, err := n.loadWeb()
	if err != nil {
		for _, e := range flatten(err) {
			n.log.Error("http.conf not reloaded, what it said stays", "err", e)
		}
		return err
	}
	was := n.web.conf.Load()
	switch {
	case was == nil && is == nil:
		return nil
	case was == nil:
		n.log.Warn("AMI is served over HTTP after a restart", "file", n.cfg.AMI.HTTPConf)
		return nil
	case is == nil:
		off := *was
		off.Off, is = true, &off
		n.log.Warn("nothing is found over HTTP any more; the listeners stay until a restart", "file", n.cfg.AMI.HTTPConf)
	case was.Listen != is.Listen || httpsAddress(was) != httpsAddress(is) || was.KeepAlive != is.KeepAlive:
		n.log.Warn("the HTTP listeners, and session_keep_alive, stay as they are until a restart", "configured", is.Listen, "configured_tls", httpsAddress(is))
		kept := *is // what they are, to be compared with at the next reload
		kept.Listen, kept.TLS, kept.KeepAlive, is = was.Listen, was.TLS, was.KeepAlive, &kept
	}
	if secure != nil {
		n.web.secure.Store(secure)
	}
	n.web.conf.Store(is)
	n.log.Info("http.conf reloaded")
	return nil
}

// httpsAddress is where AMI is wanted over HTTPS, "" for nowhere.
func httpsAddress(c *config.HTTP) string {
	if c.TLS == nil {
		return ""
	}
	return c.TLS.Listen
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
	conf := w.conf.Load()
	if conf == nil {
		return nil
	}
	for _, ln := range w.listeners() {
		log.Info("AMI over HTTP, where webenabled says so", "address", ln.Addr().String(), "tls", ln.TLS != nil, "prefix", conf.Prefix)
	}
	return s.ServeHTTP(ctx, w.conf.Load, w.listeners()...)
}

func (w *web) close() {
	for _, ln := range w.listeners() {
		_ = ln.Close() // closed already after a normal run
	}
}
