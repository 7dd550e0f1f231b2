package yjs_test

import (
	"encoding/base64"
	"fmt"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	"github.com/rowloom/rowloom/interop/node"
	"github.com/rowloom/rowloom/interop/serve"
)

// The two kinds of JavaScript client.
const (
	bare     = "yjs"      // edits doc.getMap('tinybase') itself
	tinybase = "tinybase" // edits a TinyBase Store that createYjsPersister binds to it
)

// crowd is one Node process with any number of peers in it.
type crowd struct {
	*node.Process
	t      testing.TB
	server *serve.Server
	names  []string
}

// gather starts a process for peers of server.
func gather(t testing.TB, server *serve.Server) *crowd {
	t.Helper()
	node.Install(t, ".")
	return &crowd{Process: node.Start(t, "peers.mjs"), t: t, server: server}
}

// opening says how to open a peer.
type opening struct {
	Peer     string  `json:"peer"`
	URL      string  `json:"url"`
	Room     string  `json:"room"`
	Kind     string  `json:"kind"`
	ClientID *uint64 `json:"clientID,omitempty"`
	Offline  bool    `json:"offline,omitempty"`
}

// join opens a peer in a room, whose name is written into the address as it is, and waits until it is in step.
func (c *crowd) join(peer, kind, room string) {
	c.t.Helper()
	c.names = append(c.names, peer)
	c.Call("open", opening{Peer: peer, URL: c.server.Socket("/yjs"), Room: room, Kind: kind}, nil)
}

// edit is one change to the table, as peers.mjs wants it.
type edit struct {
	Table *string `json:"table,omitempty"`
	Row   *string `json:"row,omitempty"`
	Cell  *string `json:"cell,omitempty"`
	ID    *string `json:"id,omitempty"`
	Value any     `json:"value,omitempty"`
}

func set(table, row, cell string, value any) edit {
	return edit{Table: &table, Row: &row, Cell: &cell, Value: value}
}
func del(table, row, cell string) edit    { return edit{Table: &table, Row: &row, Cell: &cell} }
func delRow(table, row string) edit       { return edit{Table: &table, Row: &row} }
func setValue(id string, value any) edit  { return edit{ID: &id, Value: value} }
func delValue(id string) edit             { return edit{ID: &id} }
func named(peer string) map[string]string { return map[string]string{"peer": peer} }
func (c *crowd) disconnect(peer string)   { c.t.Helper(); c.Call("disconnect", named(peer), nil) }
func (c *crowd) connect(peer string)      { c.t.Helper(); c.Call("connect", named(peer), nil) }
func (c *crowd) awaitStep(peer string)    { c.t.Helper(); c.Call("synced", named(peer), nil) }
func (c *crowd) edit(peer string, e ...edit) {
	c.t.Helper()
	require.NoError(c.t, c.tryEdit(peer, e...))
}

// tryEdit makes edits in one transaction.
func (c *crowd) tryEdit(peer string, edits ...edit) error {
	return c.Do("edit", map[string]any{"peer": peer, "edits": edits}, nil)
}

// view is what a peer has at one time.
type view struct {
	Doc       serve.Document `json:"doc"`
	Snapshot  string         `json:"snapshot"` // state vector and delete set
	Pending   bool           `json:"pending"`
	Store     *serve.Content `json:"store"`
	Errors    []string       `json:"errors"`
	Connected bool           `json:"connected"`

	read *serve.Content // what Doc holds, when it was read in Go
}

// site is where documents of a room are: a process of JavaScript peers, or one in Go.
type site interface {
	members() []string
	look(member string) view
}

func (c *crowd) members() []string { return c.names }

func (c *crowd) look(peer string) view {
	c.t.Helper()
	var v view
	c.Call("look", named(peer), &v)
	return v
}

func (v view) content() serve.Content {
	if v.read != nil {
		return *v.read
	}
	return v.Doc.Content()
}

// settle waits until the server and all documents at the sites are in step in a room: every document has seen the same, and
// the server's Store, as those in Go, is what they hold. It returns the content.
func settle(t testing.TB, server *serve.Server, room string, sites ...site) serve.Content {
	t.Helper()
	return server.Settle(t, room, func(content serve.Content) string { return compare(content, sites) })
}

// compare says how the views differ from the server's content, or from each other, now.
func compare(content serve.Content, sites []site) (differ string) {
	snapshot, from := "", ""
	for _, s := range sites {
		for _, name := range s.members() {
			v := s.look(name)
			switch {
			case !v.Connected:
				return name + " is not connected"
			case len(v.Errors) > 0:
				return fmt.Sprintf("%s reports %q", name, v.Errors)
			case v.Pending:
				return name + " waits for a part of the document"
			case !reflect.DeepEqual(v.content(), content):
				return fmt.Sprintf("%s has\n%s\nand the server\n%s", name, serve.Show(v.content()), serve.Show(content))
			case from != "" && v.Snapshot != snapshot:
				return fmt.Sprintf("%s has seen\n%s\nand %s\n%s", from, spell(snapshot), name, spell(v.Snapshot))
			}
			snapshot, from = v.Snapshot, name
		}
	}
	return ""
}

// spell writes a snapshot in words.
func spell(snapshot string) string {
	b, err := base64.StdEncoding.DecodeString(snapshot)
	if err != nil {
		return err.Error()
	}
	s, err := ycrdt.DecodeSnapshotV2(b)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%+v", s)
}
