package store_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/store"
)

const petsSchema = `[{"pets":{"color":{"enum":["brown","black"],"default":"brown"},"legs":{"type":["number","string"],"allowNull":true},"species":{"type":"string","required":true}}},{"open":{"type":"boolean","default":false}}]`

func schemaOf(t testing.TB, text string) (s store.Schema) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(text), &s))
	return s
}

func TestSchema_HasTinyBasesJSON(t *testing.T) {
	for _, text := range []string{petsSchema, `[{},{}]`, `[{"t":{"o":{"type":"object","default":{"a":1}},"n":{"type":"number","allowNull":true,"required":true}}},{}]`} {
		s := schemaOf(t, text)
		again, err := json.Marshal(s)
		require.NoError(t, err)
		require.JSONEq(t, text, string(again))
	}
	open := schemaOf(t, `[{"t":{"c":{"type":"string"}}},{},{"tables":true,"open":["t"]}]`)
	require.True(t, open.OpenTables)
	require.True(t, open.Tables["t"].Open)
	for text, why := range map[string]string{
		`{"t":{"c":{"type":"date"}}}`:                  "the type date is unknown",
		`{"t":{"c":{"type":"string","enum":["a"]}}}`:   "either types or an enum",
		`{"t":{"c":{}}}`:                               "either types or an enum",
		`{"t":{"c":{"type":"string","default":1}}}`:    "the default 1 is not string",
		`{"t":{"c":{"type":"string","default":null}}}`: "the default null is not string",
		`{"t":{"c":{"type":"string","max":1}}}`:        `the key "max"`,
		`[{},{"v":{"enum":[{}]}}]`:                     "{} cannot be in an enum",
	} {
		var s store.Schema
		require.ErrorContains(t, json.Unmarshal([]byte(text), &s), why, text)
	}
}

func TestEnforce_ChecksEveryWrite(t *testing.T) {
	s := store.New()
	_, misfits, err := store.Enforce(s, schemaOf(t, petsSchema), nil)
	require.NoError(t, err)
	require.Empty(t, misfits)
	require.Equal(t, store.Of(false), s.Snapshot().Value("open"), "a value has its default at once")
	set(t, s, "pets", "fido", "species", store.Of("dog"))
	require.Equal(t, store.Of("brown"), s.Snapshot().Cell("pets", "fido", "color"))
	before := s.Snapshot()
	for _, c := range []struct {
		write func(tx *store.Tx) error
		why   string
	}{
		{func(tx *store.Tx) error { return tx.SetCell("pets", "fido", "color", store.Of("red")) }, `store: pets/fido/color: "red" where "brown" | "black" was wanted`},
		{func(tx *store.Tx) error { return tx.SetCell("pets", "fido", "legs", store.Of(true)) }, `store: pets/fido/legs: true where number or string or null was wanted`},
		{func(tx *store.Tx) error { return tx.SetCell("pets", "fido", "tail", store.Of(1)) }, `store: pets/fido/tail: 1 where nothing was wanted`},
		{func(tx *store.Tx) error { return tx.SetCell("cars", "vw", "wheels", store.Of(4)) }, `store: cars/vw/wheels: 4 where nothing was wanted`},
		{func(tx *store.Tx) error { return tx.SetCell("pets", "rex", "legs", store.Of(4)) }, `store: pets/rex/species: missing, string is required`},
		{func(tx *store.Tx) error { return tx.DelCell("pets", "fido", "species") }, `store: pets/fido/species: missing, string is required`},
		{func(tx *store.Tx) error { return tx.SetValue("open", store.NullValue()) }, `store: :open: null where boolean was wanted`},
		{func(tx *store.Tx) error { return tx.SetValue("closed", store.Of(true)) }, `store: :closed: true where nothing was wanted`},
	} {
		err := s.Update(c.write)
		require.EqualError(t, err, c.why)
		require.ErrorIs(t, err, store.ErrInvalid)
		require.Same(t, before, s.Snapshot())
	}
	require.NoError(t, s.Update(func(tx *store.Tx) error { return tx.SetCell("pets", "fido", "legs", store.NullValue()) }))
	require.NoError(t, s.Update(func(tx *store.Tx) error { return tx.DelCell("pets", "fido", "color") }))
	require.Equal(t, store.Of("brown"), s.Snapshot().Cell("pets", "fido", "color"), "a deleted cell goes back to its default")
	require.NoError(t, s.Update(func(tx *store.Tx) error { return tx.DelRow("pets", "fido") }))
	require.False(t, s.Snapshot().HasTable("pets"))
}

