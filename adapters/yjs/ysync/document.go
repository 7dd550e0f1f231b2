package ysync

import "github.com/rowloom/rowloom/adapters/yjs/ycrdt"

// Document is what a [Room] needs of a Yjs document. All byte strings are in format V1. Its methods may be called by any goroutine.
type Document interface {
	// StateVector returns the encoded state vector.
	StateVector() []byte
	// EncodeStateAsUpdate returns what somebody with that state vector lacks, and all deletions. Nil stands for one who has nothing.
	EncodeStateAsUpdate(stateVector []byte) ([]byte, error)
	// Apply brings in an update, whole or not at all. Whatever is written because of it is reported with this origin.
	Apply(update []byte, origin any) error
	// OnUpdate calls fn after every change with what changed and whose change it was, until stop is called. It may be called by several goroutines.
	OnUpdate(fn func(update []byte, origin any)) (stop func())
}

// Of returns a document of the engine as a Document.
func Of(doc *ycrdt.Doc) Document { return engineDoc{doc} }

type engineDoc struct{ *ycrdt.Doc }

func (d engineDoc) OnUpdate(fn func(update []byte, origin any)) (stop func()) {
	sub := d.Doc.OnUpdate(func(e ycrdt.UpdateEvent) { fn(e.Update, e.Origin) })
	return sub.Close
}
