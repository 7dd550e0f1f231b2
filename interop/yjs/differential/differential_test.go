package differential_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"
	"github.com/rowloom/rowloom/interop/node"
)

var (
	first = flag.Int("seed", 1, "the first seed")
	cases = flag.Int("cases", 400, "how many seeds")
)

// soakCases is what ROWLOOM_SOAK=1 runs, unless -cases says otherwise.
const soakCases = 10_000

// With -args -seed=N -cases=M another range is played.
func TestEngine_DoesWhatYjsDoes(t *testing.T) {
	node.Install(t, "..")
	count := *cases
	if os.Getenv("ROWLOOM_SOAK") == "1" && count == 400 {
		count = soakCases
	}
	oracle := node.Start(t, "oracle.mjs")
	const batch = 25
	batches, failed := make(chan []json.RawMessage, 1), make(chan error, 1)
	go func() { // yjs plays the next cases while we look at these
		defer close(batches)
		for from := *first; from < *first+count; from += batch {
			var list []json.RawMessage
			args := map[string]int{"from": from, "count": min(batch, *first+count-from)}
			if err := oracle.Do("play", args, &list); err != nil {
				failed <- err
				return
			}
			batches <- list
		}
	}()

	r := &run{profiles: map[string]int{}}
	bad := 0
	for list := range batches {
		for _, text := range list {
			c, err := lib0.ParseJSON(text)
			require.NoError(t, err)
			r.play(c)
			if len(r.wrong) == 0 {
				continue
			}
			seed := int(get(c, "seed").Number())
			t.Errorf("seed %d (%s): again with: go test ./interop/yjs/differential -args -seed=%d -cases=1\n%s",
				seed, get(c, "profile").Str(), seed, strings.Join(r.wrong, "\n"))
			if bad++; bad == 5 {
				t.Fatal("no more after five")
			}
		}
	}
	select {
	case err := <-failed:
		t.Fatal(err)
	default:
	}
	t.Logf("seeds %d to %d: %d documents, %d events, %d deliveries (%d as a new yjs document has it, see quirks_test.go); cases by profile %v",
		*first, *first+count-1, r.documents, r.events, r.deliveries, r.quirks, r.profiles)
	require.LessOrEqual(t, r.quirks*quirkShare, r.deliveries)
}

// run plays cases and counts.
type run struct {
	wrong                                 []string // of the current case
	documents, events, deliveries, quirks int
	profiles                              map[string]int
}

func (r *run) fail(format string, args ...any) {
	r.wrong = append(r.wrong, fmt.Sprintf(format, args...))
}

func (r *run) play(c lib0.Any) {
	r.wrong = nil
	r.profiles[get(c, "profile").Str()]++
	var docs []*ycrdt.Doc
	var v1, v2 [][]byte
	for _, d := range get(c, "docs").List() {
		doc := open(uint64(get(d, "clientID").Number()), get(d, "gc").Bool())
		doc.OnUpdate(func(u ycrdt.UpdateEvent) { v1 = append(v1, u.Update) })
		doc.OnUpdateV2(func(u ycrdt.UpdateEvent) { v2 = append(v2, u.Update) })
		docs = append(docs, doc)
	}
	for n, entry := range get(c, "log").List() {
		v1, v2 = nil, nil
		i := int(get(entry, "doc").Number())
		what := fmt.Sprintf("entry %d, document %d", n, i)
		if err := enact(docs[i], entry); err != nil {
			r.fail("%s: %v", what, err)
			return
		}
		r.sameEvents(what+", V1", blobs(get(entry, "v1")), v1)
		r.sameEvents(what+", V2", blobs(get(entry, "v2")), v2)
		if len(r.wrong) > 0 {
			r.fail("  after %v", entry)
			return
		}
	}
	for i, end := range get(c, "ends").List() {
		r.documents++
		r.wrong = append(r.wrong, differences(fmt.Sprintf("document %d at the end", i), docs[i], end, true)...)
	}
	for _, d := range get(c, "deliveries").List() {
		r.deliver(d)
	}
}

