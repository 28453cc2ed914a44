package config

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// KindEngine: source.kind: the built-in call engine.
const KindEngine = "engine"

// Values of settings of the engine that are words.
const (
	MixOffice   = "office"   // source.engine.load.mix: what an office does all day
	MixTransfer = "transfer" // source.engine.load.mix: what moves calls about

	// Results of an endpoint that is called.
	ResultAnswer      = "answer"      // after Ring; the default
	ResultBusy        = "busy"        // at once
	ResultCongestion  = "congestion"  // at once
	ResultNoAnswer    = "no-answer"   // rings for ever
	ResultReject      = "reject"      // after Ring, with Cause
	ResultUnavailable = "unavailable" // there is no such endpoint
)

const (
	maxCallsPerSecond = 10_000
	minSpeed          = 0.1
	maxSpeed          = 100
	maxSpace          = 99_999 // of a parking lot
	maxSpaces         = 1000
	maxEndpoints      = 10_000
)

// Engine says what the built-in call engine is made of. The zero value has the built-in dialplan and makes no calls by itself.
type Engine struct {
	Extensions string              // extensions.conf; empty: the built-in dialplan
	ConfigDir  string              // what GetConfig and its like read and write; empty: a directory in DataDir
	Language   string              // of new channels; default en
	Seed       uint64              // of all its randomness; 0: another one each time
	Load       Traffic             // calls that it makes by itself
	Endpoints  map[string]Endpoint // Sim/NAME
	Parking    []Lot               // default: one named default, 701 to 720, 45 s
}

// Traffic is calls that nobody asks for.
type Traffic struct {
	CallsPerSecond float64 // 0: none
	Mix            string  // MixOffice (default) or MixTransfer
	Speed          float64 // how much faster than people all is done; 0: 1
	Seed           uint64  // default: the engine's
}

// Endpoint says what Sim/NAME does when it is called.
type Endpoint struct {
	Result  string        // ResultAnswer (default) …
	Ring    time.Duration // before it answers or rejects
	Talk    time.Duration // then it hangs up; 0: it stays
	Cause   int           // of ResultReject; default 21
	DTMF    string        // sent after the answer
	Forward string        // TECH/RESOURCE to call instead
	Native  bool          // with another such one its bridge is native_rtp
}

// Lot is a parking lot.
type Lot struct {
	Name        string
	First, Last int
	Timeout     time.Duration // default 45 s
	FindNext    bool          // the space behind the one that was taken last, not the first free one
	Comeback    string        // the context where a call goes on that nobody came for; empty: the parker is rung
	DialTime    time.Duration // for which the parker is rung; default 30 s
	Music       string        // class of music; default "default"
}

func engineKeys(e *Engine) section {
	return section{
		"extensions": path{&e.Extensions},
		"config_dir": path{&e.ConfigDir},
		"language":   text{&e.Language},
		"seed":       number[uint64]{&e.Seed},
		"load": section{
			"calls_per_second": fraction{&e.Load.CallsPerSecond},
			"mix":              text{&e.Load.Mix},
			"speed":            fraction{&e.Load.Speed},
			"seed":             number[uint64]{&e.Load.Seed},
		},
		"endpoints": named[Endpoint]{&e.Endpoints, func(e *Endpoint) section {
			return section{
				"result": text{&e.Result}, "ring": duration{&e.Ring}, "talk": duration{&e.Talk}, "cause": number[int]{&e.Cause},
				"dtmf": text{&e.DTMF}, "forward": text{&e.Forward}, "native": truth{&e.Native},
			}
		}},
		"parking": several[Lot]{&e.Parking, func(l *Lot) section {
			return section{
				"name": text{&l.Name}, "first": number[int]{&l.First}, "last": number[int]{&l.Last}, "timeout": duration{&l.Timeout},
				"find_next": truth{&l.FindNext}, "comeback": text{&l.Comeback}, "dial_time": duration{&l.DialTime}, "music": text{&l.Music},
			}
		}},
	}
}

