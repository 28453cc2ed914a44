package manager

import (
	"strconv"
	"strings"
	"time"

	"github.com/amibus/amibus/node/engine/internal/pbx"
	"github.com/amibus/amibus/translator"
)

// Actions about the node: its core, its modules, its log.
func init() {
	add(map[string]handler{
		"CoreStatus": coreStatus, "CoreSettings": coreSettings, "Reload": reloadAction, "ModuleCheck": moduleCheck, "ModuleLoad": moduleLoad,
		"LoggerRotate": loggerRotate,
	})
}

const amiVersion = "11.0.0"

// started tells when the engine was started and last reloaded.
func (m *Manager) started() (start, reload time.Time) {
	if m.cfg.Started != nil {
		start, reload = m.cfg.Started()
	}
	if at := m.reloaded.Load(); at != 0 && time.Unix(0, at).After(reload) {
		reload = time.Unix(0, at)
	}
	if reload.Before(start) {
		reload = start
	}
	return start.In(m.now().Location()), reload.In(m.now().Location())
}

func coreStatus(r *request) error {
	var channels, processed int
	err := r.look(func(p *pbx.PBX) {
		channels = p.Stats().Channels
		_, processed = p.Calls()
	})
	if err != nil {
		return err
	}
	start, reload := r.m.started()
	return r.respond("Success", "CoreStartupDate", start.Format(time.DateOnly), "CoreStartupTime", start.Format(time.TimeOnly),
		"CoreReloadDate", reload.Format(time.DateOnly), "CoreReloadTime", reload.Format(time.TimeOnly),
		"CoreCurrentCalls", strconv.Itoa(channels), "CoreProcessedCalls", strconv.Itoa(processed))
}

func coreSettings(r *request) error {
	return r.respond("Success", "AMIversion", amiVersion, "AsteriskVersion", r.m.cfg.Version, "SystemName", r.m.cfg.SystemName,
		"CoreMaxCalls", "0", "CoreMaxLoadAvg", "0.000000", "CoreRunUser", "", "CoreRunGroup", "", "CoreMaxFilehandles", "0",
		"CoreRealTimeEnabled", "No", "CoreCDRenabled", "No", "CoreHTTPenabled", "No", "SoundsSearchCustomDir", "No")
}

func loggerRotate(r *request) error { return r.ok("Reloaded the logger and rotated log files") }

// dialplanModule is the one whose reload reads something again.
const dialplanModule = "pbx_config"

// modules are those whose part the engine plays, and whether they can be reloaded.
var modules = map[string]bool{
	"app_bridgewait": false, "app_dial": false, "app_echo": false, "app_exec": false, "app_playback": true, "app_read": false,
	"app_senddtmf": false, "app_stack": false, "app_userevent": false, "app_verbose": false, "app_while": false,
	"bridge_builtin_features": false, "bridge_holding": false, "bridge_simple": false,
	"func_callerid": false, "func_channel": false, "func_cut": false, "func_db": false, "func_devstate": false, "func_global": false,
	"func_logic": false, "func_rand": false, "func_strings": false,
	dialplanModule: true, "res_clioriginate": false, "res_musiconhold": true, "res_parking": true,
	"acl": true, "features": true, "logger": true, "manager": true,
}

// module cuts .so off; ok is false if the engine plays no such part.
func module(name string) (base string, reloads, ok bool) {
	base = strings.TrimSuffix(strings.ToLower(name), ".so")
	reloads, ok = modules[base]
	return base, reloads, ok
}

// result is how a reload went, as the event says it.
type result int

const (
	reloadDone    result = 0
	reloadMissing result = 2
	reloadFailed  result = 3
	reloadNever   result = 6
)

// reload reads a module's part again, all of it without a name, and says so.
func (r *request) reload(name string) result {
	how, label := reloadDone, name
	base, reloads, ok := module(name)
	switch {
	case name == "":
		base, label = dialplanModule, "All"
	case !ok:
		how = reloadMissing
	case !reloads:
		how = reloadNever
	}
	if how == reloadDone && base == dialplanModule && r.m.cfg.Reload != nil {
		if err := r.m.cfg.Reload(); err != nil {
			how = reloadFailed
		}
	}
	r.m.reloaded.Store(r.m.now().UnixNano())
	_, _ = r.m.cfg.Driver.Ask(r.ctx, func(id uint64) pbx.Input { // it was reloaded, even if nobody hears of it
		return pbx.Announce{ID: id, Event: translator.Raised{Name: "Reload", Parts: []translator.Part{
			translator.Header("Module", label), translator.Header("Status", strconv.Itoa(int(how)))}}}
	})
	return how
}

func reloadAction(r *request) error {
	switch r.reload(r.get("Module")) {
	case reloadMissing:
		return r.fail("No such module")
	case reloadNever:
		return r.fail("Module does not support reload")
	case reloadFailed:
		return r.fail("An unknown error occurred")
	}
	return r.ok("Module Reloaded")
}

func moduleCheck(r *request) error {
	if _, _, ok := module(r.get("Module")); !ok {
		return r.fail("Module not loaded")
	}
	return r.respond("Success", "Version", "")
}

// moduleLoad reloads. What the engine plays the part of is always loaded: loading it again fails, as unloading it does.
func moduleLoad(r *request) error {
	name := r.get("Module")
	switch strings.ToLower(r.get("LoadType")) {
	case "load":
		return r.fail("Could not load module.")
	case "unload":
		return r.fail("Could not unload module.")
	case "refresh":
		return r.fail("Could not refresh module.")
	case "reload":
	default:
		return r.fail("Incomplete ModuleLoad action.")
	}
	how := r.reload(name)
	switch {
	case name == "":
		return r.ok("All modules reloaded")
	case how == reloadMissing:
		return r.fail("No such module.")
	case how == reloadNever:
		return r.fail("Module does not support reload action.")
	case how == reloadFailed:
		return r.fail("An unknown error occurred")
	}
	return r.ok("Module reloaded.")
}
