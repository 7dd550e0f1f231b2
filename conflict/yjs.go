package conflict

import (
	"context"
	"errors"

	"github.com/rowloom/rowloom/adapters/yjs"
	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/persist"
)

// Yjs returns the engine of Yjs documents. The id of a replica is its client id.
func Yjs() Engine {
	return Engine{Name: "yjs", Rule: yjs.Rule, Deletion: onlySeen, New: func(id uint64) (Replica, error) {
		doc := ycrdt.New(&ycrdt.Options{ClientID: id})
		s := store.New()
		r := &yjsReplica{doc: doc, bound: bound{s, yjs.Bind(s, doc, nil)}}
		return r, r.start()
	}}
}

type yjsReplica struct {
	bound
	doc *ycrdt.Doc
}

func (r *yjsReplica) State() ([]byte, error)   { return r.doc.EncodeStateAsUpdate(nil) }
func (r *yjsReplica) Merge(state []byte) error { return r.doc.Apply(state, "merge") }

// bound is a Store with the Persister that binds it.
type bound struct {
	store     *store.Store
	persister *persist.Persister
}

func (b bound) start() error {
	ctx := context.Background()
	return errors.Join(b.persister.StartAutoLoad(ctx), b.persister.StartAutoSave(ctx))
}

// Store returns the Store.
func (b bound) Store() *store.Store { return b.store }

// Close ends the binding.
func (b bound) Close() error { return b.persister.Close(context.Background()) }
