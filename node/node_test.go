package node

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

func TestMetricsAreWellNamed(t *testing.T) {
	t.Parallel()
	n := startThree(t)[0]
	rec := httptest.NewRecorder()
	n.admin.Handler().ServeHTTP(rec, httptest.NewRequest("GET", "/metrics", nil))
	if !bytes.Contains(rec.Body.Bytes(), []byte("amibus_stream_nodes_in_view 3")) {
		t.Error("the nodes in view are not told")
	}
	problems, err := promlint.New(rec.Body).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestReadyTellsWhereEachNodeStands(t *testing.T) {
	t.Parallel()
	n := startThree(t)[1]
	rec := httptest.NewRecorder()
	n.admin.Handler().ServeHTTP(rec, httptest.NewRequest("GET", "/readyz", nil))
	if rec.Code != 200 {
		t.Fatalf("status %d: %s", rec.Code, rec.Body)
	}
	var got struct {
		Ready   bool
		Details struct{ Nodes []standing }
	}
	if err := json.Unmarshal(rec.Body.Bytes(), &got); err != nil {
		t.Fatalf("%v in %s", err, rec.Body)
	}
	if !got.Ready || len(got.Details.Nodes) != 3 || !got.Details.Nodes[0].InView {
		t.Fatalf("%s", rec.Body)
	}
}

func TestEpochsGrow(t *testing.T) {
	t.Parallel()
	d, err := openDataDir(filepath.Join(t.TempDir(), "new", "data"))
	if err != nil {
		t.Fatal(err)
	}
	now := time.UnixMilli(1_700_000_000_000)
	first, err := d.nextEpoch(now)
	if err != nil || first != 1_700_000_000_000 {
		t.Fatalf("first epoch %d, %v", first, err)
	}
	second, err := d.nextEpoch(now.Add(-time.Hour)) // the clock was set back
	if err != nil || second != first+1 {
		t.Fatalf("second epoch %d, %v", second, err)
	}
	if b, err := os.ReadFile(d.path("epoch")); err != nil || string(b) != strconv.FormatUint(second, 10)+"\n" {
		t.Fatalf("kept %q, %v", b, err)
	}
	if err := d.write("epoch", "three\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.nextEpoch(now); err == nil {
		t.Fatal("a broken epoch file is not an error")
	}
}

// ClusterNodes of a real node: everybody's place and address.
func TestClusterNodes(t *testing.T) {
	t.Parallel()
	nodes := startThree(t)
	c, err := login(t, nodes[0].AMI(), "admin", "Events: off")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.say("Action: ClusterNodes"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Response", "alpha", "bravo", "charlie", "Complete"} {
		m, err := c.Decode()
		if err != nil {
			t.Fatal(err)
		}
		switch want {
		case "Response", "Complete":
			if string(m.Get("EventList")) == "" || want == "Complete" && string(m.Get("ListItems")) != "3" {
				t.Errorf("%s: %q", want, m.Bytes())
			}
			continue
		}
		n := nodes[slices.IndexFunc(nodes, func(n *Node) bool { return n.self.Name == want })]
		for header, value := range map[string]string{"Node": "default/" + want, "SystemName": want, "Address": n.AMI(), "State": "in view",
			"Epoch": strconv.FormatUint(n.epoch, 10), "Lost": "0"} {
			if got := string(m.Get(header)); got != value {
				t.Errorf("%s: %s is %q, want %q", want, header, got, value)
			}
		}
	}
}
