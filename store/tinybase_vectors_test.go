package store_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/internal/vectors"
	"github.com/rowloom/rowloom/store"
)

// TestVectors_OfTinyBasesStore plays what TinyBase did and compares what came of it. docs/differences.md lists, under
// "Store", in what the comparison is not literal:
//
//   - ids and events of one transaction are compared without their order;
//   - a schema is enforced everywhere, and a deleted cell goes back to its default: then it is asserted that the content fits;
//   - an empty row or table is none, where TinyBase's middleware leaves one behind.
func TestVectors_OfTinyBasesStore(t *testing.T) {
	playFile(t, "tinybase-store/store", filepath.Join(vectors.Dir(t, "tinybase-store"), "store.json"))
}

// TestVectors_OfTheCasesBeside plays further cases, which testdata/tinybase/record.mjs has recorded.
func TestVectors_OfTheCasesBeside(t *testing.T) {
	playFile(t, "store/testdata/tinybase", filepath.Join("testdata", "tinybase", "cases.json"))
}

func playFile(t *testing.T, name, file string) {
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	passed, total, literal := 0, 0, 0
	for _, x := range parseJS(text).(*object).at["cases"].([]any) {
		c := x.(*object)
		total++
		if t.Run(c.at["id"].(string), func(t *testing.T) {
			if playCase(t, c) {
				literal++
			}
		}) {
			passed++
		}
	}
	t.Logf("literally equal, order included: %d", literal)
	vectors.Report(t, name, passed, total)
}

// tbDifference is what a case does not have in common with what was recorded.
type tbDifference string

func (b *tinybase) differ(format string, args ...any) {
	panic(tbDifference(fmt.Sprintf(format, args...)))
}

// compareResult compares what a method returned. Lists of ids have no order, except sorted ones; JSON texts are compared by
// content.
func (b *tinybase) compareResult(op string, got, want any) {
	if b.better != "" {
		return
	}
	a, w := show(got), show(want)
	switch {
	case strings.HasSuffix(op, "Ids") && op != "getSortedRowIds":
		a, w = showSet(got), showSet(want)
	case strings.HasSuffix(op, "SchemaJson"):
		a, w = show(normalSchema(parseJS([]byte(got.(string))))), show(normalSchema(parseJS([]byte(want.(string)))))
	case strings.HasSuffix(op, "Json"):
		a, w = show(parseJS([]byte(got.(string)))), show(parseJS([]byte(want.(string))))
	case op == "getSortedRowIds" && a != w:
		// Ties and cells of several types: TinyBase's order is that of the engine, ours is total.
		x, y := got.([]any), want.([]any)
		if len(x) == len(y) {
			b.anyOrder = true
			return
		}
	case strings.HasPrefix(op, "has") && got == false && want == true && len(b.hooks) > 0:
		b.phantom = true // a row that a callback has blocked
		return
	}
	if a != w && op == "addRow" && b.gaveBack {
		b.better = "a transaction that is taken back uses up no row id"
		return
	}
	if a != w {
		b.differ("%s returns %s instead of %s", op, a, w)
	}
}

func showSet(v any) string {
	list, ok := v.([]any)
	if !ok {
		return show(v)
	}
	texts := make([]string, len(list))
	for i, x := range list {
		texts[i] = show(x)
	}
	slices.Sort(texts)
	return strings.Join(texts, "\n")
}

func playCase(t *testing.T, c *object) (literal bool) {
	b := newTinybase()
	expect := c.at["expect"].(*object)
	list := func(key string) []any {
		l, _ := c.at[key].([]any)
		return l
	}
	play := func(steps []any, at func(int)) {
		defer func() {
			if r := recover(); r != nil {
				if d, ok := r.(tbDifference); ok {
					t.Fatalf("step %d: %s", b.step, d)
				}
				panic(r)
			}
		}()
		for i := 0; i < len(steps); {
			if x := catch(func() { i = b.runFrom(steps, i, at) }); x != nil {
				t.Fatalf("step %d: threw %q", b.step, x)
			}
		}
	}
	play(list("setup"), nil)
	b.useMiddleware(list("middleware"))
	for _, l := range list("listeners") {
		b.addListener(l.(*object))
	}
	b.log = nil
	play(list("steps"), func(i int) { b.step = i })
	if b.better != "" {
		t.Logf("on purpose: %s", b.better)
		require.Empty(t, b.schema.Misfits(b.store.Snapshot()))
		store.CheckInvariants(t, b.store.Snapshot())
		return false
	}
	want, phantom := withoutEmpties(expect.at["tables"].(*object))
	require.Equal(t, show(want), show(tablesOf(b.store.Snapshot())), "tables")
	require.Equal(t, show(expect.at["values"]), show(valuesOf(b.store.Snapshot())), "values")
	content, err := store.ParseContent([]byte(expect.at["json"].(string)), store.TinyBaseForm)
	require.NoError(t, err)
	require.Empty(t, store.Diff(content, b.store.Snapshot()).String(), "JSON")
	if s, ok := expect.at["schemaJson"].(string); ok {
		require.Equal(t, show(normalSchema(parseJS([]byte(s)))), show(normalSchema(b.schemaJSON())), "schema")
	}
	wantLog, _ := expect.at["log"].([]any)
	got, wanted := showSet(b.log), showSet(wantLog)
	phantom = phantom || b.phantom
	if got != wanted && (phantom || b.hadSchema) {
		// What TinyBase reports as invalid under a schema, and that a row was there which was not.
		got, wanted = showSet(b.without(b.log, phantom)), showSet(b.without(wantLog, phantom))
	}
	require.Equal(t, wanted, got, "events")
	return show(b.log) == show(wantLog)
}

// without leaves out events that need not be equal.
func (b *tinybase) without(log []any, phantom bool) (out []any) {
	kinds := map[string]string{}
	for _, l := range b.listeners {
		kinds[l.name] = l.kind
	}
	for _, e := range log {
		kind := kinds[e.(*object).at["event"].(string)]
		if strings.HasPrefix(kind, "Invalid") || phantom && strings.HasPrefix(kind, "Has") {
			continue
		}
		out = append(out, e)
	}
	return out
}

// withoutEmpties leaves out rows and tables that have nothing in them.
func withoutEmpties(o *object) (out *object, found bool) {
	out = newObject()
	for _, table := range o.keys {
		for _, row := range o.at[table].(*object).keys {
			if cells := o.at[table].(*object).at[row].(*object); len(cells.keys) > 0 {
				out.under(table).set(row, cells)
			} else {
				found = true
			}
		}
		found = found || len(o.at[table].(*object).keys) == 0
	}
	return out, found
}
