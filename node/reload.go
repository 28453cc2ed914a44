package node

import (
	"errors"
	"fmt"
	"time"

	"github.com/amibus/amibus/node/config"
)

// Reload reads anew what may change while the node runs: users, access lists and the keys of the gossip. What is wrong is logged, line by
// line, and stays as it was; the error is one line. Sessions go on with the rights they came with (ami/behaviour.md 5.12).
func (n *Node) Reload() error {
	n.reloading.Lock()
	defer n.reloading.Unlock()
	if n.draining.Load() {
		n.log.Info("not reloaded: the node is stopping")
		return errors.New("the node is stopping")
	}
	if err := errors.Join(n.reloadUsers(), n.reloadKeys()); err != nil {
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

// reloadUsers reads manager.conf and acl.conf.
func (n *Node) reloadUsers() error {
	users, err := config.LoadManager(n.cfg.AMI.ManagerConf, n.cfg.AMI.ACLConf)
	if err != nil {
		for _, e := range flatten(err) {
			n.log.Error("users not reloaded, the old ones stay", "err", e)
		}
		return err
	}
	for _, w := range users.Warnings {
		n.log.Warn(w.Error())
	}
	if was, is := n.users.Load().Address(), users.Address(); was != is {
		n.log.Warn("the AMI listener stays where it is until a restart", "is", was, "configured", is)
	}
	n.users.Store(users)
	n.log.Info("users reloaded", "users", len(users.Users()))
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
