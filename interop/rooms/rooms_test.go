//go:build cgo

// Package rooms_test holds the tests of the started server with JavaScript clients of all families in one room.
package rooms_test

import (
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/interop/node"
	"github.com/rowloom/rowloom/interop/serve"
)

type args map[string]any

// edit sets a cell or a value, or deletes it (remove).
type edit map[string]any

func cell(table, row, cell string, value any) edit {
	return edit{"table": table, "row": row, "cell": cell, "value": value}
}

func value(id string, value any) edit { return edit{"id": id, "value": value} }

// crowd is a Node process with clients.
type crowd struct {
	*node.Process
	t      *testing.T
	server *serve.Server
	room   string
	names  []string
}

func gather(t *testing.T, server *serve.Server, room string) *crowd {
	node.Install(t, ".")
	return &crowd{Process: node.Start(t, "peers.mjs"), t: t, server: server, room: room}
}

// join opens a client, named by its kind and perhaps a number, and returns the URL of its document if it has one.
func (c *crowd) join(name, kind, document string) (url string) {
	c.t.Helper()
	var got *string
	a := args{"peer": name, "kind": kind, "url": c.server.Socket(""), "room": c.room}
	if document != "" {
		a["document"] = document
	}
	c.Call("open", a, &got)
	c.names = append(c.names, name)
	if got != nil {
		return *got
	}
	return ""
}

var kinds = []string{"tinybase", "channel", "yjs", "automerge", "document"}

// joinAll opens a client of each kind.
func (c *crowd) joinAll() {
	c.t.Helper()
	document := c.server.Room(c.room).AutomergeURL
	for _, kind := range kinds {
		c.join(kind, kind, document)
	}
}

func (c *crowd) edit(name string, edits ...edit) {
	c.t.Helper()
	c.Call("edit", args{"peer": name, "edits": edits}, nil)
}

type look struct {
	Content serve.Content
	Store   *serve.Content
	Put     serve.Tables // what it has put into the cells of its document last
	Errors  []string
	Closes  []map[string]any
}

func (c *crowd) look(name string) (l look) {
	c.t.Helper()
	c.Call("look", args{"peer": name}, &l)
	return l
}

// settle waits until all clients and the server hold the same, of which ok is true, and returns it. It asks for the Stores that are
// bound to documents in JavaScript only when stores is true.
func (c *crowd) settle(stores bool, ok func(serve.Content) bool) serve.Content {
	c.t.Helper()
	return c.server.Settle(c.t, c.room, func(want serve.Content) string {
		if !ok(want) {
			return fmt.Sprintf("the server holds %v", want)
		}
		for _, name := range c.names {
			l := c.look(name)
			if !reflect.DeepEqual(l.Content, want) {
				return fmt.Sprintf("%s holds %v, the server %v (%v, %v)", name, l.Content, want, l.Errors, l.Closes)
			}
			if stores && l.Store != nil && !reflect.DeepEqual(*l.Store, want) {
				return fmt.Sprintf("the Store of %s holds %v, the server %v (%v)", name, *l.Store, want, l.Errors)
			}
		}
		return ""
	})
}

func equal(want serve.Content) func(serve.Content) bool {
	return func(got serve.Content) bool { return reflect.DeepEqual(want, got) }
}

func TestRooms_OneChangeReachesEverybody(t *testing.T) {
	node.Require(t)
	server := serve.Start(t, nil)
	c := gather(t, server, "garden/1")
	server.Patch(c.room, map[string]any{"tables": map[string]any{"pets": map[string]any{"fido": map[string]any{"species": "dog"}}}})
	c.joinAll()
	want := serve.Content{Tables: serve.Tables{"pets": {"fido": {"species": "dog"}}}, Values: serve.Values{}}
	c.settle(true, equal(want))
	objects := []any{"a", map[string]any{"b": nil}}
	for i, kind := range kinds {
		c.edit(kind, cell("pets", "fido", kind, i), cell("pets", kind, "tags", objects), value(kind, kind))
		want.Tables["pets"]["fido"][kind] = float64(i)
		want.Tables["pets"][kind] = map[string]any{"tags": objects}
		want.Values[kind] = kind
		c.settle(true, equal(want))
	}
	for i, kind := range kinds { // each changes and deletes what another one made
		other := kinds[(i+1)%len(kinds)]
		c.edit(kind, cell("pets", "fido", other, true), edit{"table": "pets", "row": other}, edit{"id": other})
		want.Tables["pets"]["fido"][other] = true
		delete(want.Tables["pets"], other)
		delete(want.Values, other)
		c.settle(true, equal(want))
	}
	server.PutCell(c.room, "pets", "fido", "none", nil)
	want.Tables["pets"]["fido"]["none"] = nil
	c.settle(true, equal(want))
	require.Equal(t, []string{c.room}, server.Rooms())
}

