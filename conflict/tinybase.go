package conflict

import (
	"strconv"
	"time"

	"github.com/rowloom/rowloom/internal/jsjson"
	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/mergeable"
)

// TinyBase returns the engine of TinyBase's MergeableStore. The id of a replica is its unique id; the clocks of all replicas
// show the same millisecond, so that only the order of a replica's own writes and the ids decide.
func TinyBase() Engine {
	const rule = "the later stamp stays: by time, then by the number of writes in it, then by the hash of the store's id"
	return Engine{Name: "tinybase", Rule: rule, New: func(id uint64) (Replica, error) {
		name := strconv.FormatUint(id, 10)
		now := time.UnixMilli(1_700_000_000_000)
		s := store.New()
		m, err := mergeable.New(s, &mergeable.Options{UniqueID: &name, Now: func() time.Time { return now }})
		if err != nil {
			return nil, err
		}
		return &tinyBaseReplica{s, m}, nil
	}}
}

type tinyBaseReplica struct {
	store *store.Store
	m     *mergeable.Store
}

func (r *tinyBaseReplica) Store() *store.Store    { return r.store }
func (r *tinyBaseReplica) State() ([]byte, error) { return r.m.AppendContent(nil), nil }

func (r *tinyBaseReplica) Merge(state []byte) error {
	c, err := mergeable.ReadChanges(jsjson.NewReader(state, nil), mergeable.ContentShape, mergeable.Encoded)
	if err != nil {
		return err
	}
	_, err = r.m.Apply("merge", c)
	return err
}

func (r *tinyBaseReplica) Close() error {
	r.m.Close()
	return nil
}
