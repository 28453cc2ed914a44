package manager

import (
	"strconv"
	"time"

	"github.com/amibus/amibus/node/engine/internal/pbx"
	"github.com/amibus/amibus/translator"
)

// Actions about parking.
func init() {
	add(map[string]handler{"Park": park, "ParkedCalls": parkedCalls, "Parkinglots": parkinglots})
}

func park(r *request) error {
	in := pbx.Park{Channel: r.get("Channel"), Return: r.get("TimeoutChannel"), Lot: r.get("Parkinglot"), Space: r.get("ParkingSpace")}
	if in.Channel == "" {
		return r.fail("Channel not specified")
	}
	if in.Return == "" {
		in.Return = r.get("Channel2")
	}
	if text := r.get("Timeout"); text != "" {
		ms, ok := scanInt(text)
		if !ok || ms < 0 {
			return r.fail("Invalid Timeout value.")
		}
		if ms > 0 {
			in.Timeout = time.Duration(max(1, ms/1000)) * time.Second
		}
	}
	return r.ask(func(id uint64) pbx.Input { in.ID = id; return in })
}

func parkedCalls(r *request) error {
	lot, known := r.get("ParkingLot"), false
	var items []translator.Raised
	if err := r.look(func(p *pbx.PBX) {
		for _, l := range p.Lots() {
			known = known || l.Name == lot
		}
		items = p.Parked(lot)
	}); err != nil {
		return err
	}
	if lot != "" && !known {
		return r.fail("Requested parking lot could not be found.")
	}
	return r.list("Parked calls will follow", items, "ParkedCallsComplete", translator.Header("Total", strconv.Itoa(len(items))))
}

func parkinglots(r *request) error {
	var items []translator.Raised
	if err := r.look(func(p *pbx.PBX) {
		for _, l := range p.Lots() {
			items = append(items, translator.Raised{Name: "Parkinglot", Parts: []translator.Part{
				translator.Header("Name", l.Name), translator.Header("StartSpace", strconv.Itoa(l.First)),
				translator.Header("StopSpace", strconv.Itoa(l.Last)), translator.Header("Timeout", strconv.Itoa(int(l.Timeout/time.Second))),
			}})
		}
	}); err != nil {
		return err
	}
	return r.list("Parking lots will follow", items, "ParkinglotsComplete")
}
