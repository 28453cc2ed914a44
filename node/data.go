package node

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// dataDir is what a node keeps on disk: small files, each written whole.
type dataDir string

func openDataDir(path string) (dataDir, error) {
	if err := os.MkdirAll(path, 0o750); err != nil {
		return "", fmt.Errorf("node.data_dir %s cannot be created: %w", path, err)
	}
	return dataDir(path), nil
}

// nextEpoch returns the epoch of this start and keeps it: above any this directory has seen, and about Unix milliseconds.
func (d dataDir) nextEpoch(now time.Time) (uint64, error) {
	stored, err := d.read("epoch")
	if err != nil {
		return 0, err
	}
	last := uint64(0)
	if stored != "" {
		if last, err = strconv.ParseUint(stored, 10, 63); err != nil {
			return 0, fmt.Errorf("%s does not hold a number; delete it", d.path("epoch"))
		}
	}
	epoch := max(last+1, uint64(now.UnixMilli()))
	return epoch, d.keepEpoch(epoch)
}

func (d dataDir) keepEpoch(epoch uint64) error {
	return d.write("epoch", strconv.FormatUint(epoch, 10)+"\n")
}

// addresses is the file addresses.json: where this node listens, with the ports it really got.
type addresses struct {
	AMI    string `json:"ami"`
	AMITLS string `json:"ami_tls,omitempty"`
	HTTP   string `json:"http,omitempty"`
	HTTPS  string `json:"https,omitempty"`
	Admin  string `json:"admin,omitempty"`
	Route  string `json:"route,omitempty"`
	Client string `json:"client,omitempty"`
	Member string `json:"member,omitempty"`
}

func (d dataDir) keepAddresses(a addresses) error {
	b, err := json.MarshalIndent(a, "", "  ")
	if err != nil {
		return err
	}
	return d.write("addresses.json", string(b)+"\n")
}

// banner returns the AMI version of the node's own Asterisk as last seen, or "".
func (d dataDir) banner() string {
	s, _ := d.read("banner") // unreadable: as if never seen
	return s
}

func (d dataDir) keepBanner(version string) error { return d.write("banner", version+"\n") }

func (d dataDir) path(name string) string { return filepath.Join(string(d), name) }

func (d dataDir) has(name string) bool {
	_, err := os.Stat(d.path(name))
	return err == nil
}

// read returns the file's text without its line end, "" if there is none.
func (d dataDir) read(name string) (string, error) {
	b, err := os.ReadFile(d.path(name))
	if os.IsNotExist(err) {
		return "", nil
	}
	return strings.TrimSpace(string(b)), err
}

// write replaces the file at once: a crash leaves the old or the new text, never half of one.
func (d dataDir) write(name, text string) error {
	tmp := d.path(name + ".new")
	if err := os.WriteFile(tmp, []byte(text), 0o640); err != nil {
		return err
	}
	return os.Rename(tmp, d.path(name))
}
