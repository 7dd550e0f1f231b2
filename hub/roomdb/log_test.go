package roomdb_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/hub/roomdb"
)

var ctx = context.Background()

func open(t testing.TB, dir string, o *roomdb.Options) *roomdb.DB {
	t.Helper()
	db, err := roomdb.Open(ctx, dir, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

func room(t testing.TB, db *roomdb.DB, name string) *roomdb.Log {
	t.Helper()
	l, err := db.Open(ctx, name)
	require.NoError(t, err)
	return l
}

func rec(family, data string) roomdb.Record {
	return roomdb.Record{Family: family, Data: []byte(data)}
}

// load returns what a room keeps, one "family:data" each.
func load(t testing.TB, l *roomdb.Log) (out []string) {
	t.Helper()
	require.NoError(t, l.Load(ctx, func(r roomdb.Record) error {
		out = append(out, r.Family+":"+string(r.Data))
		return nil
	}))
	return out
}

func add(t testing.TB, l *roomdb.Log, records ...roomdb.Record) {
	t.Helper()
	seq, err := l.Append(records...)
	require.NoError(t, err)
	require.NoError(t, l.Wait(ctx, seq))
}

func TestAppend_IsThereAfterReopening(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir, nil)
	l := room(t, db, "a")
	require.False(t, l.Exists())
	add(t, l, rec("yjs", "1"), rec("store", ""))
	add(t, l, rec("yjs", "\x00\xff"))
	require.True(t, l.Exists())
	require.Equal(t, uint64(3), l.Last())
	require.NoError(t, l.Close())
	require.NoError(t, db.Close())

	l = room(t, open(t, dir, nil), "a")
	require.Equal(t, []string{"yjs:1", "store:", "yjs:\x00\xff"}, load(t, l))
	require.Equal(t, uint64(3), l.Last())
	require.Equal(t, roomdb.Size{Records: 2, Bytes: 3}, l.Sizes()["yjs"])
	add(t, l, rec("yjs", "4"))
	require.Equal(t, uint64(4), l.Last())
}

func TestAppend_KeepsTheOrderBetweenFamilies(t *testing.T) {
	db := open(t, t.TempDir(), nil)
	l := room(t, db, "a")
	var want []string
	for i := range 300 {
		family := []string{"yjs", "automerge", "tinybase"}[i*7%3]
		_, err := l.Append(rec(family, fmt.Sprint(i)))
		require.NoError(t, err)
		want = append(want, fmt.Sprintf("%s:%d", family, i))
	}
	require.NoError(t, l.Sync(ctx))
	require.Equal(t, want, load(t, l))
}

func TestOpen_KeepsRoomsApartWhateverTheirNames(t *testing.T) {
	dir := t.TempDir()
	names := []string{"", "a", "A", "é", "e\u0301", "../../etc/passwd", "..", ".", "a/b", "a\x00b", "a\x00", "日本語", "😀", "\xff\xfe",
		"'; DROP TABLE room; --", "%2e", strings.Repeat("x", 5000), " ", "a ", "CON", "rooms.db"}
	db := open(t, dir, nil)
	for _, name := range names {
		l := room(t, db, name)
		add(t, l, rec("yjs", "of "+name))
		require.NoError(t, l.Close())
	}
	slices.Sort(names)
	got, err := db.Rooms(ctx, "", 0)
	require.NoError(t, err)
	require.Equal(t, names, got)
	for _, name := range names {
		l := room(t, db, name)
		require.Equal(t, []string{"yjs:of " + name}, load(t, l))
		require.NoError(t, l.Close())
	}
	page, err := db.Rooms(ctx, names[3], 4)
	require.NoError(t, err)
	require.Equal(t, names[4:8], page)
	require.NoError(t, db.Close())
	require.ElementsMatch(t, []string{"rooms.db", "rowloom.lock"}, slices.Collect(maps.Keys(files(t, dir))))
}

func TestOpen_OfARoomNobodyWroteStoresNothing(t *testing.T) {
	db := open(t, t.TempDir(), nil)
	l := room(t, db, "a")
	require.Empty(t, load(t, l))
	require.NoError(t, l.Sync(ctx))
	require.NoError(t, l.Close())
	rooms, err := db.Rooms(ctx, "", 0)
	require.NoError(t, err)
	require.Empty(t, rooms)
}

func TestOpen_RefusesASecondLogOfARoom(t *testing.T) {
	db := open(t, t.TempDir(), nil)
	l := room(t, db, "a")
	_, err := db.Open(ctx, "a")
	require.ErrorIs(t, err, roomdb.ErrOpen)
	require.ErrorIs(t, db.Delete(ctx, "a"), roomdb.ErrOpen)
	require.NoError(t, l.Close())
	_, err = l.Append(rec("yjs", "late"))
	require.ErrorIs(t, err, roomdb.ErrClosed)
	require.NoError(t, room(t, db, "a").Close())
}

func TestCompact_ReplacesWhatWasThereAndNothingElse(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir, nil)
	l := room(t, db, "a")
	add(t, l, rec("yjs", "1"), rec("store", "s"), rec("yjs", "2"))
	require.NoError(t, l.Compact(ctx, []string{"yjs"}, func(string) ([]byte, error) {
		add(t, l, rec("yjs", "3")) // while the snapshot is made
		return []byte("1+2+3"), nil
	}))
	require.Equal(t, roomdb.Size{Records: 1, Bytes: 1, Snapshot: 5}, l.Sizes()["yjs"])
	want := []string{"yjs:1+2+3", "store:s", "yjs:3"}
	require.Equal(t, want, load(t, l))
	require.NoError(t, l.Close())
	l = room(t, db, "a")
	require.Equal(t, want, load(t, l))
	require.Equal(t, roomdb.Size{Records: 1, Bytes: 1, Snapshot: 5}, l.Sizes()["yjs"])

	require.NoError(t, l.Compact(ctx, []string{"store"}, func(string) ([]byte, error) { return nil, nil }))
	require.NoError(t, l.Compact(ctx, []string{"yjs"}, func(string) ([]byte, error) { return []byte("all"), nil }))
	require.NoError(t, l.Close())
	l = room(t, db, "a")
	require.Equal(t, []string{"store:", "yjs:all"}, load(t, l))
	require.Equal(t, uint64(4), l.Last(), "sequence numbers go on after everything was compacted")
	add(t, l, rec("yjs", "5"))
	require.Equal(t, uint64(5), l.Last())
}

