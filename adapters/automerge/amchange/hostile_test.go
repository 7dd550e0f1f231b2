//go:build cgo

package amchange_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/automerge/automerge-go"
	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/automerge/amchange"
)

// The engine ends its process when it meets something unexpected, so these tests run it in a child of their own: this test
// binary again. The child writes the number of each input to a file before it touches it.

const (
	childInputs = "ROWLOOM_TEST_HOSTILE_INPUTS" // "SEED FIRST LAST FILE"
	soak        = "ROWLOOM_SOAK"
)

func TestMain(m *testing.M) {
	if job := os.Getenv(childInputs); job != "" {
		if err := hostileChild(job); err != nil {
			fmt.Println("child:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// Mutated changes and sync messages, most of them with right checksums, go through the guard and, if it accepts them, into
// the engine. The engine must not abort, must have the heads that the index has, and must be able to load what it saved.
func TestHostileInputs_NeverReachTheEngine(t *testing.T) {
	total := 20_000
	if testing.Short() {
		total = 2_000
	}
	if os.Getenv(soak) != "" {
		total = 1_000_000
	}
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("ROWLOOM_SEED"); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		require.NoError(t, err)
		seed = n
	}
	t.Logf("seed %d (repeat with ROWLOOM_SEED=%d)", seed, seed)
	counts := map[string]int{}
	progress := t.TempDir() + "/progress"
	for first := 0; first < total; {
		last := min(first+20_000, total)
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d %d %d %s", childInputs, seed, first, last, progress))
		out, err := cmd.Output()
		for line := range strings.Lines(string(out)) {
			if name, n, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
				k, _ := strconv.Atoi(n)
				counts[name] += k
			} else {
				t.Errorf("%s", strings.TrimSpace(line))
			}
		}
		if err != nil {
			stderr := ""
			var exit *exec.ExitError
			if errors.As(err, &exit) {
				stderr = string(exit.Stderr[:min(len(exit.Stderr), 2000)])
			}
			at := make([]byte, 8)
			if b, err := os.ReadFile(progress); err == nil {
				copy(at, b)
			}
			n := int(binary.LittleEndian.Uint64(at))
			t.Errorf("the engine ended the process at input %d: %v\n%s", n, err, stderr)
			first = max(n, first) + 1
			if counts["aborted"]++; counts["aborted"] > 20 {
				break
			}
			continue
		}
		first = last
	}
	for _, k := range slices.Sorted(maps.Keys(counts)) {
		t.Logf("%-28s %d", k, counts[k])
	}
	require.NotZero(t, counts["accepted"])
}

// This is why Parse insists on the one usual form: the engine takes the change in, and then saves what nobody can load.
func TestEngine_SavesWhatItCannotLoadWhenAChangeIsWrittenInAnotherWay(t *testing.T) {
	usual := plain(oneSet)
	for name, body := range map[string][]byte{
		"run of one":      bytes.Replace(usual, []byte("\x7f\x01a"), []byte("\x01\x01a"), 1),
		"deletes nothing": bytes.Replace(bytes.Replace(bytes.Replace(usual, []byte("\x57\x01"), nil, 1), []byte("\x01\x7f\x01\x7f\x14\x01"), []byte("\x01\x7f\x03\x7f\x00"), 1), []byte("\x06\x15"), []byte("\x05\x15"), 1),
	} {
		t.Run(name, func(t *testing.T) {
			doc := automerge.New()
			require.NoError(t, doc.LoadIncremental(chunkOf(1, usual)))
			other := bytes.Replace(body, []byte("\x01\xaa\x01\x01"), []byte("\x01\xbb\x01\x01"), 1)
			require.NoError(t, doc.LoadIncremental(chunkOf(1, other)))
			require.Len(t, doc.Heads(), 2, "the engine accepts it")
			_, err := automerge.Load(doc.Save())
			require.Error(t, err)
			_, err = amchange.ParseAll(chunkOf(1, other), nil)
			require.Error(t, err)
		})
	}
}

// source is a document to attack: changes, and all of its states as an index and as saved bytes.
type source struct {
	name    string
	changes []*amchange.Change
	saved   map[int][]byte
	index   map[int]*amchange.Index
}

func hostileSources() ([]*source, error) {
	var t childTB
	var out []*source
	all := vectorChanges(&t)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		s := &source{name: name, saved: map[int][]byte{}, index: map[int]*amchange.Index{}}
		ix, waiting := amchange.NewIndex(nil), []*amchange.Change{}
		for _, raw := range all[name] {
			changes, err := amchange.ParseAll(raw, nil)
			if err != nil {
				return nil, err
			}
			waiting = append(waiting, changes...)
		}
		for range waiting { // into causal order
			for _, c := range waiting {
				if !ix.Has(c.Hash) && len(ix.Missing(c)) == 0 {
					if _, err := ix.Add(c); err != nil {
						return nil, fmt.Errorf("%s: %w", name, err)
					}
					s.changes = append(s.changes, c)
				}
			}
		}
		if len(s.changes) > 0 && len(s.changes) < 60 {
			out = append(out, s)
		}
	}
	return out, nil
}

// state returns the index and an engine document with the first n changes.
func (s *source) state(n int) (*amchange.Index, func() (*automerge.Doc, error), error) {
	if s.index[n] == nil {
		ix := amchange.NewIndex(nil)
		doc := automerge.New()
		for _, c := range s.changes[:n] {
			if _, err := ix.Add(c); err != nil {
				return nil, nil, err
			}
			if err := doc.LoadIncremental(c.Bytes()); err != nil {
				return nil, nil, err
			}
		}
		s.index[n], s.saved[n] = ix, doc.Save()
	}
	return s.index[n], func() (*automerge.Doc, error) { return automerge.Load(s.saved[n]) }, nil
}

func hostileChild(job string) error {
	var seed uint64
	var first, last int
	var file string
	if _, err := fmt.Sscan(job, &seed, &first, &last, &file); err != nil {
		return err
	}
	progress, err := os.Create(file)
	if err != nil {
		return err
	}
	sources, err := hostileSources()
	if err != nil {
		return err
	}
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	counts := map[string]int{}
	for i := first; i < last; i++ {
		if _, err := progress.WriteAt(binary.LittleEndian.AppendUint64(nil, uint64(i)), 0); err != nil {
			return err
		}
		kind, accepted, err := attack(rand.New(rand.NewPCG(seed, uint64(i))), sources)
		if err != nil {
			fmt.Fprintf(out, "input %d (%s): %v\n", i, kind, err)
		}
		counts[kind]++
		if accepted {
			counts["accepted"]++
			counts[kind+" accepted"]++
		}
	}
	for k, n := range counts {
		fmt.Fprintf(out, "%s=%d\n", k, n)
	}
	return nil
}

func attack(rnd *rand.Rand, sources []*source) (kind string, accepted bool, err error) {
	s := sources[rnd.IntN(len(sources))]
	n := rnd.IntN(len(s.changes))
	ix, load, err := s.state(n)
	if err != nil {
		return "set-up", false, err
	}
	target := s.changes[n]
	chunk, _, _ := amchange.ReadChunk(target.Bytes(), nil)
	var data []byte
	switch kind = []string{"bytes", "repaired", "repaired", "semantic", "semantic", "semantic", "sync", "sync", "sync"}[rnd.IntN(9)]; kind {
	case "bytes":
		data = mutate(rnd, chunk.Data)
	case "repaired":
		data = chunkOf(1, mutate(rnd, chunk.Body))
	case "semantic":
		data = corrupt(rnd, target, ix)
	case "sync":
		m := amchange.SyncMessage{Heads: []amchange.Hash{target.Hash}, Changes: []*amchange.Change{target}}
		m.Have = []amchange.Have{{LastSync: target.Deps, Bloom: amchange.Bloom{Entries: 1, BitsPerEntry: 10, Probes: 7, Bits: "\x44\x44"}}}
		if rnd.IntN(2) == 0 {
			m.Changes = nil
			m.Need = target.Deps
		}
		data = mutate(rnd, m.Encode())
		if rnd.IntN(2) == 0 { // a good message around a bad change
			bad := corrupt(rnd, target, ix)
			data = append([]byte{0x42, 0, 0, 0, 1}, binary.AppendUvarint(nil, uint64(len(bad)))...)
			data = append(data, bad...)
		}
		accepted, err = attackSync(ix, load, data)
		return kind, accepted, err
	}
	changes, perr := amchange.ParseAll(data, nil)
	if perr != nil {
		return kind, false, nil
	}
	accepted, err = attackChanges(ix, load, changes, data)
	return kind, accepted, err
}

// guard adds the changes to a batch that check is called in, and that is rolled back afterwards.
func guard(ix *amchange.Index, changes []*amchange.Change, check func() error) (accepted bool, err error) {
	b := ix.Begin()
	defer b.Rollback()
	for _, c := range changes {
		if b.Add(c) != nil {
			return false, nil
		}
	}
	return true, check()
}

func attackChanges(ix *amchange.Index, load func() (*automerge.Doc, error), changes []*amchange.Change, data []byte) (bool, error) {
	return guard(ix, changes, func() error {
		doc, err := load()
		if err != nil {
			return err
		}
		if err := doc.LoadIncremental(data); err != nil {
			return err
		}
		if err = survives(doc, ix); err != nil {
			for _, c := range changes {
				amchange.DumpChange(os.Stderr, c)
			}
		}
		return err
	})
}

func attackSync(ix *amchange.Index, load func() (*automerge.Doc, error), data []byte) (bool, error) {
	m, err := amchange.ParseSyncMessage(data, nil)
	if err != nil {
		return false, nil
	}
	return guard(ix, m.Changes, func() error {
		doc, err := load()
		if err != nil {
			return err
		}
		state := automerge.NewSyncState(doc)
		state.GenerateMessage()
		_, err = state.ReceiveMessage(data)
		if err == nil {
			state.GenerateMessage()
		}
		return errors.Join(err, survives(doc, ix))
	})
}

// survives checks that the engine has the index's heads and shows its winners, and can load what it saves.
func survives(doc *automerge.Doc, ix *amchange.Index) error {
	if err := same(doc, ix); err != nil {
		return err
	}
	_ = doc.Root().Interface()
	again, err := automerge.Load(doc.Save())
	if err != nil {
		return fmt.Errorf("what the engine saved cannot be loaded: %w", err)
	}
	return same(again, ix)
}

func same(doc *automerge.Doc, ix *amchange.Index) error {
	var got []amchange.Hash
	for _, h := range doc.Heads() {
		got = append(got, amchange.Hash(h))
	}
	slices.SortFunc(got, func(a, b amchange.Hash) int { return bytes.Compare(a[:], b[:]) })
	if want := ix.Heads(); !slices.Equal(got, want) {
		return fmt.Errorf("the engine has heads %v, the index %v", got, want)
	}
	return sameMap(doc.RootMap(), ix, nil)
}

func sameMap(m *automerge.Map, ix *amchange.Index, path []string) error {
	n := 0
	for key, live := range ix.Entries(path...) {
		n++
		if key == "" {
			continue // the engine cannot read it alone
		}
		v, err := m.Get(key)
		if err != nil {
			return err
		}
		at := append(slices.Clone(path), key)
		got, want := engineValue(v), live.Value.String()
		switch live.Value.Kind() {
		case amchange.Table:
			want = amchange.Map.String() // as the engine calls it
		case amchange.Unknown:
			want = v.GoString()
		}
		if got != want {
			return fmt.Errorf("%q: the engine has %s, the index %s", at, got, want)
		}
		if live.Value.Kind() == amchange.Text {
			got, err := v.Text().Get()
			if want, _ := ix.TextOf(live.ID); err != nil || got != want {
				return fmt.Errorf("%q: the engine has %q, the index %q (%v)", at, got, want, err)
			}
		}
		if v.Kind() == automerge.KindMap {
			if err := sameMap(v.Map(), ix, at); err != nil {
				return err
			}
		}
	}
	if m.Len() != n {
		return fmt.Errorf("%q: the engine has %d keys, the index %d", path, m.Len(), n)
	}
	return nil
}

// engineValue renders a value as amchange does.
func engineValue(v *automerge.Value) string {
	switch v.Kind() {
	case automerge.KindBool:
		return amchange.BoolValue(v.Bool()).String()
	case automerge.KindInt64:
		return amchange.IntValue(v.Int64()).String()
	case automerge.KindUint64:
		return amchange.UintValue(v.Uint64()).String()
	case automerge.KindFloat64:
		return amchange.FloatValue(v.Float64()).String()
	case automerge.KindStr:
		return amchange.StringValue(v.Str()).String()
	case automerge.KindBytes:
		return amchange.BytesValue(v.Bytes()).String()
	case automerge.KindTime:
		return amchange.TimestampValue(v.Time()).String()
	case automerge.KindCounter:
		n, _ := v.Counter().Get()
		return amchange.CounterValue(n).String()
	case automerge.KindMap:
		return amchange.Map.String()
	case automerge.KindList:
		return amchange.List.String()
	case automerge.KindText:
		return amchange.Text.String()
	case automerge.KindNull:
		return "null"
	}
	return v.GoString()
}

// mutate changes a few bytes.
func mutate(rnd *rand.Rand, b []byte) []byte {
	b = bytes.Clone(b)
	for range 1 + rnd.IntN(3) {
		if len(b) == 0 {
			return b
		}
		at := rnd.IntN(len(b))
		switch rnd.IntN(6) {
		case 0:
			b[at] ^= 1 << rnd.IntN(8)
		case 1:
			b[at] = byte(rnd.Uint32())
		case 2:
			b[at] += byte(rnd.IntN(3)) - 1
		case 3:
			b = slices.Insert(b, at, byte(rnd.Uint32()))
		case 4:
			b = slices.Delete(b, at, at+1)
		case 5:
			end := min(len(b), at+1+rnd.IntN(8))
			b = slices.Insert(b, rnd.IntN(len(b)), b[at:end]...)
		}
	}
	return b
}

// corrupt writes the change again with something wrong in it, or at least unusual.
func corrupt(rnd *rand.Rand, c *amchange.Change, ix *amchange.Index) []byte {
	d := amchange.Draft{Actor: c.Actor, Seq: c.Seq, StartOp: c.StartOp, Seconds: c.Seconds, Message: c.Message, Deps: c.Deps}
	var ids []amchange.OpID
	for op := range c.Ops() {
		d.Ops = append(d.Ops, op)
		ids = append(ids, op.ID, op.Obj, op.Elem)
		ids = append(ids, op.Preds...)
	}
	ids = append(ids, amchange.OpID{Counter: 1 + rnd.Uint64N(ix.MaxOp()+2), Actor: c.Actor}, amchange.OpID{})
	id := func() amchange.OpID {
		id := ids[rnd.IntN(len(ids))]
		if rnd.IntN(4) == 0 && id.Counter > 1 {
			id.Counter += uint64(rnd.IntN(3)) - 1
		}
		return id
	}
	values := []amchange.Value{{}, amchange.BoolValue(true), amchange.IntValue(-5), amchange.UintValue(9), amchange.FloatValue(1.5),
		amchange.StringValue("é"), amchange.BytesValue([]byte{1}), amchange.CounterValue(3), amchange.TimestampValue(time.Unix(5, 0)), amchange.StringValue("")}
	for range 1 + rnd.IntN(2) {
		if len(d.Ops) == 0 || rnd.IntN(8) == 0 {
			switch rnd.IntN(6) {
			case 0:
				d.Seq += uint64(rnd.IntN(3)) - 1
			case 1:
				d.StartOp += uint64(rnd.IntN(5)) - 2
			case 2:
				d.StartOp = []uint64{0, 1<<32 - 1, 1 << 32, 1<<31 + 5, 1 << 62}[rnd.IntN(5)]
			case 3:
				d.Deps = d.Deps[:rnd.IntN(len(d.Deps)+1)]
			case 4:
				d.Actor = amchange.Actor("\x77\x88"[:rnd.IntN(3)])
			case 5:
				d.Ops = append(d.Ops, amchange.Op{Key: "zzz", Action: amchange.Action(rnd.IntN(9)), Value: values[rnd.IntN(len(values))]})
			}
			continue
		}
		o := &d.Ops[rnd.IntN(len(d.Ops))]
		switch rnd.IntN(12) {
		case 0:
			o.Obj = id()
		case 1:
			o.Elem = id()
		case 2:
			o.InSequence = !o.InSequence
		case 3:
			o.Insert = !o.Insert
		case 4:
			o.Action = amchange.Action(rnd.IntN(9))
		case 5:
			o.Value = values[rnd.IntN(len(values))]
		case 6:
			o.Preds = append(o.Preds, id())
		case 7:
			if len(o.Preds) > 0 {
				o.Preds = o.Preds[1:]
			}
		case 8:
			o.Key = []string{"", "t", "tinybase", "\x00", "\xff", "x"}[rnd.IntN(6)]
		case 9:
			o.Action, o.Value = amchange.Increment, amchange.IntValue(1)
		case 10:
			o.Name, o.Named, o.Expand = "bold", rnd.IntN(2) == 0, rnd.IntN(2) == 0
			o.Action, o.Insert, o.InSequence = amchange.Mark, true, true
		case 11:
			o.Action, o.Value = amchange.Delete, amchange.Value{}
		}
	}
	slices.SortFunc(d.Deps, func(a, b amchange.Hash) int { return bytes.Compare(a[:], b[:]) })
	return d.EncodeAnyhow()
}

// childTB lets the child read vectors outside of a test.
type childTB struct{ testing.TB }

func (childTB) Helper() {}

func (childTB) Errorf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

func (childTB) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

func (childTB) FailNow() { panic("failed") }
