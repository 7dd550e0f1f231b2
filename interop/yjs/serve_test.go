package yjs_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/interop/node"
	"github.com/rowloom/rowloom/interop/serve"
)

// base is content that exists before anybody else joins, so that no two peers make the same row at the same time: there
// TinyBase's layout loses one of them.
var base = map[string]any{
	"tables": map[string]any{"pets": map[string]any{"shared": map[string]any{"turn": 0}}},
	"values": map[string]any{"open": false},
}

func TestServe_OneChangeReachesEverybody(t *testing.T) {
	node.Require(t)
	server := serve.Start(t, nil)
	server.Patch("r", base)
	c := gather(t, server)
	c.join("bare", bare, "r")
	c.join("bound", tinybase, "r")
	settle(t, server, "r", c)

	c.edit("bare", set("pets", "fido", "species", "dog"), setValue("open", true))
	c.edit("bound", set("pets", "felix", "species", "cat"), set("pets", "felix", "toys", []any{"ball", map[string]any{"b": 1, "a": nil}}))
	server.PutCell("r", "pets", "polly", "species", nil)
	want := serve.Content{
		Tables: serve.Tables{"pets": {
			"shared": {"turn": 0.0},
			"fido":   {"species": "dog"},
			"felix":  {"species": "cat", "toys": []any{"ball", map[string]any{"b": 1.0, "a": nil}}},
			"polly":  {"species": nil},
		}},
		Values: serve.Values{"open": true},
	}
	require.Equal(t, want, settle(t, server, "r", c))
	require.Equal(t, want, *c.look("bound").Store, "the Store in JavaScript")
	require.Contains(t, server.Rooms(), "r")

	c.edit("bare", del("pets", "felix", "toys"), delRow("pets", "fido"))
	c.edit("bound", delValue("open"))
	server.Patch("r", map[string]any{"tables": map[string]any{"pets": map[string]any{"polly": nil}}})
	want = serve.Content{
		Tables: serve.Tables{"pets": {"shared": {"turn": 0.0}, "felix": {"species": "cat"}}},
		Values: serve.Values{},
	}
	require.Equal(t, want, settle(t, server, "r", c))
	require.Equal(t, want, *c.look("bound").Store)
}

func TestServe_EverybodyEditsAtTheSameTime(t *testing.T) {
	node.Require(t)
	server := serve.Start(t, nil)
	server.Patch("r", base)
	one, two := gather(t, server), gather(t, server)
	one.join("a", bare, "r")
	one.join("b", tinybase, "r")
	two.join("c", bare, "r")
	two.join("d", tinybase, "r")
	local := joinGo(t, server, "r")

	const rounds = 40
	var group sync.WaitGroup
	write := func(who string, put func(edits ...edit) error) {
		group.Go(func() {
			for i := range rounds {
				err := put(
					set("pets", fmt.Sprint(who, i%10), "n", i), // a row of its own
					set("pets", "shared", who, i),              // a cell of its own
					set("pets", "shared", "turn", who),         // a cell of everybody
				)
				if err != nil {
					t.Errorf("%s: %v", who, err)
					return
				}
			}
		})
	}
	for _, c := range []*crowd{one, two} {
		for _, peer := range c.names {
			write(peer, func(edits ...edit) error { return c.tryEdit(peer, edits...) })
		}
	}
	write("server", func(edits ...edit) error { return server.TryPatch("r", patch(edits...)) })
	write("client", local.edit)
	group.Wait()

	got := settle(t, server, "r", one, two, local)
	everybody := []string{"a", "b", "c", "d", "server", "client"}
	require.Contains(t, everybody, got.Tables["pets"]["shared"]["turn"])
	for _, who := range everybody {
		require.Equal(t, float64(rounds-1), got.Tables["pets"]["shared"][who], who)
		for i := range 10 {
			require.Equal(t, float64(rounds-10+i), got.Tables["pets"][fmt.Sprint(who, i)]["n"], "row %d of %s", i, who)
		}
	}
	require.Equal(t, got, *one.look("b").Store)
	require.Equal(t, got, *two.look("d").Store)
}

