package store_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rowloom/rowloom/store"
)

func TestContent_SurvivesJSONInBothForms(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, m := store.New(), newModel()
		require.NoError(t, s.Update(func(tx *store.Tx) error {
			for range rapid.IntRange(0, 10).Draw(t, "steps") {
				step(t, tx, m)
			}
			return nil
		}))
		for _, f := range []store.Form{store.TinyBaseForm, store.NativeForm} {
			text := store.AppendContent(nil, s.Snapshot(), f)
			require.True(t, json.Valid(text))
			var streamed bytes.Buffer
			require.NoError(t, store.WriteContent(&streamed, s.Snapshot(), f))
			require.Equal(t, string(text), streamed.String())
			var viaReader store.Reader = struct{ store.Reader }{s.Snapshot()}
			require.Equal(t, string(text), string(store.AppendContent(nil, viaReader, f)))
			back, err := store.ParseContent(text, f)
			require.NoError(t, err)
			m.equal(t, back)
			back, err = store.ReadContent(iotest.OneByteReader(bytes.NewReader(text)), f, nil)
			require.NoError(t, err)
			m.equal(t, back)
			back, err = store.ReadContent(bytes.NewReader(text), f, nil)
			require.NoError(t, err)
			m.equal(t, back)
			store.CheckInvariants(t, back)
		}
	})
}

func TestContent_IsReadAsJavaScriptReadsIt(t *testing.T) {
	for text, want := range map[string]string{
		`{"t":{"r":{"c":1}}}`: "+ t/r/c 1\n",
		` [ {"t" : {"r":{"c":1 , "d":null}}} , {"v":true} ] `:                                 "+ t/r/c 1\n+ t/r/d null\n+ :v true\n",
		`[{"t":{"r":{"a":1},"r":{"b":2}},"u":{"x":{"y":1}},"u":{"z":{"y":2}}},{"v":1,"v":2}]`: "+ t/r/b 2\n+ u/z/y 2\n+ :v 2\n",
		`[{"t":{},"u":{"r":{}}},{}]`:                                                          "",
		`[{"t":{"r":{"o":{"a":[1, 2]},"p":"\uFFFD{\"a\":1}"}}}]`:                              "+ t/r/o {\"a\":[1,2]}\n+ t/r/p {\"a\":1}\n",
	} {
		for _, read := range readers(store.TinyBaseForm) {
			got, err := read(text)
			require.NoError(t, err, text)
			require.Equal(t, want, store.Diff(nil, got).String(), text)
		}
	}
}

func readers(f store.Form) []func(string) (*store.Snapshot, error) {
	return []func(string) (*store.Snapshot, error){
		func(s string) (*store.Snapshot, error) { return store.ParseContent([]byte(s), f) },
		func(s string) (*store.Snapshot, error) { return store.ReadContent(strings.NewReader(s), f, nil) },
		func(s string) (*store.Snapshot, error) {
			return store.ReadContent(iotest.OneByteReader(strings.NewReader(s)), f, nil)
		},
	}
}

func TestContent_SaysWhatIsWrongAndWhere(t *testing.T) {
	for text, why := range map[string]string{
		``:                          "",
		`[`:                         "",
		`[{"t":{"r":{"c":1}}},{}`:   "",
		`[{"t":{"r":{"c":1}}},{}]x`: "byte 24",
		`[{"t":{"r":{"c":1,}}},{}]`: "JSON of t/r, byte 18",
		`[{"t":{"r":{"c":"` + "\uFFFC" + `"}}},{}]`:  "store: JSON of t/r, byte 21: store: set t/r/c: the string U+FFFC is reserved",
		`[{"t":{"r":{"c":"` + "\uFFFD" + `x"}}},{}]`: "JSON of t/r",
		`[{"t":{"r":{"c":1e999}}},{}]`:               "not finite",
		`[{"t":{"r":1}},{}]`:                         "JSON of t/r, byte 11",
		`[{"t":[]},{}]`:                              "JSON of t",
		`[{},{"v":nope}]`:                            "JSON of :v",
		`[{},{},{}]`:                                 "",
		`"hello"`:                                    "",
		"[{\"t\":{\"r\":{\"c\":\"\xff\"}}}]":         "JSON of t/r",
	} {
		for i, read := range readers(store.TinyBaseForm) {
			_, err := read(text)
			var at *store.ContentError
			require.ErrorAs(t, err, &at, "%d %s", i, text)
			require.ErrorContains(t, err, why)
		}
	}
	for _, read := range readers(store.NativeForm) {
		_, err := read(`{"tables":{},"other":1}`)
		require.ErrorContains(t, err, `the key "other"`)
	}
	_, err := store.ReadContent(strings.NewReader(`[{"t":{"r":{"c":"`+strings.Repeat("x", 1000)+`"}}},{}]`), store.TinyBaseForm, &store.ReadOptions{MaxRow: 500})
	require.ErrorContains(t, err, "a value of more than 500 bytes")
}

