package hub_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/hub"
	"github.com/rowloom/rowloom/hub/roomdb"
	"github.com/rowloom/rowloom/store"
)

// unbound is a family whose documents cannot be bound.
type unbound struct{ hub.Family }

func (u unbound) Name() string { return "unbound" }

func (u unbound) Open(h hub.Host) (hub.Document, error) {
	d, err := u.Family.Open(h)
	return unboundDocument{d}, err
}

type unboundDocument struct{ hub.Document }

func (unboundDocument) Bind(context.Context, *store.Store) error { return errors.New("not today") }

// The document that was bound before has what the first one has, but that is not stored without the third.
func TestLoad_OfARoomThatFailsStoresNothing(t *testing.T) {
	dir := t.TempDir()
	o := &hub.Options{Families: []hub.Family{hub.Plain()}}
	s := serve(t, dir, o)
	s.ok("PUT", "/api/rooms/r/values/v", "1")
	s.end()
	o.Families = []hub.Family{hub.Plain(), hub.Yjs(), unbound{hub.Yjs()}}
	s = serve(t, dir, o)
	problem(t, s.get("/api/rooms/r"), 503)
	s.end()

	withLog(t, dir, "r", func(log *roomdb.Log) { require.EqualValues(t, 1, log.Last()) })
}
