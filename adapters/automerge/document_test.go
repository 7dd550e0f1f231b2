//go:build cgo

package automerge_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/automerge"
	"github.com/rowloom/rowloom/adapters/automerge/amchange"
	"github.com/rowloom/rowloom/adapters/automerge/amrepo"
	"github.com/rowloom/rowloom/internal/vectors"
)

func newDoc(t testing.TB, actor string) *automerge.Doc {
	t.Helper()
	d, err := automerge.New(&automerge.DocOptions{Actor: amchange.Actor(actor), Now: func() time.Time { return time.Time{} }})
	require.NoError(t, err)
	return d
}

func load(t testing.TB, data []byte) *automerge.Doc {
	t.Helper()
	d, err := automerge.Load(data, nil)
	require.NoError(t, err)
	return d
}

// synchronise carries sync messages between two documents until both are silent.
func synchronise(t testing.TB, a, b *automerge.Doc) {
	t.Helper()
	sa, err := a.NewSync(nil)
	require.NoError(t, err)
	sb, err := b.NewSync(nil)
	require.NoError(t, err)
	for range 100 {
		ma, err := sa.Generate()
		require.NoError(t, err)
		if ma != nil {
			_, err = sb.Receive(ma)
			require.NoError(t, err)
		}
		mb, err := sb.Generate()
		require.NoError(t, err)
		if mb != nil {
			_, err = sa.Receive(mb)
			require.NoError(t, err)
		}
		if ma == nil && mb == nil {
			return
		}
	}
	t.Fatal("the conversation does not end")
}

type docVector struct {
	Name      string
	Doc       []byte
	Heads     []string
	Changes   [][]byte
	Base      []byte
	Branches  []struct{ Doc []byte }
	Conflicts []struct {
		Path   []any
		Winner string
		Values map[string]any
	}
	TinybaseStore struct{ Content []json.RawMessage }
}

func docVectors(t testing.TB) []docVector {
	t.Helper()
	var out []docVector
	for _, file := range vectors.Files(t, "automerge") {
		b, err := os.ReadFile(file)
		require.NoError(t, err)
		var v docVector
		require.NoError(t, json.Unmarshal(b, &v))
		out = append(out, v)
	}
	return out
}

func headsOf(d *automerge.Doc) []string {
	var out []string
	for _, h := range d.Heads() {
		out = append(out, h.String())
	}
	return out
}

// Every vector is loaded from its document, from its changes in any order, by merging its branches in every order, and by
// sync. Heads and conflicts are always the same.
func TestDoc_ReachesEveryVectorOnEveryWay(t *testing.T) {
	passed, total := 0, 0
	for _, v := range docVectors(t) {
		total++
		passed++
		if !t.Run(v.Name, func(t *testing.T) {
			whole := load(t, v.Doc)
			require.Equal(t, v.Heads, headsOf(whole))
			require.Len(t, whole.Conflicts(), len(v.Conflicts))
			saved, err := whole.Save()
			require.NoError(t, err)
			want := whole.Conflicts()
			same := func(d *automerge.Doc) {
				t.Helper()
				require.Equal(t, v.Heads, headsOf(d))
				require.Equal(t, want, d.Conflicts())
			}
			same(load(t, saved))

			changes := newDoc(t, "\x01")
			shuffled := slices.Clone(v.Changes)
			rand.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
			for _, c := range shuffled {
				require.NoError(t, changes.Apply("test", c))
			}
			require.Zero(t, changes.Waiting())
			same(changes)

			synced := newDoc(t, "\x02")
			synchronise(t, whole, synced)
			same(synced)

			for _, order := range permutations(len(v.Branches)) {
				merged := newDoc(t, "\x03")
				for _, i := range order {
					require.NoError(t, merged.Merge(load(t, v.Branches[i].Doc)))
				}
				synchronise(t, merged, whole)
				same(merged)
			}
			same(whole)
		}) {
			passed--
		}
	}
	vectors.Report(t, "automerge documents", passed, total)
}

func permutations(n int) [][]int {
	if n == 0 {
		return nil
	}
	out := [][]int{{0}}
	for i := 1; i < n; i++ {
		var more [][]int
		for _, p := range out {
			for at := range len(p) + 1 {
				more = append(more, slices.Insert(slices.Clone(p), at, i))
			}
		}
		out = more
	}
	return out[:min(len(out), 24)]
}

func set(t testing.TB, d *automerge.Doc, key string, v amchange.Value) {
	t.Helper()
	require.NoError(t, d.Update("test", func(tx *automerge.Tx) error { return tx.Edit().Set(amchange.OpID{}, key, v) }))
}

