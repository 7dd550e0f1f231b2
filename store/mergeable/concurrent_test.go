package mergeable_test

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/rowloom/rowloom/internal/jsjson"
	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/mergeable"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Two stores are written, merged with each other and read, all at the same time.
func TestStore_ManyGoroutines(t *testing.T) {
	var stores [2]*mergeable.Store
	for i := range stores {
		m, err := mergeable.New(store.New(), nil)
		require.NoError(t, err)
		stores[i] = m
	}
	var all sync.WaitGroup
	for i, m := range stores {
		feed := m.Feed()
		defer feed.Close()
		other := stores[1-i]
		all.Go(func() {
			for n := range 300 {
				_ = m.Store().Update(func(tx *store.Tx) error {
					_ = tx.SetValue("v", store.Of(n))
					return tx.SetCell("t", fmt.Sprint(n%7), fmt.Sprint(n%5), store.Of(n*10+i))
				})
			}
		})
		all.Go(func() {
			for range 300 {
				deltas, _ := feed.Next()
				for _, d := range deltas {
					c, err := mergeable.ReadChanges(jsjson.NewReader(d.JSON(), nil), mergeable.ChangesShape, mergeable.Encoded)
					if err == nil && d.Origin != "peer" {
						_, err = other.Apply("peer", c)
					}
					if err != nil {
						t.Error(err)
					}
				}
				time.Sleep(10 * time.Microsecond)
			}
		})
		all.Go(func() {
			for range 100 {
				lacks, _ := m.TableDiff(nil)
				_ = lacks.AppendTables(nil)
				_ = m.AppendContent(nil)
				_ = m.RowHashes(mergeable.TableHashes{"t": 0}).AppendJSON(nil)
				_, _ = m.Hashes()
				_ = m.String()
			}
		})
	}
	all.Wait()
	_, _, err := stores[0].Merge("end", stores[1])
	require.NoError(t, err)
	require.Equal(t, hashes(stores[0]), hashes(stores[1]))
	for _, m := range stores {
		require.Empty(t, m.Check())
	}
}

// What is read while others write fits its own hashes: the Store uses the memory of old content again, but not of what is being read.
func TestStore_ContentFitsItsHashesWhileItIsWritten(t *testing.T) {
	m, err := mergeable.New(store.New(), nil)
	require.NoError(t, err)
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				text := m.AppendContent(nil)
				var parts [2][3]json.RawMessage
				again, err := mergeable.New(store.New(), nil)
				if err == nil {
					err = json.Unmarshal(text, &parts)
				}
				if err == nil {
					_, err = again.Load(nil, text)
				}
				if err != nil {
					t.Error(err)
					return
				}
				tables, values := again.Hashes()
				if got, want := fmt.Sprint(tables, values), string(parts[0][2])+" "+string(parts[1][2]); got != want {
					t.Errorf("content has the hashes %s, but says %s", got, want)
					return
				}
			}
		})
	}
	for n := range 3000 {
		require.NoError(t, m.Store().Update(func(tx *store.Tx) error {
			_ = tx.SetValue("v", store.Of(n))
			return tx.SetCell("t", fmt.Sprint(n*7%60), fmt.Sprint(n%3), store.Of(n))
		}))
	}
	close(done)
	readers.Wait()
	require.Empty(t, m.Check())
}

func TestParts_AreAllOfIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, err := mergeable.New(store.New(), nil)
		require.NoError(t, err)
		require.NoError(t, m.Store().Update(func(tx *store.Tx) error {
			for range rapid.IntRange(0, 40).Draw(t, "cells") {
				row, cell := fmt.Sprint(rapid.IntRange(0, 5).Draw(t, "row")), fmt.Sprint(rapid.IntRange(0, 5).Draw(t, "cell"))
				if err := tx.SetCell("t", row, cell, store.Of(rapid.StringMatching(`[a-z]{0,50}`).Draw(t, "text"))); err != nil {
					return err
				}
			}
			for i := range rapid.IntRange(0, 5).Draw(t, "values") {
				if err := tx.SetValue(fmt.Sprint(i), store.Of(i)); err != nil {
					return err
				}
			}
			return nil
		}))
		max := rapid.IntRange(1, 500).Draw(t, "max")
		other, err := mergeable.New(store.New(), nil)
		require.NoError(t, err)
		for _, part := range m.Changes().Parts(max) {
			text := part.AppendJSON(nil)
			if part.Len() > 1 && len(part.Values) == 0 {
				require.LessOrEqual(t, len(text), 2*max+100)
			}
			c, err := mergeable.ReadChanges(jsjson.NewReader(text, nil), mergeable.ChangesShape, mergeable.Encoded)
			require.NoError(t, err)
			_, err = other.Apply("peer", c)
			require.NoError(t, err)
		}
		require.Equal(t, hashes(m), hashes(other))
	})
}
