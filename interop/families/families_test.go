package families_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/interop/node"
	"github.com/rowloom/rowloom/interop/serve"
)

// start starts a server with a room that has content, so that no two clients make the same container.
func start(t *testing.T) *serve.Server {
	t.Helper()
	node.Require(t)
	if !withCgo {
		t.Skip("skipped, as a server built without cgo does not speak to Automerge clients")
	}
	server := serve.Start(t, nil)
	server.Patch("r", map[string]any{
		"tables": map[string]any{"pets": map[string]any{"shared": map[string]any{"turn": "nobody"}}},
		"values": map[string]any{"open": false},
	})
	return server
}

func TestFamilies_EachSeesWhatTheOthersWrite(t *testing.T) {
	server := start(t)
	clients := everybody(t, server, "r")
	settle(t, server, "r", clients)
	values := []any{"text", 4, -1.5, true, "", "caf\u00e9 \U0001F415", 0, false}
	for i, c := range clients {
		require.NoError(t, c.set("pets", fmt.Sprint("row of ", i), "n", values[i]), c.name())
		require.NoError(t, c.set("pets", "shared", fmt.Sprint(i), i), c.name())
		require.NoError(t, c.setValue(fmt.Sprint("value of ", i), values[len(values)-1-i]), c.name())
		got := settle(t, server, "r", clients)
		require.EqualValues(t, values[i], got.Tables["pets"][fmt.Sprint("row of ", i)]["n"], c.name())
		require.EqualValues(t, i, got.Tables["pets"]["shared"][fmt.Sprint(i)], c.name())
		require.EqualValues(t, values[len(values)-1-i], got.Values[fmt.Sprint("value of ", i)], c.name())
	}
	list := []any{1.0, map[string]any{"a": nil, "b": "c"}}
	server.PutCell("r", "pets", "shared", "list", list)
	require.Equal(t, list, settle(t, server, "r", clients).Tables["pets"]["shared"]["list"])
	server.Patch("r", map[string]any{"tables": map[string]any{"pets": map[string]any{"row of 0": nil}}})
	require.NotContains(t, settle(t, server, "r", clients).Tables["pets"], "row of 0")
}

func TestFamilies_AllEditAtTheSameTime(t *testing.T) {
	server := start(t)
	clients := everybody(t, server, "r")
	settle(t, server, "r", clients)
	const rounds = 15
	var group sync.WaitGroup
	names := []any{}
	for _, c := range clients {
		names = append(names, c.name())
		group.Go(func() {
			for i := range rounds {
				for _, err := range []error{
					c.set("pets", c.name(), fmt.Sprint("n", i%3), i),
					c.set("pets", "shared", c.name(), i),
					c.set("pets", "shared", "turn", c.name()),
				} {
					if err != nil {
						t.Errorf("%s: %v", c.name(), err)
						return
					}
				}
			}
		})
	}
	group.Go(func() {
		for i := range rounds {
			cell := map[string]any{"shared": map[string]any{"server": i}}
			if err := server.TryPatch("r", map[string]any{"tables": map[string]any{"pets": cell}}); err != nil {
				t.Errorf("the server: %v", err)
				return
			}
		}
	})
	group.Wait()

	got := settle(t, server, "r", clients).Tables["pets"]
	require.Contains(t, names, got["shared"]["turn"])
	require.EqualValues(t, rounds-1, got["shared"]["server"])
	for _, c := range clients {
		require.EqualValues(t, rounds-1, got["shared"][c.name()], c.name())
		for i := range 3 {
			require.EqualValues(t, rounds-3+i, got[c.name()][fmt.Sprint("n", i)], c.name())
		}
	}
}

func TestFamilies_ComeBackAfterTheServerWasKilled(t *testing.T) {
	server := start(t)
	clients := everybody(t, server, "r")
	settle(t, server, "r", clients)
	url := server.Room("r").AutomergeURL
	for round := range 2 {
		for i, c := range clients {
			require.NoError(t, c.set("pets", fmt.Sprint("row of ", i), "before", round), c.name())
		}
		settle(t, server, "r", clients)
		server.PutCell("r", "pets", "shared", "round", round)
		server.Kill()
		for i, c := range clients {
			require.NoError(t, c.set("pets", fmt.Sprint("row of ", i), "while", round), c.name())
		}
		server.Restart()
		require.Equal(t, url, server.Room("r").AutomergeURL, "the document keeps its URL")
		require.EqualValues(t, round, server.Room("r").Tables["pets"]["shared"]["round"])
		for _, c := range clients {
			require.NoError(t, c.join(), c.name())
		}
		got := settle(t, server, "r", clients).Tables["pets"]
		for i, c := range clients {
			want := map[string]any{"before": float64(round), "while": float64(round)}
			require.Equal(t, want, got[fmt.Sprint("row of ", i)], c.name())
		}
	}
}
