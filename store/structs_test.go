package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/store"
)

type price int

type pet struct {
	Row   string `store:",row"`
	Name  string `store:"name"`
	Price price  `store:"price"`
	Owner *string
	Sold  bool                   `store:"sold,omitempty"`
	Tags  []string               `store:"tags,omitempty"`
	Born  time.Time              `store:"born,omitempty"`
	Any   store.Value            `store:"any"`
	Rest  map[string]store.Value `store:",rest"`
	Note  string                 `store:"-"`
}

func TestRowAs_ReadsWhatSetRowAsWrites(t *testing.T) {
	s := store.New()
	ann := "Ann"
	in := pet{Name: "Fido", Price: 3, Owner: &ann, Tags: []string{"a", "b"}, Born: time.Date(2020, 1, 2, 0, 0, 0, 0, time.UTC),
		Any: store.NullValue(), Rest: map[string]store.Value{"legs": store.Of(4)}, Note: "not written"}
	require.NoError(t, s.Update(func(tx *store.Tx) error {
		_ = tx.SetCell("pets", "fido", "old", store.Of(1))
		return store.SetRowAs(tx, "pets", "fido", in)
	}))
	require.Equal(t, `+ pets/fido/Owner "Ann"
+ pets/fido/any null
+ pets/fido/born "2020-01-02T00:00:00Z"
+ pets/fido/legs 4
+ pets/fido/name "Fido"
+ pets/fido/price 3
+ pets/fido/tags ["a","b"]
`, store.Diff(nil, s.Snapshot()).String())
	out, ok, err := store.RowAs[pet](s.Snapshot(), "pets", "fido")
	require.NoError(t, err)
	require.True(t, ok)
	in.Row, in.Note = "fido", ""
	require.Equal(t, in, out)
	_, ok, err = store.RowAs[pet](s.Snapshot(), "pets", "rex")
	require.NoError(t, err)
	require.False(t, ok)
	require.NoError(t, s.Update(func(tx *store.Tx) error {
		row, err := store.AddRowAs(tx, "pets", pet{Name: "Rex"})
		require.Equal(t, store.Of("Rex"), tx.Cell("pets", row, "name"))
		return err
	}))
	require.NoError(t, s.Update(func(tx *store.Tx) error {
		return store.SetPartialRowAs(tx, "pets", "fido", struct {
			Legs int `store:"legs"`
		}{3})
	}))
	require.Equal(t, store.Of(3), s.Snapshot().Cell("pets", "fido", "legs"))
	require.Equal(t, store.Of("Fido"), s.Snapshot().Cell("pets", "fido", "name"))
}

func TestRowAs_SaysWhatDoesNotFit(t *testing.T) {
	s := store.New()
	set(t, s, "pets", "fido", "name", store.Of("Fido"))
	_, _, err := store.RowAs[pet](s.Snapshot(), "pets", "fido")
	require.EqualError(t, err, "store: pets/fido/price: field Price wants store_test.price, but the cell is missing")
	set(t, s, "pets", "fido", "price", store.Of(3.5))
	_, _, err = store.RowAs[pet](s.Snapshot(), "pets", "fido")
	require.EqualError(t, err, "store: pets/fido/price: field Price wants store_test.price, got number 3.5")
	set(t, s, "pets", "fido", "price", store.Of("3"))
	_, _, err = store.RowAs[pet](s.Snapshot(), "pets", "fido")
	require.EqualError(t, err, `store: pets/fido/price: field Price wants store_test.price, got string "3"`)
	set(t, s, "pets", "fido", "price", store.Of(3))
	set(t, s, "pets", "fido", "tags", store.Of(true))
	_, _, err = store.RowAs[pet](s.Snapshot(), "pets", "fido")
	var field *store.FieldError
	require.ErrorAs(t, err, &field)
	require.Equal(t, "[]string", field.Wanted)
	require.Equal(t, store.Cell("pets", "fido", "tags"), field.Path)

	_, _, err = store.RowAs[int](s.Snapshot(), "pets", "fido")
	require.ErrorContains(t, err, "as a struct, not as int")
	_, err = store.CellsOf(struct {
		A int `store:"x"`
		B int `store:"x"`
	}{})
	require.ErrorContains(t, err, `two fields`)
	err = s.Update(func(tx *store.Tx) error {
		return store.SetRowAs(tx, "pets", "fido", struct{ N int64 }{1<<53 + 1})
	})
	require.ErrorContains(t, err, "store: pets/fido/N: field N wants int64")
	require.ErrorIs(t, err, store.ErrInvalid)
	require.Equal(t, store.Of("Fido"), s.Snapshot().Cell("pets", "fido", "name"))
}