// rounds has every client and the server write cells of its own and one that all write, at the same time.
func (c *crowd) rounds(from, to int) {
	var work sync.WaitGroup
	for i, name := range c.names {
		work.Go(func() {
			for n := from; n < to; n++ {
				err := c.Do("edit", args{"peer": name, "edits": []edit{
					cell("t", fmt.Sprint(n%3), name, n), cell("t", "0", "all", fmt.Sprint(name, n)), value("all", n*10+i),
				}}, nil)
				if err != nil {
					c.t.Errorf("%s: %v", name, err)
					return
				}
			}
		})
	}
	work.Wait()
}

// written says that what each client wrote last is there. Of a Store that is bound to a document in JavaScript, it is what has got into the
// client's own document: TestRooms_WhatTinyBasesPersistersLoseNeverGetsIntoTheDocument shows what becomes of the rest.
func (c *crowd) written(last int) func(serve.Content) bool {
	return func(got serve.Content) bool {
		for _, name := range c.names {
			put := c.look(name).Put
			for n := last - 3; n < last; n++ {
				row := fmt.Sprint(n % 3)
				var want any = float64(n)
				if name == "yjs" || name == "automerge" {
					want = put["t"][row][name]
				}
				if got.Tables["t"][row][name] != want {
					return false
				}
			}
		}
		return true
	}
}

// TinyBase's persisters lose what is written to the Store while they load, and put back what was written before: with two documents in one
// process, or one, and neither our server nor a network.
func TestRooms_WhatTinyBasesPersistersLoseNeverGetsIntoTheDocument(t *testing.T) {
	node.Install(t, ".")
	p := node.Start(t, "losses.mjs")
	for _, kind := range []string{"yjs", "automerge"} {
		var got struct{ Store, Document map[string]any }
		p.Call(kind, nil, &got)
		t.Logf("%s: the Store was given mine = 1, mine = 2 and also mine = 2; it holds %v, the document %v", kind, got.Store, got.Document)
		require.Equal(t, map[string]any{"mine": 1.0, "theirs": 1.0}, got.Document, kind)
		require.Equal(t, 1.0, got.Store["mine"], kind)
	}
}

var rows = map[string]any{"tables": map[string]any{"t": map[string]any{
	"0": map[string]any{"x": 0}, "1": map[string]any{"x": 0}, "2": map[string]any{"x": 0}}}, "values": map[string]any{"all": 0}}

func TestRooms_EverybodyEditsAtTheSameTime(t *testing.T) {
	node.Require(t)
	server := serve.Start(t, nil)
	c := gather(t, server, "r")
	server.Patch(c.room, rows) // of two rows of one id that are made at the same time, one is lost in TinyBase's layout
	c.joinAll()
	c.settle(true, func(serve.Content) bool { return true })
	var work sync.WaitGroup
	work.Go(func() {
		for n := range 20 {
			if err := server.TryPatch(c.room, map[string]any{"tables": map[string]any{"t": map[string]any{"1": map[string]any{"server": n}}}}); err != nil {
				t.Error(err)
			}
		}
	})
	c.rounds(0, 20)
	work.Wait()
	written := c.written(20)
	got := c.settle(false, func(got serve.Content) bool { return written(got) && got.Tables["t"]["1"]["server"] == 19.0 })

	server.Stop()
	server.Restart()
	require.Equal(t, got, server.Room(c.room).Content)
	c.settle(false, equal(got))
}