// patch writes edits as a JSON merge patch.
func patch(edits ...edit) map[string]any {
	tables, values := map[string]any{}, map[string]any{}
	for _, e := range edits {
		if e.ID != nil {
			values[*e.ID] = e.Value
			continue
		}
		rows, _ := tables[*e.Table].(map[string]any)
		if rows == nil {
			rows = map[string]any{}
			tables[*e.Table] = rows
		}
		if e.Cell == nil {
			rows[*e.Row] = nil
			continue
		}
		cells, _ := rows[*e.Row].(map[string]any)
		if cells == nil {
			cells = map[string]any{}
			rows[*e.Row] = cells
		}
		cells[*e.Cell] = e.Value
	}
	return map[string]any{"tables": tables, "values": values}
}

func TestServe_ClientsThatWereOfflineCatchUp(t *testing.T) {
	node.Require(t)
	server := serve.Start(t, nil)
	server.Patch("r", base)
	c := gather(t, server)
	for _, peer := range []string{"bare away", "bare here"} {
		c.join(peer, bare, "r")
	}
	for _, peer := range []string{"bound away", "bound here"} {
		c.join(peer, tinybase, "r")
	}
	settle(t, server, "r", c)
	c.disconnect("bare away")
	c.disconnect("bound away")

	for i := range 5 {
		for _, peer := range c.names {
			c.edit(peer, set("pets", peer, "n", i), set("pets", "shared", peer, i))
		}
		server.PutCell("r", "pets", "go", "n", i)
	}
	c.edit("bare away", setValue("open", true))
	require.NotContains(t, server.Room("r").Tables["pets"], "bare away")
	c.connect("bare away")
	c.connect("bound away")

	got := settle(t, server, "r", c)
	for _, who := range append(c.names, "go") {
		require.Equal(t, map[string]any{"n": 4.0}, got.Tables["pets"][who], who)
	}
	for _, who := range c.names {
		require.Equal(t, 4.0, got.Tables["pets"]["shared"][who], who)
	}
	require.Equal(t, true, got.Values["open"])
	require.Equal(t, got, *c.look("bound away").Store)
	require.Equal(t, got, *c.look("bound here").Store)
}

func TestServe_KilledBetweenWritesClientsComeBackAndConverge(t *testing.T) {
	node.Require(t)
	server := serve.Start(t, nil)
	server.Patch("r", base)
	c := gather(t, server)
	c.join("bare", bare, "r")
	c.join("bound", tinybase, "r")

	for round := range 4 {
		key := fmt.Sprint(round)
		c.edit("bare", set("pets", "bare"+key, "before", round))
		c.edit("bound", set("pets", "bound"+key, "before", round))
		server.PutCell("r", "pets", "go"+key, "before", round)
		server.Kill()
		c.edit("bare", set("pets", "bare"+key, "while", round))
		c.edit("bound", set("pets", "bound"+key, "while", round))
		server.Restart()
		require.Equal(t, map[string]any{"before": float64(round)}, server.Room("r").Tables["pets"]["go"+key], "what was answered is durable")
		for _, peer := range c.names {
			c.awaitStep(peer)
		}
		server.PutCell("r", "pets", "go"+key, "after", round)
		got := settle(t, server, "r", c)
		n := float64(round)
		require.Equal(t, map[string]any{"before": n, "while": n}, got.Tables["pets"]["bare"+key])
		require.Equal(t, map[string]any{"before": n, "while": n}, got.Tables["pets"]["bound"+key])
		require.Equal(t, map[string]any{"before": n, "after": n}, got.Tables["pets"]["go"+key])
	}
}

