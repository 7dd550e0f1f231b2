package conflict

import (
	"fmt"

	"github.com/rowloom/rowloom/store"
)

// Engine makes replicas of one kind of document.
type Engine struct {
	Name string // "yjs"
	Rule string // how it decides between values that were set at the same time

	// Deletion is how it decides between a deletion and a value that was set at the same time; "" if by Rule.
	Deletion string

	// New makes a replica with a given id. Ids of replicas that meet are different.
	New func(id uint64) (Replica, error)
}

// String returns the name.
func (e Engine) String() string { return e.Name }

// Replica is a document with the Store that is bound to it.
type Replica interface {
	Store() *store.Store
	// State returns the whole document, and Merge brings in that of another replica.
	State() ([]byte, error)
	Merge(state []byte) error
	Close() error
}

const onlySeen = "a deletion takes away only what its writer had seen"

// Engines lists the engines that this program has: Automerge needs cgo.
func Engines() []Engine {
	out := []Engine{Yjs(), TinyBase()}
	if e, ok := Automerge(); ok {
		out = append(out, e)
	}
	return out
}

// EngineNamed returns the engine with a name.
func EngineNamed(name string) (Engine, error) {
	var names []string
	for _, e := range Engines() {
		if e.Name == name {
			return e, nil
		}
		names = append(names, e.Name)
	}
	return Engine{}, fmt.Errorf("conflict: there is no engine %q here; there are %q", name, names)
}
