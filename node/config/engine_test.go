package config

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

const engineBase = "node: {name: alpha}\nami: {manager_conf: manager.conf}\nsource:\n  kind: engine\n"

func TestEngine(t *testing.T) {
	t.Parallel()
	file := write(t, engineBase+`  engine:
    extensions: acl.conf
    config_dir: conf
    language: de
    seed: 42
    load: {calls_per_second: 0.5, mix: transfer, speed: 2.5, seed: 7}
    endpoints:
      alice: {ring: 2s, talk: 30s, dtmf: "1#", native: true}
      bob: {result: busy}
      carol:
    parking:
      - {name: default, first: 701, last: 720, timeout: 45s}
      - {name: second, first: 801, last: 801, find_next: true, comeback: back, dial_time: 5s, music: jazz}
`)
	c, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(file)
	want := Engine{
		Extensions: filepath.Join(dir, "acl.conf"), ConfigDir: filepath.Join(dir, "conf"), Language: "de", Seed: 42,
		Load:      Traffic{0.5, MixTransfer, 2.5, 7},
		Endpoints: map[string]Endpoint{"alice": {Ring: 2 * time.Second, Talk: 30 * time.Second, DTMF: "1#", Native: true}, "bob": {Result: ResultBusy}, "carol": {}},
		Parking:   []Lot{{Name: "default", First: 701, Last: 720, Timeout: 45 * time.Second}, {"second", 801, 801, 0, true, "back", 5 * time.Second, "jazz"}},
	}
	if !reflect.DeepEqual(c.Source.Engine, want) {
		t.Errorf("%+v\nwant %+v", c.Source.Engine, want)
	}
	c, err = Load(write(t, engineBase)) // {kind: engine} alone
	if err != nil || !reflect.DeepEqual(c.Source.Engine, Engine{}) || len(c.Warnings()) > 0 {
		t.Errorf("%+v, %v, %v", c.Source.Engine, err, c.Warnings())
	}
}

func TestEngineProblems(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"extensions: none.conf":                      "5: source.engine.extensions: ",
		"extensions: .":                              "5: source.engine.extensions: ",
		"config_dir: secret.txt":                     "5: source.engine.config_dir: ",
		"seed: -1":                                   `5: source.engine.seed: is "-1", must be a whole number`,
		"load: {calls_per_second: many}":             `5: source.engine.load.calls_per_second: is "many", must be a number`,
		"load: {calls_per_second: 1e9}":              "5: source.engine.load.calls_per_second: is 1e+09, must be 0 to 10000",
		"load: {calls_per_second: .nan}":             "5: source.engine.load.calls_per_second: ",
		"load: {speed: -1}":                          "5: source.engine.load.speed: is -1, must be 0.1 to 100",
		"load: {speed: .nan}":                        "5: source.engine.load.speed: ",
		"load: {mix: party}":                         `5: source.engine.load.mix: is "party", must be office, or transfer`,
		"endpoints: {a: {result: maybe}}":            "5: source.engine.endpoints.a.result: ",
		"endpoints: {a b: {}}":                       "5: source.engine.endpoints.a b: must be named with",
		"endpoints: {a: {ring: soon}}":               "5: source.engine.endpoints.a.ring: ",
		"endpoints: {a: {cause: 200}}":               "5: source.engine.endpoints.a.cause: ",
		"endpoints: {a: {dtmf: \"1x\"}}":             "5: source.engine.endpoints.a.dtmf: ",
		"endpoints: {a: {forward: bob}}":             "5: source.engine.endpoints.a.forward: ",
		"endpoints: {a: {native: yes}}":              `5: source.engine.endpoints.a.native: is "yes", must be true or false`,
		"endpoints: {a: {rings: 1s}}":                "5: source.engine.endpoints.a.rings: is not a key",
		"endpoints: [a]":                             "5: source.engine.endpoints: is a list, must be a section of names",
		"endpoints: {a: {}, a: {}}":                  "5: source.engine.endpoints.a: is given twice",
		"parking: {}":                                "5: source.engine.parking: is a section, must be a list",
		"parking: [{name: a, first: 9, last: 1}]":    "5: source.engine.parking[0].first: ",
		"parking: [{first: 1, last: 1}]":             `5: source.engine.parking[0].name: is "", must be`,
		"parking: [{name: a, first: 1, last: 5000}]": "5: source.engine.parking[0].first: ",
		"parking: [{name: a, first: 1, last: 9}, {name: a, first: 9, last: 10}]": "5: source.engine.parking[1].name: ",
		"calls: 1": "5: source.engine.calls: is not a key of this file; here the keys are config_dir, endpoints, ",
	} {
		_, err := Load(write(t, engineBase+"  engine: {"+text+"}\n"))
		if err == nil || !strings.Contains(err.Error(), "node.yaml:"+want) {
			t.Errorf("%s: %v\nwant %s", text, err, want)
		}
	}
}

func TestUnusedSourceWarns(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		engineBase + "  asterisk: {address: \"127.0.0.1:5039\"}\n": "source.asterisk: is not used with source.kind engine",
		base + "x: {}\n": "",
	} {
		c, err := Load(write(t, strings.TrimSuffix(text, "x: {}\n")))
		if err != nil {
			t.Fatal(err)
		}
		w := c.Warnings()
		if want == "" && len(w) > 0 || want != "" && (len(w) != 1 || !strings.Contains(w[0].Error(), want)) {
			t.Errorf("%v, want %q", w, want)
		}
	}
}
