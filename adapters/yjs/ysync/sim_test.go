package ysync_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	"github.com/rowloom/rowloom/adapters/yjs/ysync"
	"github.com/rowloom/rowloom/synchronizer"
	"github.com/stretchr/testify/require"
)

// world is a server with clients around it on a simulated network, some in y-websocket's framing and some in Hocuspocus framing.
func world(t *testing.T, seed uint64, clients int, net synchronizer.Network) (*synchronizer.Sim, []*replica) {
	sim := synchronizer.NewSim(seed, &synchronizer.SimOptions{Network: net})
	all := make([]*replica, clients+1)
	for i := range all {
		r := &replica{Doc: ycrdt.New(&ycrdt.Options{ClientID: uint64(i + 1)})}
		id := uint64(i + 1)
		if i == 0 {
			id = 0
		}
		r.room = ysync.NewRoom(ysync.Of(r.Doc), ysync.NewAwareness(&ysync.AwarenessOptions{ClientID: id, Now: sim.Now}))
		all[i] = r
	}
	for i, r := range all[1:] {
		quality := net
		quality.Reorder = net.Reorder && i%2 == 0 // Hocuspocus wants the token first
		sim.Link(fmt.Sprint("server-", i+2), func() (a, b synchronizer.Session, err error) {
			opts := ysync.Options{Now: sim.Now, QueueBytes: 200}
			if i%2 == 0 {
				return ysync.NewServer(all[0].room, &opts), ysync.NewClient(r.room, &opts), nil
			}
			return ysync.NewHocuspocusServer(ysync.HocuspocusOptions{Options: opts, Open: func(ysync.OpenRequest) (*ysync.Room, ysync.Access, error) {
				return all[0].room, ysync.ReadWrite, nil
			}}), ysync.NewHocuspocusClient(r.room, "doc", &ysync.HocuspocusClientOptions{Options: opts}), nil
		}, &quality)
	}
	t.Cleanup(func() {
		sim.Close()
		for _, r := range all {
			r.room.Close()
			require.Zero(t, r.room.Sessions())
		}
	})
	return sim, all
}

func TestSessions_ConvergeOnARoughNetwork(t *testing.T) {
	for seed := range synchronizer.Seeds(t, 200) {
		net := synchronizer.Network{
			MinDelay: time.Millisecond, MaxDelay: 200 * time.Millisecond, Cut: 0.03, Repeat: 0.05,
			MinDown: time.Millisecond, MaxDown: 2 * time.Second, MaxPoll: 100 * time.Millisecond,
		}
		if seed%3 == 0 { // updates stand being overtaken, too: they wait for what they build on
			net.Reorder = true
		}
		sim, all := world(t, seed, 4, net)
		rnd := sim.Rand()
		for step := range 80 {
			r := all[rnd.IntN(len(all))]
			for range 1 + rnd.IntN(4) {
				key := fmt.Sprint("k", rnd.IntN(10))
				require.NoError(t, r.Update(nil, func(tx *ycrdt.Txn) error {
					if rnd.IntN(5) == 0 {
						return tx.Map("m").Delete(key)
					}
					return tx.Map("m").Set(key, ycrdt.Number(float64(step)))
				}))
			}
			if r != all[0] && rnd.IntN(4) == 0 {
				r.away(t, fmt.Sprintf(`{"step":%d}`, step))
			}
			require.NoError(t, sim.Run(time.Duration(rnd.IntN(200))*time.Millisecond), "%s", sim.Trace())
		}
		for _, r := range all[1:] {
			r.away(t, `{"end":1}`) // a clock above 0, which nobody hears
			r.away(t, `{"end":2}`)
		}
		require.NoError(t, sim.Quiesce(0), "%s", sim.Trace())
		for i, r := range all {
			require.Equal(t, all[0].all(), r.all(), "seed %d, client %d\n%s", seed, i, sim.Trace())
			require.Equal(t, all[0].StateVector(), r.StateVector(), "seed %d, client %d", seed, i)
			if !net.Reorder { // awareness overtaken by its own goodbye heals with the next heartbeat only
				require.Equal(t, all[0].states(), r.states(), "seed %d, client %d\n%s", seed, i, sim.Trace())
			}
			require.Empty(t, r.Pending().Structs, "seed %d", seed)
		}
	}
}

func TestSessions_FallSilentAtRestButForHeartbeats(t *testing.T) {
	sim, all := world(t, 1, 4, synchronizer.Network{})
	all[1].set(t, "x", 1)
	require.NoError(t, sim.Quiesce(0))
	before := sim.Stats().Sent
	require.NoError(t, sim.Run(10*time.Minute))
	beats := sim.Stats().Sent - before
	require.Equal(t, 4*2*30, beats, "each end every 20 seconds, and nothing else")
}

func TestSessions_ConvergeWithManyWritersAtATime(t *testing.T) {
	server := newReplica(t, 1)
	ctx, cancel := context.WithCancel(context.Background())
	var running, writing sync.WaitGroup
	var all []*replica
	for i := range 6 {
		r := newReplica(t, uint64(i+2))
		all = append(all, r)
		opts := &ysync.Options{QueueBytes: 300}
		var a, b synchronizer.Session = ysync.NewServer(server.room, opts), ysync.NewClient(r.room, opts)
		if i%2 == 0 {
			a = ysync.NewHocuspocusServer(ysync.HocuspocusOptions{Options: *opts, Open: func(ysync.OpenRequest) (*ysync.Room, ysync.Access, error) {
				return server.room, ysync.ReadWrite, nil
			}})
			b = ysync.NewHocuspocusClient(r.room, "d", &ysync.HocuspocusClientOptions{Options: *opts})
		}
		running.Go(func() { _ = synchronizer.RunPair(ctx, a, b) })
		writing.Go(func() {
			for j := range 200 {
				_ = r.Update(nil, func(tx *ycrdt.Txn) error {
					return tx.Map("m").Set(fmt.Sprint(i, "-", j%20), ycrdt.Number(float64(j)))
				})
			}
		})
	}
	writing.Wait()
	require.Eventually(t, func() bool {
		for _, r := range all {
			if string(r.StateVector()) != string(server.StateVector()) || r.all() != all[0].all() {
				return false
			}
		}
		return len(server.StateVector()) > 6
	}, 20*time.Second, 5*time.Millisecond)
	cancel()
	running.Wait()
	require.Equal(t, all[0].all(), server.all())
}
