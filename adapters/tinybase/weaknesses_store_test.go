package tinybase_test

import (
	"errors"
	"fmt"
	"hash/fnv"
	"strings"
	"testing"
	"time"

	"github.com/rowloom/rowloom/adapters/tinybase"
	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/hlc"
	"github.com/rowloom/rowloom/store/mergeable"
	"github.com/rowloom/rowloom/synchronizer"
	"github.com/stretchr/testify/require"
)

// Weaknesses of TinyBase's stores and hashes, with our outcome. Those of its servers are in weaknesses_test.go.

func TestWeakness_FutureClockIsASilentStop(t *testing.T) {
	var reports []mergeable.Report
	m := newStore(t, "server", &clock{epoch})
	room := tinybase.NewRoom(m, &tinybase.Options{OnReport: func(r mergeable.Report) { reports = append(reports, r) }})
	s, other := enter(t, room, nil), enter(t, room, nil)
	ahead := hlc.New(epoch+360_000, 0, hlc.ClientOf("ahead"))
	require.Empty(t, say(t, s, diff(`"bad":[1,"`+ahead.String()+`"],"good":[2,"`+stampS1+`"]`)))
	require.Equal(t, store.Of(2), m.Store().Snapshot().Cell("t", "r", "good"))
	require.False(t, m.Store().Snapshot().Cell("t", "r", "bad").Exists())
	var err *hlc.AheadError
	require.ErrorAs(t, reports[0].Refused[0], &err)
	passed := poll(t, other)
	require.Len(t, passed, 1)
	require.NotContains(t, passed[0], "bad", "others never see it")
}

func TestWeakness_FutureStampWithinTheLimit(t *testing.T) {
	id := "server"
	m, err := mergeable.New(store.New(), &mergeable.Options{UniqueID: &id, MaxAhead: time.Second, Now: (&clock{epoch}).now})
	require.NoError(t, err)
	s := enter(t, tinybase.NewRoom(m, nil), nil)
	say(t, s, diff(`"c":["owned","`+hlc.New(epoch+299_000, 0, 9).String()+`"]`))
	require.False(t, m.Store().Snapshot().HasTable("t"), "the limit is ours to choose")
}

func TestWeakness_OldClientsPoison(t *testing.T) {
	m := newStore(t, "server", &clock{epoch})
	room := tinybase.NewRoom(m, nil)
	old, other := enter(t, room, nil), enter(t, room, nil)
	say(t, old, diff(`"c":["poison","zzzzzzzzzzzzzzzz"]`))
	require.Empty(t, poll(t, other))
	set(t, m, "t/r/c", store.Of("mine"))
	require.Contains(t, poll(t, other)[0], `"mine"`)
	require.Contains(t, poll(t, old)[0], `"mine"`)
}

func TestWeakness_LostContentDiff(t *testing.T) {
	c := &clock{epoch}
	server, client := newStore(t, "server", c), newStore(t, "client", c)
	o := &tinybase.Options{Now: c.now}
	s, _ := tinybase.NewRoom(server, o).Session(nil)
	defer s.Close()
	peer := tinybase.NewClient(client, o)
	defer peer.Close()
	exchange := func(fromServer [][]byte) {
		for len(fromServer) > 0 {
			var back [][]byte
			for _, m := range fromServer {
				out, err := peer.Receive(m)
				require.NoError(t, err)
				back = append(back, out...)
			}
			fromServer = nil
			for _, m := range back {
				out, err := s.Receive(m)
				require.NoError(t, err)
				fromServer = append(fromServer, out...)
			}
		}
	}
	set(t, server, "t/r/c", store.Of("lost"))
	require.Len(t, poll(t, s), 1) // and nobody receives it
	require.Empty(t, poll(t, s))
	c.millis += 10_000
	require.False(t, s.Next().After(c.now()))
	beacon, err := s.Poll()
	require.NoError(t, err)
	require.Len(t, beacon, 1)
	exchange(beacon)
	equal(t, server, client)
	c.millis += 3_600_000
	require.Empty(t, poll(t, s), "at rest nothing is sent")
	require.True(t, s.Next().IsZero())
}

