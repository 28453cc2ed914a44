package manager

import (
	"slices"
	"strings"

	"github.com/amibus/amibus/node/engine/internal/dialplan"
	"github.com/amibus/amibus/node/engine/internal/pbx"
)

// doc is what is said of an application or a function.
type doc struct{ name, syntax, synopsis string }

// applications are those there are, by name without case; one that appDocs has nothing about is only named.
func applications() []doc {
	known := map[string]doc{}
	for _, d := range appDocs {
		known[strings.ToLower(d.name)] = d
	}
	return documented(pbx.Apps(), func(name string) doc { return known[strings.ToLower(name)] })
}

// functions are those there are, by name.
func functions() []doc {
	known := map[string]doc{}
	for _, d := range functionDocs {
		known[d.name] = d
	}
	return documented(append(dialplan.Functions(), pbx.Functions()...), func(name string) doc { return known[name] })
}

func documented(names []string, find func(string) doc) []doc {
	slices.Sort(names)
	var all []doc
	for _, name := range slices.Compact(names) {
		d := find(name)
		if d.name == "" {
			d.name = name
		}
		all = append(all, d)
	}
	return all
}

var appDocs = []doc{
	{"AbsoluteTimeout", "AbsoluteTimeout(seconds)", "Set the time after which the channel is hung up."},
	{"Answer", "Answer([delay])", "Answer the channel if it is ringing."},
	{"Background", "Background(file[&file2...][,options[,language[,context]]])", "Play sounds while digits are awaited."},
	{"Bridge", "Bridge(channel[,options])", "Join this channel with another one."},
	{"BridgeWait", "BridgeWait([name[,role[,options]]])", "Wait in a holding bridge."},
	{"Busy", "Busy([timeout])", "Say busy, and wait for the hangup."},
	{"Congestion", "Congestion([timeout])", "Say congestion, and wait for the hangup."},
	{"ContinueWhile", "ContinueWhile()", "Go back to the head of a While loop."},
	{"Dial", "Dial(Technology/Resource[&...][,timeout[,options]])", "Call one or more channels and join the first that answers."},
	{"Echo", "Echo()", "Send back to the caller what he says."},
	{"EndWhile", "EndWhile()", "End a While loop."},
	{"ExecIf", "ExecIf(condition?app[(args)][:app[(args)]])", "Run an application if a condition holds."},
	{"ExitWhile", "ExitWhile()", "Leave a While loop."},
	{"Gosub", "Gosub([[context,]exten,]priority[(arg1[,...])])", "Jump to a place and remember where to return to."},
	{"GosubIf", "GosubIf(condition?place[:place])", "Gosub if a condition holds."},
	{"Goto", "Goto([[context,]extension,]priority)", "Jump to a place."},
	{"GotoIf", "GotoIf(condition?place[:place])", "Jump if a condition holds."},
	{"GotoIfTime", "GotoIfTime(times,weekdays,days,months[,zone]?place[:place])", "Jump at some times."},
	{"Hangup", "Hangup([cause])", "Hang up the channel."},
	{"Log", "Log(level,message)", "Write a line to the log."},
	{"MSet", "MSet(name1=value1[,name2=value2...])", "Set several variables or functions."},
	{"MusicOnHold", "MusicOnHold([class[,duration]])", "Play music."},
	{"NoOp", "NoOp([text])", "Do nothing."},
	{"Park", "Park([lot[,options]])", "Park the channel."},
	{"ParkedCall", "ParkedCall([lot[,space]])", "Take a parked call."},
	{"Playback", "Playback(file[&file2...][,options])", "Play sounds."},
	{"Proceeding", "Proceeding()", "Say that the call goes on."},
	{"Progress", "Progress()", "Say that there is early media."},
	{"Read", "Read(variable[,file[,digits[,options[,attempts[,timeout]]]]])", "Read digits into a variable."},
	{"Return", "Return([value])", "Return from a Gosub."},
	{"Ringing", "Ringing()", "Say that it rings."},
	{"SendDTMF", "SendDTMF(digits[,gap[,duration[,channel]]])", "Send digits."},
	{"Set", "Set(name=value)", "Set a variable or function."},
	{"StackPop", "StackPop()", "Forget where the last Gosub was to return to."},
	{"StartMusicOnHold", "StartMusicOnHold([class])", "Start music and go on."},
	{"StopMusicOnHold", "StopMusicOnHold()", "Stop the music."},
	{"UserEvent", "UserEvent(name[,body...])", "Send an event to the manager interface."},
	{"Verbose", "Verbose([level,]message)", "Write a line to the console."},
	{"Wait", "Wait(seconds)", "Wait for some time."},
	{"WaitExten", "WaitExten([seconds[,options]])", "Wait for an extension to be dialled."},
	{"While", "While(condition)", "Begin a loop."},
}

var functionDocs = []doc{
	{"ARRAY", "ARRAY(var[,var...])", "Several variables from a list."},
	{"CALLERID", "CALLERID(datatype[,CID])", "The caller's number and name."},
	{"CHANNEL", "CHANNEL(item)", "What the channel is and does."},
	{"CONNECTEDLINE", "CONNECTEDLINE(datatype[,i])", "Number and name of the other end."},
	{"CUT", "CUT(varname,char-delim,range-spec)", "Fields of a list."},
	{"DB", "DB(family/key)", "An entry of the database."},
	{"DEVICE_STATE", "DEVICE_STATE(device)", "The state of a device."},
	{"GLOBAL", "GLOBAL(varname)", "A global variable."},
	{"HANGUPCAUSE", "HANGUPCAUSE(channel,type)", "Why a channel ended."},
	{"HASH", "HASH(name,key)", "A value by name and key."},
	{"IF", "IF(expression?[true][:false])", "One of two values, by a condition."},
	{"LEN", "LEN(string)", "The length of a text."},
	{"LOCAL", "LOCAL(varname)", "A variable of the subroutine."},
	{"RAND", "RAND([min[,max]])", "A number by chance."},
	{"STRFTIME", "STRFTIME([epoch[,timezone[,format]]])", "A time in a format."},
}
