package families_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"testing"

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
		Doc       serve.Document
		Connected bool
	}
	err := c.Do("look", args{"peer": c.kind}, &v)
	if err == nil && !v.Connected {
		err = errors.New("not connected")
	}
	return v.Doc.Content(), err
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
	var doc serve.Document
	err := errors.Join(json.Unmarshal(v.Content[0], &doc.T), json.Unmarshal(v.Content[1], &doc.V))
	return doc.Content(), err
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
		Doc struct{ Tinybase serve.Document }
	}
	err := c.Do("state", args{"repo": c.repo, "url": c.url}, &v)
	return v.Doc.Tinybase.Content(), err
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
	return server.Settle(t, room, func(content serve.Content) string {
		for _, c := range clients {
			got, err := c.content()
			switch {
			case err != nil:
				return fmt.Sprintf("%s: %v", c.name(), err)
			case !reflect.DeepEqual(got, content):
				return fmt.Sprintf("%s has\n%s\nand the server\n%s", c.name(), serve.Show(got), serve.Show(content))
			}
		}
		return ""
	})
}