func TestWeakness_LatencyOverTimeout(t *testing.T) {
	c := &clock{epoch}
	server, client := newStore(t, "server", c), newStore(t, "client", c)
	set(t, server, "t/r/c", store.Of(1))
	s, _ := tinybase.NewRoom(server, &tinybase.Options{Now: c.now}).Session(nil)
	defer s.Close()
	peer := tinybase.NewClient(client, &tinybase.Options{Now: c.now})
	defer peer.Close()
	toServer, err := peer.Start()
	require.NoError(t, err)
	for range 10 { // every message travels for five seconds
		c.millis += 5000
		var toPeer [][]byte
		for _, m := range toServer {
			out, err := s.Receive(m)
			require.NoError(t, err)
			toPeer = append(toPeer, out...)
		}
		toServer, err = peer.Poll()
		require.NoError(t, err)
		c.millis += 5000
		for _, m := range toPeer {
			out, err := peer.Receive(m)
			require.NoError(t, err)
			toServer = append(toServer, out...)
		}
	}
	equal(t, server, client)
}

func TestWeakness_TombstonesForever(t *testing.T) {
	c := &clock{epoch}
	id := "server"
	m, err := mergeable.New(store.New(), &mergeable.Options{UniqueID: &id, Horizon: 24 * time.Hour, Now: c.now})
	require.NoError(t, err)
	fill(t, m, "t", 1000, "x")
	require.NoError(t, m.Store().Update(func(tx *store.Tx) error { return tx.DelTable("t") }))
	require.Greater(t, len(m.AppendContent(nil)), 100_000)
	c.millis += 25 * 3_600_000
	n, err := m.Compact()
	require.NoError(t, err)
	require.Equal(t, 5000, n)
	require.Equal(t, `[[{},"",0],[{},"",0]]`, string(m.AppendContent(nil)))
}

func TestWeakness_SameUniqueIDTwice(t *testing.T) {
	c := &clock{epoch}
	reports := map[string]*mergeable.Report{}
	report := func(who string) *tinybase.Options {
		reports[who] = &mergeable.Report{}
		return &tinybase.Options{OnReport: func(r mergeable.Report) {
			sum := reports[who]
			sum.Clashes = append(sum.Clashes, r.Clashes...)
			if r.NewClient != nil {
				sum.NewClient = r.NewClient
			}
		}}
	}
	server := newStore(t, "server", c)
	room := tinybase.NewRoom(server, report("server"))
	a, b := newStore(t, "same", c), newStore(t, "same", c)
	require.Equal(t, a.Client(), b.Client())
	set(t, a, "t/r/c", store.Of(1))
	set(t, b, "t/r/c", store.Of(2))
	var pipes []*synchronizer.Pipe
	for name, m := range map[string]*mergeable.Store{"a": a, "b": b} {
		s, _ := room.Session(nil)
		pipes = append(pipes, synchronizer.NewPipe(tinybase.NewClient(m, report(name)), s))
	}
	pump(t, pipes)
	noticed := reports["a"]
	if noticed.NewClient == nil {
		noticed = reports["b"]
	}
	require.NotNil(t, noticed.NewClient, "one of the two has noticed, and chosen another id")
	require.Equal(t, []mergeable.Clash{{At: store.Cell("t", "r", "c"), Stamp: hlc.New(epoch, 0, hlc.ClientOf("same"))}}, noticed.Clashes)
	require.NotEqual(t, a.Client(), b.Client())
	equal(t, server, a)
	equal(t, server, b)
	require.Equal(t, store.Of(2), a.Store().Snapshot().Cell("t", "r", "c"))
	for _, p := range pipes {
		p.Close()
	}

	// Of two clients of TinyBase, which do not notice, the server does, and both get one content.
	one, two := enter(t, room, nil), enter(t, room, nil)
	say(t, one, diff(`"d":[1,"`+stampS1+`"]`))
	say(t, two, diff(`"d":[2,"`+stampS1+`"]`))
	require.Len(t, reports["server"].Clashes, 1)
	require.Equal(t, hlc.ClientOf("s1"), reports["server"].Clashes[0].Stamp.Client())
	for _, s := range []*tinybase.Session{one, two} {
		require.Regexp(t, `"d":\[2,"[^"]+"\]`, strings.Join(poll(t, s), ""))
	}
}