// Nobody but the disk remembers here: all that was answered is there after a kill in the midst of writes.
func TestServe_KilledAmidWritesKeepsWhatItAnswered(t *testing.T) {
	server := serve.Start(t, nil)
	const writers = 4
	var answered [writers]int
	for round := range 5 {
		var group sync.WaitGroup
		var writes atomic.Int32
		stopped := make(chan struct{})
		for w := range writers {
			group.Go(func() {
				for n := answered[w] + 1; ; n++ {
					if server.TryPatch("r", patch(set("t", fmt.Sprint(w), "n", n), set("t", fmt.Sprint(w, "-", n), "n", n))) != nil {
						return // killed
					}
					answered[w] = n
					writes.Add(1)
					select {
					case <-stopped:
						return
					default:
					}
				}
			})
		}
		require.Eventually(t, func() bool { return int(writes.Load()) >= 5*(round+1) }, serve.Patience, time.Millisecond)
		server.Kill()
		close(stopped)
		group.Wait()
		server.Restart()

		got := server.Room("r").Tables["t"]
		for w, last := range answered {
			require.GreaterOrEqual(t, got[fmt.Sprint(w)]["n"], float64(last), "writer %d", w)
			for n := 1; n <= last; n++ {
				require.Equal(t, float64(n), got[fmt.Sprint(w, "-", n)]["n"], "writer %d, row %d of %d", w, n, last)
			}
			answered[w] = int(got[fmt.Sprint(w)]["n"].(float64)) // one more may be there, unanswered
		}
	}
}

// Rooms do not touch each other, and their names come through the address unchanged.
func TestServe_RoomsAreApart(t *testing.T) {
	node.Require(t)
	server := serve.Start(t, nil)
	c := gather(t, server)
	rooms := map[string]string{ // as in the address, and what it means
		"plain": "plain", "Plain": "Plain", "a%2Fb": "a/b", "a%20b": "a b", "caf%C3%A9": "caf\u00e9", "cafe%CC%81": "cafe\u0301",
		"%F0%9F%90%95": "\U0001F415", "..%2F..%2Fetc": "../../etc", "%25": "%",
	}
	for escaped, room := range rooms {
		c.join(escaped, bare, escaped)
		c.edit(escaped, set("t", "r", "room", room))
	}
	for escaped, room := range rooms {
		require.Eventually(t, func() bool {
			got := server.Room(room)
			return got.Room == room && got.Tables["t"]["r"]["room"] == room
		}, serve.Patience, 10*time.Millisecond, escaped)
	}
	require.Subset(t, server.Rooms(), []string{"plain", "Plain", "a/b", "a b", "caf\u00e9", "cafe\u0301", "\U0001F415", "../../etc", "%"})
	server.Stop()
	server.Restart()
	for _, room := range rooms {
		require.Equal(t, room, server.Room(room).Tables["t"]["r"]["room"])
	}
}

func TestServe_RefusesASecondServerOnItsData(t *testing.T) {
	server := serve.Start(t, nil)
	server.PutCell("r", "t", "r", "c", 1)
	code, out := serve.Run(t, serve.Command(t, "127.0.0.1:0", server.Data()))
	require.NotZero(t, code)
	require.NotEmpty(t, out)
	require.Equal(t, 1.0, server.Room("r").Tables["t"]["r"]["c"])
}

func TestServe_LeavesADamagedDatabaseAlone(t *testing.T) {
	server := serve.Start(t, nil)
	server.PutCell("r", "t", "r", "c", 1)
	server.Stop()
	damaged := map[string][]byte{}
	require.NoError(t, filepath.WalkDir(server.Data(), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil || len(content) < 100 {
			return err // a lock, for example
		}
		for i := range content {
			content[i] ^= 0x5a
		}
		damaged[path] = content
		return os.WriteFile(path, content, 0o600)
	}))
	require.NotEmpty(t, damaged, "the server has stored something")

	code, out := serve.Run(t, serve.Command(t, "127.0.0.1:0", server.Data()))
	require.NotZero(t, code, out)
	for path, content := range damaged {
		require.Contains(t, out, filepath.Base(path), "the error names the file")
		now, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, content, now, "%s is as it was", path)
	}
}
