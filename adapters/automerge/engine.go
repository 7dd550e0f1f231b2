package automerge

import (
	"errors"

	"github.com/rowloom/rowloom/adapters/automerge/amchange"
)

// ErrNoEngine is returned where an engine is needed in a program that was built without cgo.
var ErrNoEngine = errors.New("automerge: this program was built without cgo, so it has no Automerge engine; build it with CGO_ENABLED=1 and a C compiler")

// engine is what a Doc needs of an implementation of Automerge beyond its index: merging is checked there, and saving and the
// sync protocol are done here. It is used under the Doc's lock, and given only what the index has accepted.
type engine interface {
	// apply takes change chunks, one behind the other, in causal order.
	apply(chunks []byte) error
	// load takes a document chunk from own storage into the document, empty or not.
	load(chunk []byte) error
	heads() ([]amchange.Hash, error)
	// changes returns the chunks of all changes that are not in the history of since, in causal order.
	changes(since []amchange.Hash) ([][]byte, error)
	save() ([]byte, error)
	// newSync begins a conversation, or continues it from what the state's save has returned.
	newSync(saved []byte) (engineSync, error)
	close() error
}

// engineSync is the state of a conversation with one peer.
type engineSync interface {
	// generate returns the next message, or nil.
	generate() ([]byte, error)
	receive(msg []byte) error
	save() ([]byte, error)
}