func TestCompact_ThatFailsLeavesTheRecords(t *testing.T) {
	db := open(t, t.TempDir(), &roomdb.Options{MaxRecord: 10})
	l := room(t, db, "a")
	add(t, l, rec("yjs", "1"))
	require.ErrorContains(t, l.Compact(ctx, []string{"yjs"}, func(string) ([]byte, error) { return nil, fmt.Errorf("no") }), "no")
	require.ErrorIs(t, l.Compact(ctx, []string{"yjs"}, func(string) ([]byte, error) { return make([]byte, 11), nil }), roomdb.ErrTooBig)
	_, err := l.Append(rec("yjs", "2"), rec("yjs", "12345678901"))
	require.ErrorIs(t, err, roomdb.ErrTooBig)
	add(t, l, rec("yjs", "3"))
	require.Equal(t, []string{"yjs:1", "yjs:3"}, load(t, l))
}

func TestDelete_RemovesARoom(t *testing.T) {
	db := open(t, t.TempDir(), nil)
	for _, name := range []string{"a", "b"} {
		l := room(t, db, name)
		add(t, l, rec("yjs", name))
		require.NoError(t, l.Compact(ctx, []string{"yjs"}, func(string) ([]byte, error) { return []byte(name), nil }))
		add(t, l, rec("yjs", name+"2"))
		require.NoError(t, l.Close())
	}
	require.NoError(t, db.Delete(ctx, "a"))
	require.NoError(t, db.Delete(ctx, "never"))
	rooms, err := db.Rooms(ctx, "", 0)
	require.NoError(t, err)
	require.Equal(t, []string{"b"}, rooms)
	l := room(t, db, "a")
	require.Empty(t, load(t, l))
	add(t, l, rec("yjs", "again"))
	require.Equal(t, []string{"yjs:again"}, load(t, l))
}

func TestAppend_ByManyRoomsSharesTransactions(t *testing.T) {
	var mu sync.Mutex
	batches, records := 0, 0
	db := open(t, t.TempDir(), &roomdb.Options{QueueBytes: 4096, Events: roomdb.Events{Committed: func(n, _ int, _ time.Duration) {
		mu.Lock()
		batches, records = batches+1, records+n
		mu.Unlock()
	}}})
	const rooms, each = 20, 50
	var all sync.WaitGroup
	for i := range rooms {
		l := room(t, db, fmt.Sprint("room ", i))
		all.Go(func() {
			for n := range each {
				if _, err := l.Append(rec("yjs", fmt.Sprint(n))); err != nil {
					t.Error(err)
				}
			}
			if err := l.Sync(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	mu.Lock()
	defer mu.Unlock()
	require.Equal(t, rooms*each, records)
	require.Less(t, batches, rooms*each)
	t.Logf("%d records in %d transactions", records, batches)
}

func TestWait_EndsWithItsContext(t *testing.T) {
	db := open(t, t.TempDir(), nil)
	l := room(t, db, "a")
	ctx, cancel := context.WithCancelCause(ctx)
	cancel(fmt.Errorf("enough"))
	require.ErrorContains(t, l.Wait(ctx, 1), "enough")
}

func TestClose_WritesWhatWaits(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir, nil)
	l := room(t, db, "a")
	for i := range 100 {
		_, err := l.Append(rec("yjs", fmt.Sprint(i)))
		require.NoError(t, err)
	}
	require.NoError(t, db.Close())
	require.NoError(t, db.Close())
	_, err := l.Append(rec("yjs", "late"))
	require.ErrorIs(t, err, roomdb.ErrClosed)
	_, err = db.Open(ctx, "b")
	require.ErrorIs(t, err, roomdb.ErrClosed)
	require.ErrorIs(t, db.Ping(ctx), roomdb.ErrClosed)
	require.Len(t, load(t, room(t, open(t, dir, nil), "a")), 100)
}
