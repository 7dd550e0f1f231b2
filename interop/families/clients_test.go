package families_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/interop/node"
	"github.com/rowloom/rowloom/interop/serve"
)

type args map[string]any

// A client is one JavaScript program in the room, of whatever family.
type client interface {
	name() string
	join() error                                  // connects, also again after leave or when the server has been away
	leave() error                                 // cuts the connection
	set(table, row, cell string, value any) error // sets one cell
	setValue(id string, value any) error          // sets one keyed value
	content() (serve.Content, error)              // what it sees now
}

// native decodes the text that TinyBase keeps an object or array as, in documents.
func native(value any) any {
	if s, ok := value.(string); ok {
		if text, ok := strings.CutPrefix(s, "\ufffd"); ok {
			var v any
			if json.Unmarshal([]byte(text), &v) == nil {
				return v
			}
		}
	}
	return value
}

// tidy takes out the containers without cells, which read as absent.
func tidy(tables serve.Tables, values serve.Values) serve.Content {
	out := serve.Content{Tables: serve.Tables{}, Values: serve.Values{}}
	for table, rows := range tables {
		for row, cells := range rows {
			for cell, value := range cells {
				if out.Tables[table] == nil {
					out.Tables[table] = map[string]map[string]any{}
				}
				if out.Tables[table][row] == nil {
					out.Tables[table][row] = map[string]any{}
				}
				out.Tables[table][row][cell] = native(value)
			}
		}
	}
	for id, value := range values {
		out.Values[id] = native(value)
	}
	return out
}

// document is TinyBase's layout in a document.
type document struct {
	T serve.Tables `json:"t"`
	V serve.Values `json:"v"`
}

// yjsClient is a Yjs document on y-websocket, bare or with a TinyBase Store.
type yjsClient struct {
	*node.Process
	kind   string // "yjs" or "tinybase"
	socket string
	room   string
	joined bool
	away   bool
}

func (c *yjsClient) name() string { return "yjs with " + c.kind }

func (c *yjsClient) join() error {
	switch {
	case c.away:
		c.away = false
		return c.Do("connect", args{"peer": c.kind}, nil)
	case c.joined: // y-websocket comes back by itself
		return c.Do("synced", args{"peer": c.kind}, nil)
	}
	c.joined = true
	return c.Do("open", args{"peer": c.kind, "url": c.socket, "room": c.room, "kind": c.kind}, nil)
}

func (c *yjsClient) leave() error {
	c.away = true
	return c.Do("disconnect", args{"peer": c.kind}, nil)
}

func (c *yjsClient) edit(e args) error {
	return c.Do("edit", args{"peer": c.kind, "edits": []args{e}}, nil)
}

func (c *yjsClient) set(table, row, cell string, value any) error {
	return c.edit(args{"table": table, "row": row, "cell": cell, "value": value})
}

func (c *yjsClient) setValue(id string, value any) error {
	return c.edit(args{"id": id, "value": value})
}

func (c *yjsClient) content() (serve.Content, error) {
	var v struct {
		Doc       document
		Connected bool
	}
	err := c.Do("look", args{"peer": c.kind}, &v)
	if err == nil && !v.Connected {
		err = errors.New("not connected")
	}
	return tidy(v.Doc.T, v.Doc.V), err
}

// mergeableClient is a TinyBase MergeableStore on a WebSocket synchronizer.
type mergeableClient struct {
	*node.Process
	socket  string
	created bool
}

func (c *mergeableClient) name() string { return "mergeable TinyBase" }

func (c *mergeableClient) join() error {
	if !c.created {
		c.created = true
		if err := c.Do("create", args{"peer": "m", "version": "10.0", "id": "m"}, nil); err != nil {
			return err
		}
	} else if err := c.Do("disconnect", args{"peer": "m"}, nil); err != nil {
		return err
	}
	return c.Do("connect", args{"peer": "m", "url": c.socket}, nil)
}

func (c *mergeableClient) leave() error { return c.Do("cut", args{"peer": "m"}, nil) }

func (c *mergeableClient) set(table, row, cell string, value any) error {
	return c.Do("set", args{"peer": "m", "table": table, "row": row, "cell": cell, "value": value}, nil)
}

func (c *mergeableClient) setValue(id string, value any) error {
	return c.Do("set", args{"peer": "m", "id": id, "value": value}, nil)
}

func (c *mergeableClient) content() (serve.Content, error) {
	var v struct{ Content [2]json.RawMessage }
	if err := c.Do("state", args{"peer": "m"}, &v); err != nil {
		return serve.Content{}, err
	}
	var tables serve.Tables
	var values serve.Values
	err := errors.Join(json.Unmarshal(v.Content[0], &tables), json.Unmarshal(v.Content[1], &values))
	return tidy(tables, values), err
}