func get(d *automerge.Doc, path ...string) (s string) {
	d.View(func(ix *amchange.Index) {
		s = "nothing"
		if l, ok := ix.Get(path...); ok {
			s = l.Value.String()
		}
	})
	return s
}

func TestDoc_TellsOfChangesAfterItHasUnlocked(t *testing.T) {
	a, b := newDoc(t, "\x01"), newDoc(t, "\x02")
	var events []*automerge.Event
	stop := b.OnChange(func(e *automerge.Event) {
		require.NotEmpty(t, b.Heads(), "the document is not locked")
		events = append(events, e)
	})
	set(t, a, "x", amchange.IntValue(1))
	synchronise(t, a, b)
	set(t, b, "y", amchange.IntValue(2))
	require.Len(t, events, 2)
	require.Equal(t, [][]string{{"x"}}, events[0].Delta.Touched)
	require.IsType(t, &automerge.Sync{}, events[0].Origin)
	require.Equal(t, "test", events[1].Origin)
	require.Len(t, events[1].Changes, 1)
	stop()
	set(t, b, "y", amchange.IntValue(3))
	require.Len(t, events, 2)
}

func TestDoc_AFailedTransactionLeavesNoTrace(t *testing.T) {
	d := newDoc(t, "\x01")
	set(t, d, "x", amchange.IntValue(1))
	heads := d.Heads()
	failed := errors.New("failed")
	for _, fn := range []func(*automerge.Tx) error{
		func(tx *automerge.Tx) error {
			_ = tx.Edit().Set(amchange.OpID{}, "x", amchange.IntValue(2))
			return failed
		},
		func(tx *automerge.Tx) error {
			_ = tx.Add(amchange.Draft{Actor: "\x77", Seq: 1, StartOp: 1, Ops: []amchange.Op{{Key: "m", Action: amchange.MakeMap}}})
			_ = tx.Edit().Set(amchange.OpID{}, "x", amchange.IntValue(2))
			panic(failed)
		},
	} {
		func() {
			defer func() { _ = recover() }()
			require.ErrorIs(t, d.Update("test", fn), failed)
		}()
		require.Equal(t, heads, d.Heads())
		require.Equal(t, "1", get(d, "x"))
		require.Equal(t, "nothing", get(d, "m"))
	}
	set(t, d, "x", amchange.IntValue(5))
	saved, err := d.Save()
	require.NoError(t, err)
	require.Equal(t, "5", get(load(t, saved), "x"))
	require.NoError(t, d.Update("test", func(*automerge.Tx) error { return nil }), "nothing is nothing")
}

func TestDoc_WritesEmptyKeysThoughTheEngineCannot(t *testing.T) {
	d := newDoc(t, "\x01")
	set(t, d, "", amchange.StringValue("empty"))
	saved, err := d.Save()
	require.NoError(t, err)
	require.Equal(t, `"empty"`, get(load(t, saved), ""))
}

func TestDoc_RefusesWhatIsBadAndStaysUsable(t *testing.T) {
	d := newDoc(t, "\x01")
	set(t, d, "x", amchange.IntValue(1))
	other, err := d.Fork(&automerge.DocOptions{Actor: "\x02"})
	require.NoError(t, err)
	set(t, other, "x", amchange.IntValue(2))
	good, err := other.SaveSince(d.Heads()...)
	require.NoError(t, err)
	saved, err := other.Save()
	require.NoError(t, err)

	bad := slices.Clone(good)
	bad[len(bad)-1] ^= 1
	require.ErrorContains(t, d.Apply("peer", bad), "checksum")
	require.ErrorIs(t, d.Apply("peer", saved), amchange.ErrDocumentChunk)
	unfit, err := amchange.Draft{Actor: "\x03", Seq: 7, StartOp: 9}.Encode()
	require.NoError(t, err)
	require.ErrorContains(t, d.Apply("peer", append(slices.Clone(good), unfit.Bytes()...)), "number 7 follows 0")
	require.Equal(t, "1", get(d, "x"), "nothing of a bad call is applied")

	s, err := d.NewSync(nil)
	require.NoError(t, err)
	_, err = s.Receive([]byte{0x42, 0, 0, 1, 0, 3, 1, 0, 7, 0})
	require.ErrorContains(t, err, "no bits for 1 entries")
	_, err = s.Receive([]byte{0x43, 0, 0, 0, 0})
	require.ErrorIs(t, err, amchange.ErrUnsupported)
	_, err = d.NewSync([]byte("nonsense"))
	require.Error(t, err)

	require.NoError(t, d.Apply("peer", good))
	require.Equal(t, "2", get(d, "x"))
	synchronise(t, d, other)
}