func TestEnforce_DoesWhatThePolicySaysAboutExistingContent(t *testing.T) {
	fill := func() *store.Store {
		s := store.New()
		set(t, s, "pets", "fido", "species", store.Of("dog"))
		set(t, s, "pets", "fido", "tail", store.Of(1))
		set(t, s, "pets", "rex", "color", store.Of("red"))
		set(t, s, "cars", "vw", "wheels", store.Of(4))
		return s
	}
	const found = "[cars/vw/wheels: 4 where nothing was wanted pets/fido/tail: 1 where nothing was wanted " +
		"pets/rex/color: \"red\" where \"brown\" | \"black\" was wanted pets/rex/species: missing, string is required]"
	check := func(misfits []store.Misfit) {
		t.Helper()
		text := "["
		for i, m := range misfits {
			if i > 0 {
				text += " "
			}
			text += m.String()
		}
		require.Equal(t, found, text+"]")
	}
	s := fill()
	before := s.Snapshot()
	_, misfits, err := store.Enforce(s, schemaOf(t, petsSchema), nil)
	check(misfits)
	var refused *store.SchemaError
	require.ErrorAs(t, err, &refused)
	require.Same(t, before, s.Snapshot())
	set(t, s, "cars", "vw", "doors", store.Of(4)) // the schema has not joined

	s = fill()
	e, misfits, err := store.Enforce(s, schemaOf(t, petsSchema), &store.EnforceOptions{Existing: store.Keep})
	require.NoError(t, err)
	check(misfits)
	require.Equal(t, store.Of(4), s.Snapshot().Cell("cars", "vw", "wheels"))
	require.Equal(t, store.Of("brown"), s.Snapshot().Cell("pets", "fido", "color"), "defaults are filled in")
	require.Error(t, s.Update(func(tx *store.Tx) error { return tx.SetCell("cars", "vw", "doors", store.Of(4)) }))
	e.Stop()
	set(t, s, "cars", "vw", "doors", store.Of(4))

	s = fill()
	_, misfits, err = store.Enforce(s, schemaOf(t, petsSchema), &store.EnforceOptions{Existing: store.Drop})
	require.NoError(t, err)
	check(misfits)
	require.Equal(t, "+ pets/fido/color \"brown\"\n+ pets/fido/species \"dog\"\n+ :open false\n", store.Diff(nil, s.Snapshot()).String())
}

func TestEnforce_KeepsWhatAnOpenTableHas(t *testing.T) {
	s := store.New()
	_, _, err := store.Enforce(s, schemaOf(t, `[{"pets":{"n":{"type":"number"}}},{},{"open":["pets"]}]`), nil)
	require.NoError(t, err)
	set(t, s, "pets", "fido", "anything", store.Of("x"))
	require.Error(t, s.Update(func(tx *store.Tx) error { return tx.SetCell("pets", "fido", "n", store.Of("x")) }))
	require.Error(t, s.Update(func(tx *store.Tx) error { return tx.SetCell("cars", "vw", "n", store.Of(1)) }))
}

func TestEnforce_DropsWhatRemotesSendAndSaysSo(t *testing.T) {
	s := store.New()
	var dropped []store.Misfit
	_, _, err := store.Enforce(s, schemaOf(t, petsSchema), &store.EnforceOptions{
		Writes: func(by store.Origin) store.Policy {
			if by == "remote" {
				return store.Drop
			}
			return store.Refuse
		},
		Dropped: func(by store.Origin, list []store.Misfit) { dropped = append(dropped, list...) },
	})
	require.NoError(t, err)
	set(t, s, "pets", "fido", "species", store.Of("dog"))
	require.NoError(t, s.UpdateAs("remote", func(tx *store.Tx) error {
		_ = tx.SetCell("pets", "fido", "color", store.Of("red"))
		_ = tx.SetCell("pets", "fido", "legs", store.Of(4))
		_ = tx.DelCell("pets", "fido", "species")
		_ = tx.SetCell("pets", "rex", "legs", store.Of(3))
		return tx.SetValue("open", store.Of(1))
	}))
	require.Len(t, dropped, 4)
	require.Equal(t, "+ pets/fido/color \"brown\"\n+ pets/fido/legs 4\n+ pets/fido/species \"dog\"\n+ :open false\n", store.Diff(nil, s.Snapshot()).String())
}

func TestMiddleware_ChangesRefusesAndTakesBack(t *testing.T) {
	s := store.New()
	stop := errors.New("no cats")
	calls := 0
	leave := s.Join(&store.Middleware{
		WillSetRow: func(w store.RowWrite) (map[string]store.Value, error) {
			if w.Cells != nil && w.Cells["species"] == store.Of("cat") {
				return nil, stop
			}
			if w.By == "remote" && w.Cells == nil {
				return store.CopyRow(w.Before, w.Table, w.Row), nil // remotes delete no rows
			}
			if w.Cells != nil {
				w.Cells["by"] = store.Of(w.By.(string))
			}
			return w.Cells, nil
		},
		WillSetCell: func(w store.CellWrite) (store.Value, error) {
			calls++
			if w.Cell == "price" && w.New.Number() < 0 {
				return w.Old, nil
			}
			return w.New, nil
		},
		WillSetValue: func(w store.ValueWrite) (store.Value, error) { return store.Of("always"), nil },
	})
	as := func(by string, fn func(tx *store.Tx) error) error { return s.UpdateAs(by, fn) }
	require.NoError(t, as("me", func(tx *store.Tx) error { return tx.SetCell("pets", "fido", "price", store.Of(3)) }))
	require.Equal(t, 2, calls, "price and by, once each")
	require.NoError(t, as("me", func(tx *store.Tx) error { return tx.SetCell("pets", "fido", "price", store.Of(-3)) }))
	require.ErrorIs(t, as("me", func(tx *store.Tx) error { return tx.SetCell("pets", "tom", "species", store.Of("cat")) }), stop)
	require.NoError(t, as("remote", func(tx *store.Tx) error { return tx.DelRow("pets", "fido") }))
	require.NoError(t, as("remote", func(tx *store.Tx) error { return tx.SetValue("v", store.Of(1)) }))
	require.Equal(t, "+ pets/fido/by \"me\"\n+ pets/fido/price 3\n+ :v \"always\"\n", store.Diff(nil, s.Snapshot()).String())
	leave()
	require.NoError(t, as("remote", func(tx *store.Tx) error { return tx.DelRow("pets", "fido") }))
	require.False(t, s.Snapshot().HasTable("pets"))
}
