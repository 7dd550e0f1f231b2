package tinybase_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rowloom/rowloom/adapters/tinybase"
	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/mergeable"
	"github.com/rowloom/rowloom/synchronizer"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Whatever two stores have, they become equal, and no message is much longer than it may be: neither questions nor answers, of tables, rows, cells or values.
func TestSession_NoMessageIsTooLongWhateverIsDifferent(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := &clock{epoch}
		server, client := newStore(t, "server", c), newStore(t, "client", c)
		both := []*mergeable.Store{server, client}
		text := func(name string) string {
			return strings.Repeat(rapid.SampledFrom([]string{"x", "\"", "\x01"}).Draw(rt, name), 20)
		}
		part := func(who []*mergeable.Store, table string, rows, cells int) {
			for _, m := range who {
				require.NoError(t, m.Store().Update(func(tx *store.Tx) error {
					for r := range rows {
						for i := range cells {
							if err := tx.SetCell(table, fmt.Sprint(table, r), fmt.Sprint("cell ", i), store.Of(fmt.Sprint(m.Client(), i))); err != nil {
								return err
							}
						}
					}
					return nil
				}))
			}
		}
		for i := range rapid.IntRange(0, 5).Draw(rt, "parts") {
			who := rapid.SampledFrom([][]*mergeable.Store{both, {server}, {client}}).Draw(rt, "who")
			name := text("id")[:10]
			switch rapid.SampledFrom([]string{"tables", "rows", "cells", "values", "some"}).Draw(rt, "what") {
			case "tables":
				for n := range 100 {
					part(who, fmt.Sprint(i, name, n), 1, 1)
				}
			case "rows":
				part(who, fmt.Sprint(i, name), 200, 1)
			case "cells":
				part(who, fmt.Sprint(i, name), 2, 150)
			case "values":
				for _, m := range who {
					for n := range 150 {
						set(t, m, fmt.Sprint(i, name, n), store.Of(text("content")+fmt.Sprint(m.Client())))
					}
				}
			case "some":
				part(both, "some", 20, 10)
				part(who, "some", 3, 2)
			}
		}
		const limit = 2500
		o := &tinybase.Options{Now: c.now, MaxAnswer: limit, Piece: limit / 3, OnError: func(err error) { rt.Errorf("%v", err) }}
		s, _ := tinybase.NewRoom(server, o).Session(nil)
		p := synchronizer.NewPipe(tinybase.NewClient(client, o), s)
		defer p.Close()
		p.Tap = func(from int, msg []byte) {
			if len(msg) > 3*limit {
				rt.Fatalf("%d bytes from %d: %.200s", len(msg), from, msg)
			}
		}
		require.NoError(rt, p.Pump())
		for range 20 { // whoever is not sure that the other one listens waits a little
			c.millis += 5000
			require.NoError(rt, p.Tick(c.now()))
		}
		a, b := server.Hashes()
		x, y := client.Hashes()
		require.Equal(rt, [2]uint32{a, b}, [2]uint32{x, y})
		require.Empty(rt, store.Diff(server.Store().Snapshot(), client.Store().Snapshot()).String())
	})
}
