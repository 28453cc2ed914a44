package node

// Reload reads anew what may change while the node runs. What is wrong is logged, and then nothing of it changes.
func (n *Node) Reload() {
	if n.draining.Load() {
		n.log.Info("not reloaded: the node is stopping")
		return
	}
	n.reloadKeys()
}

// reloadKeys reads the keys of the gossip.
func (n *Node) reloadKeys() {
	if n.members == nil || n.cfg.Bus.Member.KeyFile == "" {
		return
	}
	keys, err := n.cfg.Bus.Member.Keys()
	if err == nil {
		err = n.members.SetKeys(keys)
	}
	if err != nil {
		n.log.Error("keys of the gossip not reloaded, the old ones stay", "err", err)
		return
	}
	n.log.Info("keys of the gossip reloaded", "keys", len(keys))
}