// A change whose dependency is missing waits; so does one in a sync message, and the engine asks for what is missing.
func TestDoc_ChangesWaitForTheirDependencies(t *testing.T) {
	a := newDoc(t, "\x01")
	var chunks [][]byte
	for i := range 5 {
		before := a.Heads()
		set(t, a, "x", amchange.IntValue(int64(i)))
		c, err := a.SaveSince(before...)
		require.NoError(t, err)
		chunks = append(chunks, c)
	}
	b := newDoc(t, "\x02")
	for i := len(chunks) - 1; i > 0; i-- {
		require.NoError(t, b.Apply("peer", chunks[i]))
	}
	require.Equal(t, 4, b.Waiting())
	require.Empty(t, b.Heads())
	require.NoError(t, b.Apply("peer", chunks[0]))
	require.Zero(t, b.Waiting())
	require.Equal(t, a.Heads(), b.Heads())

	c := newDoc(t, "\x03")
	s, err := c.NewSync(nil)
	require.NoError(t, err)
	last, err := amchange.ParseAll(chunks[4], nil)
	require.NoError(t, err)
	heads, err := s.Receive((&amchange.SyncMessage{Heads: a.Heads(), Have: []amchange.Have{{}}, Changes: last}).Encode())
	require.NoError(t, err)
	require.Equal(t, a.Heads(), heads)
	require.Equal(t, 1, c.Waiting())
	reply, err := s.Generate()
	require.NoError(t, err)
	m, err := amchange.ParseSyncMessage(reply, nil)
	require.NoError(t, err)
	require.NotEmpty(t, m.Need)
	synchronise(t, a, c)
	require.Equal(t, a.Heads(), c.Heads())

	tight, err := automerge.New(&automerge.DocOptions{Queue: &amchange.QueueLimits{Changes: 2}})
	require.NoError(t, err)
	require.NoError(t, tight.Apply("peer", chunks[4]))
	require.NoError(t, tight.Apply("peer", chunks[3]))
	require.ErrorIs(t, tight.Apply("peer", chunks[2]), automerge.ErrQueueFull)
}

// A container is the same change for all who make it. So a change may wait for one that comes from nobody else.
func TestDoc_ChangesWaitForWhatTheDocumentMakesItself(t *testing.T) {
	table := amchange.Draft{Actor: "\xaa", Seq: 1, StartOp: 1, Ops: []amchange.Op{{Key: "t", Action: amchange.MakeMap}}}
	makeTable := func(tx *automerge.Tx) error { return tx.Add(table) }
	a, b := newDoc(t, "\x01"), newDoc(t, "\x02")
	require.NoError(t, a.Update(nil, makeTable))
	made := a.Heads()
	set(t, a, "x", amchange.IntValue(1))
	later, err := a.SaveSince(made...)
	require.NoError(t, err)

	require.NoError(t, b.Apply("peer", later))
	require.Equal(t, 1, b.Waiting())
	var origins []any
	b.OnChange(func(e *automerge.Event) { origins = append(origins, e.Origin) })
	require.NoError(t, b.Update("b", makeTable))
	require.Zero(t, b.Waiting())
	require.Equal(t, a.Heads(), b.Heads())
	require.Equal(t, []any{"b", nil}, origins, "what has waited is not b's")
	require.Equal(t, "1", get(b, "x"))
}

func TestDoc_MergesWithItselfAndInBothDirectionsWithoutDeadlock(t *testing.T) {
	a, b := newDoc(t, "\x01"), newDoc(t, "\x02")
	set(t, a, "a", amchange.IntValue(1))
	set(t, b, "b", amchange.IntValue(2))
	require.NoError(t, a.Merge(a))
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 50 {
				x, y := a, b
				if i%2 == 0 {
					x, y = b, a
				}
				if err := x.Merge(y); err != nil {
					t.Error(err)
				}
				set(t, x, fmt.Sprint("k", i), amchange.IntValue(int64(j)))
			}
		})
	}
	wg.Wait()
	require.NoError(t, a.Merge(b))
	require.NoError(t, b.Merge(a))
	require.Equal(t, a.Heads(), b.Heads())
	for i := range 8 {
		require.Equal(t, "49", get(a, fmt.Sprint("k", i)))
	}
}

func TestDoc_SavesTimesInSeconds(t *testing.T) {
	at := time.Date(2026, 11, 21, 12, 0, 1, 0, time.UTC)
	d, err := automerge.New(&automerge.DocOptions{Now: func() time.Time { return at }})
	require.NoError(t, err)
	var seen time.Time
	d.OnChange(func(e *automerge.Event) { seen = e.Changes[0].Time() })
	set(t, d, "x", amchange.IntValue(1))
	require.Equal(t, at, seen)
}

