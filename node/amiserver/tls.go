package amiserver

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"time"
)

// tlsHandshake is the first byte of a TLS client, and no first byte of an action.
const tlsHandshake = 0x16

// errForeign: a TLS client has come to a plain port. It waits for an answer to its greeting, and would do so until authtimeout.
var errForeign = errors.New("a TLS client on a plain port")

// handshake comes before the banner (ami/behaviour.md 12.3), and must be done within authtimeout. Whoever does not speak TLS is sent away
// without a reset.
func (c *connection) handshake(ctx context.Context, secure *tls.Conn, authTimeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, authTimeout)
	defer cancel()
	err := secure.HandshakeContext(ctx)
	if err == nil {
		return nil
	}
	c.srv.count.handshakes.Add(1)
	c.srv.logOften(&c.srv.lastHandshake, "TLS handshake of an AMI client failed", "remote", c.conn.RemoteAddr().String(), "error", err)
	var plain tls.RecordHeaderError
	if errors.As(err, &plain) && plain.Conn != nil {
		hangUp(plain.Conn)
		io.CopyN(io.Discard, plain.Conn, maxDiscard)
	}
	return err
}

// hangUp closes our side only, and gives the client a moment. To close with unread input would reset the connection, and the client might
// lose the last answer.
func hangUp(conn net.Conn) {
	conn.SetReadDeadline(time.Now().Add(linger))
	if half, ok := conn.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
	} else {
		conn.Close()
	}
}
