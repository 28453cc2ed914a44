package node

import (
	"errors"
	"fmt"
	"time"

	"github.com/amibus/amibus/node/config"
)

// Reload reads anew what may change while the node runs: users, access lists, http.conf, the keys of the gossip and the users of the bus. What is wrong is logged, line by
// line, and stays as it was; the error is one line. Sessions go on with the rights they came with (ami/behaviour.md 5.12).
func (n *Node) Reload() error {
	n.reloading.Lock()
	defer n.reloading.Unlock()
	if n.draining.Load() {
		n.log.Info("not reloaded: the node is stopping")
		return errors.New("the node is stopping")
	}
	if err := errors.Join(n.reloadUsers(), n.reloadWeb(), n.reloadKeys(), n.reloadBusUsers(), n.reloadEngine()); err != nil {
		return errors.New(oneLineOf(err))
	}
	now := time.Now()
	n.reloaded.Store(&now)
	return nil
}

func oneLineOf(err error) string {
	problems := flatten(err)
	if len(problems) == 1 {
		return problems[0].Error()
	}
	return fmt.Sprintf("%v (and %d more, see the log)", problems[0], len(problems)-1)
}

// flatten returns the errors of which err is made.
func flatten(err error) (all []error) {
	if list, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range list.Unwrap() {
			all = append(all, flatten(e)...)
		}
		return all
	}
	if problems, ok := err.(config.Problems); ok {
		for _, p := range problems {
			all = append(all, p)
		}
		return all
	}
	return []error{err}
}

// reloadUsers reads what loadUsers does. Listeners stay as they are.
func (n *Node) reloadUsers() error {
	was := n.users.Load()
	if err := n.loadUsers(); err != nil {
		for _, e := range flatten(err) {
			n.log.Error("users not reloaded, the old ones stay", "err", e)
		}
		return err
	}
	is := n.users.Load()
	if was.Address() != is.Address() || tlsAddress(was) != tlsAddress(is) {
		n.log.Warn("the AMI listeners stay where they are until a restart", "configured", is.Address(), "configured_tls", tlsAddress(is))
	}
	n.log.Info("users reloaded", "users", len(is.Users()))
	return nil
}

// reloadKeys reads the keys of the gossip.
func (n *Node) reloadKeys() error {
	if n.members == nil || n.cfg.Bus.Member.KeyFile == "" {
		return nil
	}
	keys, err := n.cfg.Bus.Member.Keys()
	if err == nil {
		err = n.members.SetKeys(keys)
	}
	if err != nil {
		n.log.Error("keys of the gossip not reloaded, the old ones stay", "err", err)
		return err
	}
	n.log.Info("keys of the gossip reloaded", "keys", len(keys))
	return nil
}