// enact does what an entry of the log says.
func enact(doc *ycrdt.Doc, entry lib0.Any) error {
	if update := get(entry, "apply"); update.Kind() == lib0.String {
		return apply(doc, int(get(entry, "version").Number()), blob(update))
	}
	return doc.Update(nil, func(tx *ycrdt.Txn) error {
		for _, op := range get(entry, "ops").List() {
			if err := perform(tx, op.List()); err != nil {
				return fmt.Errorf("%v: %w", op, err)
			}
		}
		return nil
	})
}

func apply(doc *ycrdt.Doc, version int, update []byte) error {
	if version == 1 {
		return doc.Apply(update, "remote")
	}
	return doc.ApplyV2(update, "remote")
}

func (r *run) sameEvents(what string, want, got [][]byte) {
	r.events += len(want)
	if !slices.EqualFunc(want, got, bytes.Equal) {
		r.fail("%s: events\nyjs   %s\nycrdt %s", what, texts(want), texts(got))
	}
}

func (r *run) deliver(d lib0.Any) {
	r.deliveries++
	r.documents++
	mode, version := get(d, "mode").Str(), int(get(d, "version").Number())
	doc := open(4000000000, get(d, "gc").Bool())
	for i, update := range blobs(get(d, "updates")) {
		if err := apply(doc, version, update); err != nil {
			r.fail("%s, V%d, update %d: %v", mode, version, i, err)
			return
		}
	}
	wrong := differences(fmt.Sprintf("%s, V%d", mode, version), doc, get(d, "end"), true)
	if len(wrong) > 0 && mode == "missing" && len(differences("", doc, get(d, "fresh"), false)) == 0 {
		r.quirks++
		return
	}
	r.wrong = append(r.wrong, wrong...)
}

// differences says how a document differs from what the oracle's was: in all, or in what it holds and knows only.
func differences(what string, doc *ycrdt.Doc, want lib0.Any, all bool) (wrong []string) {
	fail := func(part string, want, got any) {
		wrong = append(wrong, fmt.Sprintf("%s: %s\nyjs   %v\nycrdt %v", what, part, want, got))
	}
	encoded := func(part string, want lib0.Any, got []byte, err error) {
		if err != nil || want.Str() != base64.StdEncoding.EncodeToString(got) {
			fail(part, want.Str(), texts([][]byte{got}))
		}
	}
	doc.View(func(r *ycrdt.Reader) {
		for _, root := range get(want, "json").Fields() {
			if w, got := wellFormed(root.Value), contentOf(r.Root(root.Key).Value()); !w.Equal(got) {
				fail("content of "+root.Key, w, got)
			}
		}
		for _, d := range get(want, "deltas").List() {
			path := d.List()[0]
			s, err := at(r, path.List())
			if err != nil {
				fail("formatting", path, err)
			} else if w, got := wellFormed(d.List()[1]), deltaOf(s.Text()); !w.Equal(got) {
				fail(fmt.Sprint("formatting of ", path), w, got)
			}
		}
	})
	encoded("state vector", get(want, "sv"), doc.StateVector(), nil)
	if !all {
		return wrong
	}
	v1, err := doc.EncodeStateAsUpdate(nil)
	encoded("state, V1", get(want, "v1"), v1, err)
	v2, err := doc.EncodeStateAsUpdateV2(nil)
	encoded("state, V2", get(want, "v2"), v2, err)
	pending := doc.Pending()
	encoded("pending structs", get(want, "structs"), pending.Structs, nil)
	encoded("pending deletes", get(want, "deletes"), pending.Deletes, nil)
	return wrong
}

func texts(list [][]byte) string {
	out := make([]string, len(list))
	for i, b := range list {
		out[i] = base64.StdEncoding.EncodeToString(b)
	}
	return strings.Join(out, " ")
}
