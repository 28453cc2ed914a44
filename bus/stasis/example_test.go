package stasis_test

import (
	"context"
	"fmt"

	"github.com/amibus/amibus/bus/stasis"
)

// A package with many kinds of messages has one interface for them. Messages are pointers: published as they are, never changed after.
type kind uint8

const (
	kindChannel kind = iota + 1
	kindDial
	kindChange
)

type message interface{ Kind() kind }

type channel struct{ ID, Name, State string }

type (
	channelUpdate struct{ stasis.Update[channel] }
	dial          struct{ From, To, Status string }
	change        struct{ stasis.Change }
)

func (*channelUpdate) Kind() kind { return kindChannel }
func (*dial) Kind() kind          { return kindDial }
func (*change) Kind() kind        { return kindChange }

func Example() {
	manager, all := stasis.NewTopic[message]("manager"), stasis.NewTopic[message]("channel:all")
	manager.Announce(func(c stasis.Change) message { return &change{c} })
	all.Forward(manager)
	channels := stasis.NewPool(all)
	snapshots := stasis.NewCache(stasis.CacheConfig[message, channel]{
		ID:      func(c *channel) string { return c.ID },
		Name:    func(c *channel) string { return c.Name },
		Equal:   func(a, b *channel) bool { return *a == *b },
		Message: func(u stasis.Update[channel]) message { return &channelUpdate{u} },
	})

	router := stasis.NewRouter(manager, 1000, message.Kind)
	router.Route(kindChannel, func(m message) {
		switch u := m.(*channelUpdate); {
		case u.Old == nil:
			fmt.Println("Newchannel", u.New.Name)
		case u.Last:
			fmt.Println("Hangup", u.New.Name)
		default:
			fmt.Println("Newstate", u.New.Name, u.Old.State, "to", u.New.State)
		}
	})
	router.Route(kindDial, func(m message) { fmt.Println("Dial", m.(*dial).Status) })
	router.Route(kindChange, func(m message) { fmt.Println(m.(*change).Subscription, "ends") })
	go func() { _ = router.Run(context.Background()) }()

	topic := channels.Topic("1")
	snapshots.Publish(topic, &channel{"1", "Sim/a", "Ring"})
	topic.Publish(&dial{From: "1", To: "2", Status: "ANSWER"})
	snapshots.Publish(topic, &channel{"1", "Sim/a", "Up"})
	snapshots.Last(topic, &channel{"1", "Sim/a", "Up"})
	channels.Delete("1")
	_ = router.Subscription().Join(context.Background())
	// Output:
	// Newchannel Sim/a
	// Dial ANSWER
	// Newstate Sim/a Ring to Up
	// Hangup Sim/a
	// manager-1 ends
}