// automergeClient is an Automerge document in a repo, bare or with a TinyBase Store.
type automergeClient struct {
	*node.Process
	repo   string
	bound  bool
	socket string
	url    string
	joined bool
	away   bool
}

func (c *automergeClient) name() string { return c.repo }

func (c *automergeClient) join() error {
	switch {
	case c.away:
		c.away = false
		return c.Do("online", args{"repo": c.repo}, nil)
	case c.joined: // the adapter comes back by itself
		return nil
	}
	c.joined = true
	if err := c.Do("repo", args{"repo": c.repo, "url": c.socket}, nil); err != nil {
		return err
	}
	var available bool
	if err := c.Do("find", args{"repo": c.repo, "url": c.url}, &available); err != nil {
		return err
	}
	if !available {
		return fmt.Errorf("%s is not available", c.url)
	}
	if c.bound {
		return c.Do("bind", args{"repo": c.repo, "url": c.url}, nil)
	}
	return nil
}

func (c *automergeClient) leave() error {
	c.away = true
	return c.Do("offline", args{"repo": c.repo}, nil)
}

func (c *automergeClient) set(table, row, cell string, value any) error {
	if c.bound {
		return c.Do("store", args{"repo": c.repo, "url": c.url, "op": "setCell", "args": []any{table, row, cell, value}}, nil)
	}
	return c.Do("set", args{"repo": c.repo, "url": c.url, "path": []string{"tinybase", "t", table, row, cell}, "value": value}, nil)
}

func (c *automergeClient) setValue(id string, value any) error {
	if c.bound {
		return c.Do("store", args{"repo": c.repo, "url": c.url, "op": "setValue", "args": []any{id, value}}, nil)
	}
	return c.Do("set", args{"repo": c.repo, "url": c.url, "path": []string{"tinybase", "v", id}, "value": value}, nil)
}

func (c *automergeClient) content() (serve.Content, error) {
	var v struct {
		Doc struct{ Tinybase document }
	}
	err := c.Do("state", args{"repo": c.repo, "url": c.url}, &v)
	return tidy(v.Doc.Tinybase.T, v.Doc.Tinybase.V), err
}

// everybody starts a client of each kind in a room, which must exist.
func everybody(t *testing.T, server *serve.Server, room string) []client {
	t.Helper()
	script := func(dir string) *node.Process {
		node.Install(t, "../"+dir)
		return node.Start(t, "../"+dir+"/peers.mjs")
	}
	url := server.Room(room).AutomergeURL
	yjs, automerge := script("yjs"), script("automerge")
	clients := []client{
		&yjsClient{Process: yjs, kind: "yjs", socket: server.Socket("/yjs"), room: room},
		&yjsClient{Process: yjs, kind: "tinybase", socket: server.Socket("/yjs"), room: room},
		&mergeableClient{Process: script("tinybase"), socket: server.Socket("/tinybase/" + room)},
		&automergeClient{Process: automerge, repo: "automerge", socket: server.Socket("/automerge"), url: url},
		&automergeClient{Process: automerge, repo: "automerge with tinybase", bound: true, socket: server.Socket("/automerge"), url: url},
	}
	for _, c := range clients {
		require.NoError(t, c.join(), c.name())
	}
	return clients
}

// settle waits until all clients see what the server has, and returns it.
func settle(t *testing.T, server *serve.Server, room string, clients []client) serve.Content {
	t.Helper()
	deadline := time.Now().Add(node.Patience)
	for calm := 0; ; time.Sleep(20 * time.Millisecond) {
		content, differ := compare(server, room, clients)
		if differ == "" {
			if calm++; calm == 3 { // and it stays so
				return content
			}
		} else if calm = 0; time.Now().After(deadline) {
			t.Fatalf("not in step within %v: %s\nthe server's log ends with:\n%s", node.Patience, differ, server.Log())
		}
	}
}

func compare(server *serve.Server, room string, clients []client) (content serve.Content, differ string) {
	r, err := server.TryRoom(room)
	if err != nil {
		return content, err.Error()
	}
	for _, c := range clients {
		got, err := c.content()
		switch {
		case err != nil:
			return content, fmt.Sprintf("%s: %v", c.name(), err)
		case !reflect.DeepEqual(got, r.Content):
			return content, fmt.Sprintf("%s has\n%s\nand the server\n%s", c.name(), show(got), show(r.Content))
		}
	}
	return r.Content, ""
}

func show(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(text)
}