func TestDoc_LoadRefusesNonsense(t *testing.T) {
	d := newDoc(t, "\x01")
	set(t, d, "x", amchange.IntValue(1))
	saved, err := d.Save()
	require.NoError(t, err)
	_, err = automerge.Load(saved[:len(saved)-1], nil)
	require.Error(t, err)
	_, err = automerge.Load([]byte("nonsense"), nil)
	require.Error(t, err)
	empty, err := automerge.Load(nil, nil)
	require.NoError(t, err)
	require.Empty(t, empty.Heads())
	require.True(t, strings.HasPrefix(empty.String(), "automerge document: 0 changes"))
}

// Ten thousand small documents, one after the other, must not pile up: the engine's memory is freed when Go's collector
// runs, and nothing but the weight of the documents makes it run.
func TestDoc_MemoryIsGivenBack(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("reads /proc")
	}
	d := newDoc(t, "\x01")
	for i := range 20 {
		set(t, d, fmt.Sprint("key", i), amchange.IntValue(int64(i)))
	}
	saved, err := d.Save()
	require.NoError(t, err)
	n := 10_000
	if testing.Short() {
		n = 2_000
	}
	before := resident(t)
	for range n {
		load(t, saved)
	}
	grown := resident(t) - before
	t.Logf("%d documents of %d bytes: %d MB more", n, len(saved), grown>>20)
	require.Less(t, grown, 256<<20)
}

func resident(t testing.TB) int {
	b, err := os.ReadFile("/proc/self/statm")
	require.NoError(t, err)
	pages, err := strconv.Atoi(strings.Fields(string(b))[1])
	require.NoError(t, err)
	return pages * os.Getpagesize()
}

// Documents under the repository: the same conversation as in package amrepo, with the engine.
type documents struct {
	mu   sync.Mutex
	docs map[amrepo.DocumentID]*automerge.Doc
}

func (s *documents) Open(id amrepo.DocumentID) (amrepo.Doc, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d := s.docs[id]; d != nil {
		return d, nil
	}
	return nil, nil
}

func (s *documents) Create(id amrepo.DocumentID) (amrepo.Doc, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, err := automerge.New(nil)
	if err == nil {
		s.docs[id] = d
	}
	return d, err
}

func TestDoc_TravelsThroughARepository(t *testing.T) {
	id := amrepo.DocumentIDOf([16]byte{7})
	d := newDoc(t, "\x01")
	set(t, d, "x", amchange.IntValue(1))
	here := &documents{docs: map[amrepo.DocumentID]*automerge.Doc{id: d}}
	there := &documents{docs: map[amrepo.DocumentID]*automerge.Doc{}}
	client, server := amrepo.New(here, &amrepo.Options{ID: "client"}), amrepo.New(there, &amrepo.Options{ID: "server"})
	require.NoError(t, client.Share(id))
	c, s := client.Dial(), server.Accept()
	out, err := c.Start()
	require.NoError(t, err)
	carry := func(msgs [][]byte, toServer bool) {
		for len(msgs) > 0 {
			var next [][]byte
			for _, m := range msgs {
				to := c
				if toServer {
					to = s
				}
				out, err := to.Receive(m)
				require.NoError(t, err)
				next = append(next, out...)
			}
			msgs, toServer = next, !toServer
		}
	}
	carry(out, true)
	require.Equal(t, "1", get(there.docs[id], "x"))
	set(t, there.docs[id], "x", amchange.IntValue(2))
	out, err = s.Poll()
	require.NoError(t, err)
	carry(out, false)
	require.Equal(t, "2", get(d, "x"))
	c.Close()
	s.Close()
}

func TestDump_ShowsADocument(t *testing.T) {
	for _, v := range docVectors(t) {
		var out strings.Builder
		require.NoError(t, automerge.Dump(&out, v.Doc, nil), v.Name)
		require.Contains(t, out.String(), "chunk document")
		require.Equal(t, len(v.Changes), strings.Count(out.String(), "\nchange "), v.Name)
		require.Equal(t, len(v.Conflicts), strings.Count(out.String(), "\nconflict "), v.Name)
		require.Equal(t, len(v.Heads), strings.Count(out.String(), "\nhead "), v.Name)
		out.Reset()
		require.NoError(t, automerge.Dump(&out, slices.Concat(v.Changes...), nil), v.Name)
	}
	var out strings.Builder
	require.Error(t, automerge.Dump(&out, docVectors(t)[0].Doc[:40], nil))
	require.Contains(t, out.String(), "error: ")
}