func (k *checker) engine() {
	e := k.c.Source.Engine
	if e.Extensions != "" {
		if info, err := os.Stat(e.Extensions); err != nil {
			k.bad("source.engine.extensions", "%s cannot be read: %v", e.Extensions, cause(err))
		} else if info.IsDir() {
			k.bad("source.engine.extensions", "%s is a directory, must be a file such as extensions.conf", e.Extensions)
		}
	}
	if info, err := os.Stat(e.ConfigDir); e.ConfigDir != "" && err == nil && !info.IsDir() {
		k.bad("source.engine.config_dir", "%s is a file, must be a directory", e.ConfigDir)
	}
	if hasControl(e.Language) {
		k.bad("source.engine.language", "is %q, must be a language such as en", e.Language)
	}
	if r := e.Load.CallsPerSecond; !(r >= 0 && r <= maxCallsPerSecond) {
		k.bad("source.engine.load.calls_per_second", "is %v, must be 0 to %d", r, maxCallsPerSecond)
	}
	if s := e.Load.Speed; s != 0 && !(s >= minSpeed && s <= maxSpeed) {
		k.bad("source.engine.load.speed", "is %v, must be %v to %v: how much faster than people all is done", s, minSpeed, maxSpeed)
	}
	if e.Load.Mix != "" {
		k.oneOf("source.engine.load.mix", e.Load.Mix, MixOffice, MixTransfer)
	}
	k.endpoints(e.Endpoints)
	k.parking(e.Parking)
}

func (k *checker) endpoints(all map[string]Endpoint) {
	if len(all) > maxEndpoints {
		k.bad("source.engine.endpoints", "has %d endpoints, %d may be", len(all), maxEndpoints)
	}
	for name, e := range all {
		key := "source.engine.endpoints." + name
		if !namePattern.MatchString(name) {
			k.bad(key, "must be named with 1 to 63 of A-Z a-z 0-9 _ -")
		}
		if e.Result != "" {
			k.oneOf(key+".result", e.Result, ResultAnswer, ResultBusy, ResultCongestion, ResultNoAnswer, ResultReject, ResultUnavailable)
		}
		if e.Cause < 0 || e.Cause > 127 {
			k.bad(key+".cause", "is %d, must be a hangup cause, 1 to 127", e.Cause)
		}
		if i := strings.IndexFunc(e.DTMF, func(r rune) bool { return !strings.ContainsRune("0123456789*#ABCDabcd", r) }); i >= 0 || len(e.DTMF) > 256 {
			k.bad(key+".dtmf", "is %q, must be digits of a telephone (0 to 9, A to D, * and #), at most 256", e.DTMF)
		}
		if tech, resource, ok := strings.Cut(e.Forward, "/"); e.Forward != "" && (!ok || tech == "" || resource == "" || hasControl(e.Forward)) {
			k.bad(key+".forward", "is %q, must be TECHNOLOGY/RESOURCE, such as Local/100@office", e.Forward)
		}
	}
}

func (k *checker) parking(lots []Lot) {
	for i, l := range lots {
		key := fmt.Sprintf("source.engine.parking[%d]", i)
		if !namePattern.MatchString(l.Name) {
			k.bad(key+".name", "is %q, must be 1 to 63 of A-Z a-z 0-9 _ -", l.Name)
		}
		if slices.ContainsFunc(lots[:i], func(o Lot) bool { return o.Name == l.Name }) {
			k.bad(key+".name", "is %q, as another lot is called", l.Name)
		}
		if l.First < 1 || l.Last < l.First || l.Last > maxSpace || l.Last-l.First >= maxSpaces {
			k.bad(key+".first", "the spaces %d to %d must be from 1 to %d, at most %d", l.First, l.Last, maxSpace, maxSpaces)
		}
		if hasControl(l.Comeback) || hasControl(l.Music) {
			k.bad(key, "comeback and music must have no control characters")
		}
		for _, o := range lots[:i] {
			if l.First <= o.Last && o.First <= l.Last {
				k.bad(key+".first", "the spaces %d to %d overlap with those of %s", l.First, l.Last, o.Name)
			}
		}
	}
}
