package amchange

import (
	"fmt"
	"strconv"
	"strings"
)

// Action is what an operation does.
type Action uint8

// The actions, with Automerge's numbers.
const (
	MakeMap Action = iota
	Set
	MakeList
	Delete
	MakeText
	Increment
	MakeTable
	Mark
)

var actionNames = [...]string{"makeMap", "set", "makeList", "del", "makeText", "inc", "makeTable", "mark"}

func (a Action) String() string {
	if int(a) < len(actionNames) {
		return actionNames[a]
	}
	return "action " + strconv.Itoa(int(a))
}

// object returns the kind of object that the action makes.
func (a Action) object() (Kind, bool) {
	switch a {
	case MakeMap:
		return Map, true
	case MakeList:
		return List, true
	case MakeText:
		return Text, true
	case MakeTable:
		return Table, true
	}
	return 0, false
}

// Op is one operation of a change.
type Op struct {
	ID  OpID // given by the change and the position
	Obj OpID // the object it works in; zero is the root map

	// Key is the place in a map or table.
	Key string
	// InSequence says that the place is an element of a list or text instead: Elem, or the head when Elem is zero.
	InSequence bool
	Elem       OpID
	// Insert makes a new element behind Elem, rather than changing Elem.
	Insert bool

	Action Action
	Value  Value // of Set, Increment and Mark; else null

	// Preds are the operations at the same place that this one replaces, in ascending order.
	Preds []OpID

	// Expand and Name belong to marks. An end of a mark has no name.
	Expand bool
	Name   string
	Named  bool
}

// String returns the operation for reading, for example: 3@aa set 2@aa/"price" = 5 over 1@bb.
func (o Op) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s", o.ID, o.Action, o.Obj)
	switch {
	case !o.InSequence:
		fmt.Fprintf(&b, "/%q", o.Key)
	case o.Insert:
		fmt.Fprintf(&b, "/after %s", elemName(o.Elem))
	default:
		fmt.Fprintf(&b, "/%s", elemName(o.Elem))
	}
	switch {
	case o.Action == Set:
		fmt.Fprintf(&b, " = %s", o.Value)
	case o.Action == Increment:
		fmt.Fprintf(&b, " by %s", o.Value)
	case o.Action == Mark && o.Named:
		fmt.Fprintf(&b, " %q = %s", o.Name, o.Value)
	}
	if o.Expand {
		b.WriteString(" expand")
	}
	for i, p := range o.Preds {
		if i == 0 {
			b.WriteString(" over")
		}
		b.WriteString(" " + p.String())
	}
	return b.String()
}

func elemName(id OpID) string {
	if id.IsZero() {
		return "head"
	}
	return id.String()
}

// rawOp is an operation as its change holds it: actors are positions in the change's own list, counter 0 is nobody.
type rawOp struct {
	obj    rawID
	key    string
	inSeq  bool
	elem   rawID
	insert bool
	action Action
	value  Value
	preds  []rawID // valid until the next operation is read
	expand bool
	name   string
	named  bool
}

type rawID struct {
	counter uint64
	actor   uint64
}