func TestWeakness_HashCollision(t *testing.T) {
	// Two contents of one cell, stamped by two clients, with one hash: a birthday search.
	hash := func(text string, s hlc.Stamp) uint32 {
		h := fnv.New32a()
		_, _ = h.Write([]byte(`"` + text + `":` + s.String()))
		return h.Sum32()
	}
	sa, sb := hlc.New(epoch, 1, 5), hlc.New(epoch, 2, 6)
	seen := map[uint32]string{}
	for i := range 200_000 {
		seen[hash(fmt.Sprint("a", i), sa)] = fmt.Sprint("a", i)
	}
	var va, vb string
	for i := 0; vb == ""; i++ {
		text := fmt.Sprint("b", i)
		if other, ok := seen[hash(text, sb)]; ok {
			va, vb = other, text
		}
	}
	server, client := newStore(t, "server", nil), newStore(t, "client", nil)
	for m, c := range map[*mergeable.Store]mergeable.Cell{server: {Value: store.Of(va), Stamp: sa}, client: {Value: store.Of(vb), Stamp: sb}} {
		c.Table, c.Row, c.Cell = "t", "r", "c"
		_, err := m.Apply("test", &mergeable.Changes{Cells: []mergeable.Cell{c}})
		require.NoError(t, err)
	}
	a, b := server.Hashes()
	c, d := client.Hashes()
	require.Equal(t, [2]uint32{a, b}, [2]uint32{c, d}, "TinyBase sees no difference")
	s, _ := tinybase.NewRoom(server, nil).Session(nil)
	p := synchronizer.NewPipe(tinybase.NewClient(client, nil), s)
	require.NoError(t, p.Pump())
	equal(t, server, client)
	require.Equal(t, store.Of(vb), server.Store().Snapshot().Cell("t", "r", "c"))
	p.Close()
}

func TestWeakness_NullAndTombstoneWithOneStamp(t *testing.T) {
	c := &clock{epoch}
	server, client := newStore(t, "server", c), newStore(t, "client", c)
	for m, v := range map[*mergeable.Store]store.Value{server: store.NullValue(), client: {}} {
		stamp, _ := hlc.Parse(stampS1)
		_, err := m.Apply("peer", &mergeable.Changes{Cells: []mergeable.Cell{{Table: "t", Row: "r", Cell: "c", Value: v, Stamp: stamp}}})
		require.NoError(t, err)
	}
	s, _ := tinybase.NewRoom(server, nil).Session(nil)
	p := synchronizer.NewPipe(tinybase.NewClient(client, nil), s)
	require.NoError(t, p.Pump())
	equal(t, server, client) // the hashes were equal, but not the fingerprints
	p.Close()
}

func TestWeakness_EmptyRowFlipsHash(t *testing.T) {
	m := newStore(t, "server", nil)
	room := tinybase.NewRoom(m, nil)
	s, other := enter(t, room, nil), enter(t, room, nil)
	for range 3 {
		say(t, s, "\n[\"x\",3,[[{\"ghost\":[{\"r\":[{}]}],\"none\":[{}]}],[{}],1]]")
		a, b := m.Hashes()
		require.Equal(t, [2]uint32{}, [2]uint32{a, b})
	}
	require.Empty(t, poll(t, other), "nothing is passed on")
}

func TestWeakness_MergeOfObjects(t *testing.T) {
	a, b := newStore(t, "a", nil), newStore(t, "b", nil)
	object, err := store.ParseJSON(`{"b":[1],"a":null}`)
	require.NoError(t, err)
	set(t, a, "t/r/c", object)
	_, _, err = a.Merge("test", b)
	require.NoError(t, err)
	equal(t, a, b)
	// An object that stands for itself, as a merged store of the original sends it, has the same hash.
	raw := newStore(t, "c", nil)
	s := enter(t, tinybase.NewRoom(raw, nil), nil)
	say(t, s, diff(`"c":[{"b":[1],"a":null},"`+a.CellStamp("t", "r", "c").String()+`"]`))
	equal(t, a, raw)
}

