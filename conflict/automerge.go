package conflict

import (
	"encoding/binary"
	"time"

	"github.com/rowloom/rowloom/adapters/automerge"
	"github.com/rowloom/rowloom/adapters/automerge/amchange"
	"github.com/rowloom/rowloom/store"
)

// Automerge returns the engine of Automerge documents. The actor of a replica is 16 bytes that begin with its id. ok is false
// in a program that was built without cgo.
func Automerge() (e Engine, ok bool) {
	const rule = "the greater operation id stays: the one that came after more operations, then the greater actor"
	e = Engine{Name: "automerge", Rule: rule, Deletion: onlySeen, New: func(id uint64) (Replica, error) {
		actor := binary.BigEndian.AppendUint64(nil, id<<32)
		doc, err := automerge.New(&automerge.DocOptions{
			Actor: amchange.Actor(append(actor, make([]byte, 8)...)),
			Now:   func() time.Time { return time.Time{} },
		})
		if err != nil {
			return nil, err
		}
		s := store.New()
		r := &automergeReplica{doc: doc, bound: bound{s, automerge.Bind(s, doc, nil)}}
		return r, r.start()
	}}
	r, err := e.New(1)
	if err != nil {
		return e, false
	}
	return e, r.Close() == nil
}

type automergeReplica struct {
	bound
	doc *automerge.Doc
}

func (r *automergeReplica) State() ([]byte, error) { return r.doc.SaveSince() }

func (r *automergeReplica) Merge(state []byte) error { return r.doc.Apply("merge", state) }
