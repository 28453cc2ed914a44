package natsbus

import (
	"fmt"
	"log/slog"
	"strings"
)

// logger hands what the NATS server logs to slog. Its notices (start, every route, every reload) are for debugging here.
type logger struct {
	log   *slog.Logger
	fatal chan string // capacity 1; the server goes on after a Fatalf that returns, so the one who started it must look here
}

func (l *logger) Noticef(format string, v ...any) { l.log.Debug(text(format, v)) }
func (l *logger) Warnf(format string, v ...any)   { l.log.Warn(text(format, v)) }
func (l *logger) Debugf(string, ...any)           {}
func (l *logger) Tracef(string, ...any)           {}

func (l *logger) Errorf(format string, v ...any) {
	if strings.HasPrefix(format, "Error trying to connect to route") { // it tries again, and a node may be down for long
		l.log.Warn(text(format, v))
		return
	}
	l.log.Error(text(format, v))
}

func (l *logger) Fatalf(format string, v ...any) {
	select {
	case l.fatal <- text(format, v):
	default:
	}
}

func text(format string, v []any) string { return strings.TrimSpace(fmt.Sprintf(format, v...)) }