func TestChanges_SurviveJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, m := store.New(), newModel()
		write := func() {
			require.NoError(t, s.Update(func(tx *store.Tx) error {
				for range rapid.IntRange(0, 8).Draw(t, "steps") {
					step(t, tx, m)
				}
				return nil
			}))
		}
		write()
		before := s.Snapshot()
		write()
		c := store.Diff(before, s.Snapshot())
		text, err := json.Marshal(c)
		require.NoError(t, err)
		var back store.Changes
		require.NoError(t, json.Unmarshal(text, &back))
		require.Equal(t, c.String(), back.String())
		require.Equal(t, len(c.Cells), len(back.Cells))

		// TinyBase's form knows only what is new, which is enough to follow.
		other := store.New()
		require.NoError(t, other.Update(func(tx *store.Tx) error { return tx.ReplaceIn(store.Path{}, before) }))
		text = c.AppendTinyBase(nil, s.Snapshot())
		require.True(t, json.Valid(text))
		require.NoError(t, other.Update(func(tx *store.Tx) error { return tx.ApplyTinyBase(text) }))
		m.equal(t, other.Snapshot())
	})
}

func TestApplyTinyBase_ChangesEverythingOrNothing(t *testing.T) {
	s := store.New()
	set(t, s, "t", "r", "c", store.Of(1))
	require.NoError(t, s.Update(func(tx *store.Tx) error {
		for text, why := range map[string]string{
			`[{"t":{"r":{"c":2,"d":1e999}}},{},1]`: "not finite",
			`[{"t":"gone"},{},1]`:                  "a string where an object or U+FFFC was expected",
			`[{"t":{"r":{"c":2}}},{},2]`:           "a third element other than 1",
			`[{"t":{"r":{"c":2}}},{"v":1},1`:       "ends",
		} {
			require.ErrorContains(t, tx.ApplyTinyBase([]byte(text)), why)
			require.Equal(t, store.Of(1), tx.Cell("t", "r", "c"))
		}
		return tx.ApplyTinyBase([]byte("[{\"t\":{\"r\":{\"c\":\"\uFFFC\",\"d\":\"\uFFFD[]\"}},\"u\":\"\uFFFC\"},{\"v\":\"\uFFFC\"},1]"))
	}))
	require.Equal(t, "+ t/r/d []\n", store.Diff(nil, s.Snapshot()).String())
}

func FuzzContent(f *testing.F) {
	f.Add([]byte(`[{"t":{"r":{"c":1,"o":"` + "\uFFFD" + `{\"a\":1}"}}},{"v":null}]`))
	f.Add([]byte(`{"t":{"r":{"c":[1,{"a":"\ud800"}]}}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		a, errA := store.ParseContent(text, store.TinyBaseForm)
		b, errB := store.ReadContent(bytes.NewReader(text), store.TinyBaseForm, nil)
		require.Equal(t, errA == nil, errB == nil, "%v / %v", errA, errB)
		if errA != nil {
			return
		}
		require.True(t, store.Diff(a, b).IsEmpty())
		again, err := store.ParseContent(store.AppendContent(nil, a, store.TinyBaseForm), store.TinyBaseForm)
		require.NoError(t, err)
		require.True(t, store.Diff(a, again).IsEmpty())
	})
}

func FuzzChanges(f *testing.F) {
	f.Add([]byte(`{"cells":[["pets","fido","price",3,5],["pets","fido","tags","` + "\uFFFC" + `","` + "\uFFFD" + `[1]"]],"values":[["open",null,true]]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var c, again store.Changes
		if json.Unmarshal(text, &c) != nil {
			return
		}
		out, err := json.Marshal(c)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(out, &again))
		require.Equal(t, c, again)
	})
}

func FuzzApplyTinyBase(f *testing.F) {
	f.Add([]byte(`[{"t":{"r":{"c":1,"d":"` + "\uFFFC" + `"},"s":"` + "\uFFFC" + `"}},{"v":"` + "\uFFFD" + `{}"},1]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		s := store.New()
		set(t, s, "t", "r", "d", store.Of(1))
		before := s.Snapshot()
		require.NoError(t, s.Update(func(tx *store.Tx) error {
			if tx.ApplyTinyBase(text) != nil {
				require.True(t, store.Diff(before, tx.Snapshot()).IsEmpty(), "everything or nothing")
			}
			return nil
		}))
		store.CheckInvariants(t, s.Snapshot())
	})
}

func FuzzSchema(f *testing.F) {
	f.Add([]byte(petsSchema))
	f.Add([]byte(`[{"t":{"c":{"type":["string","array"],"default":[1],"required":true}}},{},{"tables":true,"open":["t"]}]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var s, again store.Schema
		if json.Unmarshal(text, &s) != nil {
			return
		}
		out, err := json.Marshal(s)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(out, &again), "%s", out)
		second, err := json.Marshal(again)
		require.NoError(t, err)
		require.Equal(t, string(out), string(second))
	})
}
