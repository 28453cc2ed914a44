// Package k8s checks the kustomizations against the API types of Kubernetes. It is a module of its own: the project does not depend on them.
package k8s

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	sigsyaml "sigs.k8s.io/yaml"
)

var kustomizations = []string{"../base", "../overlays/sidecar", "../overlays/external-nats", "../overlays/monitor-only"}

// built are the objects of a kustomization, decoded strictly: an unknown field is an error.
type built struct {
	set      appsv1.StatefulSet
	services map[string]corev1.Service
	config   corev1.ConfigMap
	policy   networkingv1.NetworkPolicy
	budget   policyv1.PodDisruptionBudget
	account  corev1.ServiceAccount
}

func build(t *testing.T, dir string) *built {
	t.Helper()
	m, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), dir)
	if err != nil {
		t.Fatal(err)
	}
	text, err := m.AsYaml()
	if err != nil {
		t.Fatal(err)
	}
	b := &built{services: map[string]corev1.Service{}}
	docs := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	for {
		doc, err := docs.Read()
		if errors.Is(err, io.EOF) {
			return b
		}
		if err != nil {
			t.Fatal(err)
		}
		b.take(t, doc)
	}
}

func (b *built) take(t *testing.T, doc []byte) {
	t.Helper()
	var kind struct{ Kind string }
	if err := sigsyaml.Unmarshal(doc, &kind); err != nil {
		t.Fatal(err)
	}
	var service corev1.Service
	into, ok := map[string]any{"StatefulSet": &b.set, "Service": &service, "ConfigMap": &b.config, "NetworkPolicy": &b.policy, "PodDisruptionBudget": &b.budget,
		"ServiceAccount": &b.account}[kind.Kind]
	if !ok {
		t.Fatalf("a %s", kind.Kind)
	}
	if err := sigsyaml.UnmarshalStrict(doc, into); err != nil {
		t.Fatalf("%s: %v", kind.Kind, err)
	}
	if kind.Kind == "Service" {
		b.services[service.Name] = service
	}
}

// TestKustomizations: each is what the API takes, everything selects the nodes' pods, and no container may more than it must.
func TestKustomizations(t *testing.T) {
	for _, dir := range kustomizations {
		t.Run(dir, func(t *testing.T) {
			b := build(t, dir)
			pod := b.set.Spec.Template
			labels := pod.Labels
			for what, selector := range map[string]map[string]string{"StatefulSet": b.set.Spec.Selector.MatchLabels, "nodes": b.services["amibus-nodes"].Spec.Selector,
				"Service": b.services["amibus"].Spec.Selector, "budget": b.budget.Spec.Selector.MatchLabels, "policy": b.policy.Spec.PodSelector.MatchLabels} {
				for key, value := range selector {
					if labels[key] != value {
						t.Errorf("%s selects %s=%s, the pods have %q", what, key, value, labels[key])
					}
				}
				if len(selector) == 0 {
					t.Errorf("%s selects everything", what)
				}
			}
			if *b.account.AutomountServiceAccountToken || *pod.Spec.AutomountServiceAccountToken || pod.Spec.ServiceAccountName != b.account.Name {
				t.Error("a token is mounted, or another account is used")
			}
			if !strings.HasPrefix(pod.Spec.Volumes[0].Projected.Sources[0].ConfigMap.Name, "amibus-config-") || b.config.Name != pod.Spec.Volumes[0].Projected.Sources[0].ConfigMap.Name {
				t.Errorf("the pods have the configuration %s, there is %s", pod.Spec.Volumes[0].Projected.Sources[0].ConfigMap.Name, b.config.Name)
			}
			if b.services["amibus-nodes"].Spec.ClusterIP != corev1.ClusterIPNone || !b.services["amibus-nodes"].Spec.PublishNotReadyAddresses ||
				b.set.Spec.ServiceName != "amibus-nodes" {
				t.Error("nodes cannot find each other before they are ready")
			}
			i := slices.IndexFunc(pod.Spec.Containers, func(c corev1.Container) bool { return c.Name == "amibus" })
			secure(t, &pod.Spec, &pod.Spec.Containers[i])
			probes(t, &pod.Spec.Containers[i])
		})
	}
}

func secure(t *testing.T, pod *corev1.PodSpec, c *corev1.Container) {
	t.Helper()
	s, p := c.SecurityContext, pod.SecurityContext
	if !*p.RunAsNonRoot || *p.RunAsUser == 0 || p.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault || *s.AllowPrivilegeEscalation || !*s.ReadOnlyRootFilesystem ||
		!slices.Equal(s.Capabilities.Drop, []corev1.Capability{"ALL"}) || len(s.Capabilities.Add) > 0 || pod.HostNetwork {
		t.Errorf("%+v %+v", s, p)
	}
	if c.Resources.Limits.Memory().IsZero() || c.Resources.Requests.Cpu().IsZero() {
		t.Error("no resources")
	}
	if *pod.TerminationGracePeriodSeconds < 15 {
		t.Error("a node has no time to leave")
	}
}

// probes: only the process itself may have the container restarted.
func probes(t *testing.T, c *corev1.Container) {
	t.Helper()
	for what, want := range map[string]struct {
		probe *corev1.Probe
		path  string
	}{"liveness": {c.LivenessProbe, "/healthz"}, "startup": {c.StartupProbe, "/healthz"}, "readiness": {c.ReadinessProbe, "/servez"}} {
		if want.probe.HTTPGet.Path != want.path {
			t.Errorf("%s asks %s", what, want.probe.HTTPGet.Path)
		}
	}
	ports := map[string]bool{}
	for _, p := range c.Ports {
		ports[p.Name] = true
	}
	for _, name := range []string{"ami", "route", "gossip", "gossip-udp", "admin"} {
		if !ports[name] {
			t.Errorf("no port %s", name)
		}
	}
}

// TestKubectl: kubectl makes the same of them, where there is one.
func TestKubectl(t *testing.T) {
	path, err := exec.LookPath("kubectl")
	if err != nil {
		t.Skip("SKIPPED: there is no kubectl")
	}
	for _, dir := range kustomizations {
		if out, err := exec.Command(path, "kustomize", dir).CombinedOutput(); err != nil || !bytes.Contains(out, []byte("kind: StatefulSet")) {
			t.Errorf("%s: %v %.500s", dir, err, out)
		}
	}
}