func TestRooms_ClientsComeBackAfterTheServerWasKilled(t *testing.T) {
	node.Require(t)
	server := serve.Start(t, nil)
	c := gather(t, server, "r")
	server.Patch(c.room, rows)
	c.joinAll()
	c.settle(true, func(serve.Content) bool { return true })
	n := 0
	for range 3 {
		c.rounds(n, n+5)
		server.Kill()
		c.rounds(n+5, n+8)
		server.Restart()
		n += 8
		c.settle(false, c.written(n))
	}
}

func TestRooms_AnAutomergeClientMakesTheFirstEdit(t *testing.T) {
	node.Require(t)
	server := serve.Start(t, nil)
	for _, kind := range []string{"document", "automerge"} {
		c := gather(t, server, "new room of "+kind)
		document := server.Room(c.room).AutomergeURL
		require.NotContains(t, server.Rooms(), c.room)
		c.join("first", kind, document)
		c.edit("first", cell("pets", "fido", "species", "dog"), value("open", true))
		c.join("tinybase", "tinybase", "")
		c.join("yjs", "yjs", "")
		c.settle(true, equal(serve.Content{Tables: serve.Tables{"pets": {"fido": {"species": "dog"}}}, Values: serve.Values{"open": true}}))
		require.Contains(t, server.Rooms(), c.room)
	}
}

func TestRooms_ADocumentOfAClientsOwnBecomesARoom(t *testing.T) {
	node.Require(t)
	server := serve.Start(t, nil)
	c := gather(t, server, "")
	c.room = c.join("own", "document", "")
	c.edit("own", cell("pets", "fido", "species", "dog"))
	want := serve.Content{Tables: serve.Tables{"pets": {"fido": {"species": "dog"}}}, Values: serve.Values{}}
	c.settle(true, equal(want))
	require.Equal(t, c.room, server.Room(c.room).AutomergeURL)
	c.join("other", "automerge", c.room)
	c.join("tinybase", "tinybase", "")
	c.settle(true, equal(want))
	c.edit("tinybase", cell("pets", "fido", "species", "wolf"))
	want.Tables["pets"]["fido"]["species"] = "wolf"
	c.settle(true, equal(want))
	server.Kill()
	server.Restart()
	c.settle(true, equal(want))
	c.edit("own", cell("pets", "fido", "legs", 4))
	want.Tables["pets"]["fido"]["legs"] = 4.0
	c.settle(true, equal(want))
}

func TestRooms_TinyBaseInAnEmptyRoomIsAnsweredAtOnce(t *testing.T) {
	node.Require(t)
	server := serve.Start(t, nil)
	c := gather(t, server, "empty")
	start := time.Now()
	c.join("tinybase", "tinybase", "")
	c.join("channel", "channel", "")
	t.Logf("in step after %v; a client that is not answered waits a second", time.Since(start))
	for _, name := range c.names {
		require.Empty(t, c.look(name).Errors)
	}
	require.Empty(t, server.Rooms())
}

func TestRooms_EphemeralMessagesOfAutomergeClientsArePassedOn(t *testing.T) {
	node.Require(t)
	server := serve.Start(t, nil)
	c := gather(t, server, "r")
	server.Patch(c.room, rows)
	document := server.Room(c.room).AutomergeURL
	for _, name := range []string{"a", "b", "c"} {
		c.join(name, "document", document)
	}
	c.settle(true, func(serve.Content) bool { return true })
	c.Call("say", args{"peer": "a", "message": args{"cursor": 3}}, nil)
	type message struct {
		SenderID string `json:"senderId"`
		Message  map[string]any
	}
	heard := func(name string) (got []message) { c.Call("heard", args{"peer": name}, &got); return got }
	want := []message{{"js-a", map[string]any{"cursor": 3.0}}}
	require.Eventually(t, func() bool {
		return reflect.DeepEqual(want, heard("b")) && reflect.DeepEqual(want, heard("c"))
	}, serve.Patience, 5*time.Millisecond)
	require.Empty(t, heard("a"))
}