func TestWeakness_WrongHashesTrusted(t *testing.T) {
	m := newStore(t, "server", nil)
	_, err := m.Load(nil, []byte(`[[{"t":[{"r":[{"c":[1,"`+stampS1+`",1]},"",2]},"",3]},"",4],[{},"",5]]`))
	require.NoError(t, err)
	honest := newStore(t, "client", nil)
	s := enter(t, tinybase.NewRoom(honest, nil), nil)
	say(t, s, diff(`"c":[1,"`+stampS1+`"]`))
	equal(t, m, honest)
}

func TestWeakness_DifferingDefaultsSwap(t *testing.T) {
	c := &clock{epoch}
	server, client := newStore(t, "server", c), newStore(t, "client", c)
	for m, v := range map[*mergeable.Store]string{server: "d1", client: "d2"} {
		var b store.Builder
		require.NoError(t, b.SetCell("t", "r", "c", store.Of(v)))
		require.NoError(t, b.SetValue("v", store.Of(v)))
		require.NoError(t, m.SetDefault(nil, b.Snapshot()))
	}
	s, _ := tinybase.NewRoom(server, nil).Session(nil)
	p := synchronizer.NewPipe(tinybase.NewClient(client, nil), s)
	require.NoError(t, p.Pump())
	equal(t, server, client)
	require.Equal(t, store.Of("d2"), server.Store().Snapshot().Value("v"))
	p.Close()
}

func TestWeakness_SetDefaultContentOverRealData(t *testing.T) {
	c := &clock{epoch}
	server, client := newStore(t, "server", c), newStore(t, "client", c)
	set(t, client, "t/r/c", store.Of(1))
	set(t, client, "t/r/gone", store.Of(1))
	set(t, client, "t/r/gone", store.Value{})
	var b store.Builder
	for _, cell := range []string{"c", "gone", "free"} {
		require.NoError(t, b.SetCell("t", "r", cell, store.Of(2)))
	}
	require.NoError(t, client.SetDefault(nil, b.Snapshot()))
	s, _ := tinybase.NewRoom(server, nil).Session(nil)
	p := synchronizer.NewPipe(tinybase.NewClient(client, nil), s)
	defer p.Close()
	require.NoError(t, p.Pump())
	equal(t, server, client)
	require.Equal(t, "+ t/r/c 1\n+ t/r/free 2\n", store.Diff(nil, client.Store().Snapshot()).String(), "what is shown is what is stamped")
}

type refusing struct{ v store.Value }

func (r refusing) Prepare(tx *store.Tx, _ store.Origin) error {
	for _, c := range tx.Changes().Cells {
		if c.New == r.v {
			return errors.New("not in the schema")
		}
	}
	return nil
}
func (refusing) Committed(*store.Commit) {}

func TestWeakness_RefusedBySchemaIsForwarded(t *testing.T) {
	var reports []mergeable.Report
	m := newStore(t, "server", nil)
	m.Store().Join(&refusing{store.Of("bad")})
	room := tinybase.NewRoom(m, &tinybase.Options{OnReport: func(r mergeable.Report) { reports = append(reports, r) }})
	s, other := enter(t, room, nil), enter(t, room, nil)
	set(t, m, "t/r/c", store.Of("good"))
	poll(t, s)
	poll(t, other)
	later := hlc.New(epoch+1000, 0, 9).String()
	say(t, s, diff(`"c":["bad","`+later+`"]`))
	require.Equal(t, 1, reports[0].RefusedCount)
	back := poll(t, s)
	require.Len(t, back, 1)
	require.Contains(t, back[0], `"good"`, "the sender returns to what stands")
	require.NotContains(t, strings.Join(poll(t, other), ""), "bad")
}

func TestWeakness_BrokenEncodedObject(t *testing.T) {
	m := newStore(t, "server", nil)
	room := tinybase.NewRoom(m, nil)
	s, other := enter(t, room, nil), enter(t, room, nil)
	say(t, s, diff("\"c\":[\"\uFFFD{oops\",\""+stampS1+"\"]"))
	require.False(t, m.Store().Snapshot().HasTable("t"))
	require.NotContains(t, strings.Join(poll(t, other), "")+string(m.AppendContent(nil)), "oops")
	require.Contains(t, strings.Join(poll(t, s), ""), "\uFFFC", "it is deleted, for the sender too")
}
