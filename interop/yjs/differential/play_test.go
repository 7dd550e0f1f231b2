package differential_test

import (
	"errors"
	"fmt"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"
)

// open makes a document with the roots that the oracle's have.
func open(client uint64, gc bool) *ycrdt.Doc {
	d := ycrdt.New(&ycrdt.Options{ClientID: client, DisableGC: !gc})
	_ = d.Update(nil, func(tx *ycrdt.Txn) error {
		tx.Map("m")
		tx.Array("a")
		tx.Text("t")
		tx.XMLFragment("x")
		return nil
	})
	return d
}

// at returns the type at a path: root name, then map keys and list indexes.
func at(r interface{ Root(string) ycrdt.Shared }, path []lib0.Any) (s ycrdt.Shared, err error) {
	s = r.Root(path[0].Str())
	for _, step := range path[1:] {
		var v ycrdt.Value
		index := int(step.Number())
		switch s.Kind() {
		case ycrdt.KindMap, ycrdt.KindXMLHook:
			v, _ = s.Map().Get(step.Str())
		case ycrdt.KindArray:
			for i, e := range s.Array().All() {
				if i == index {
					v = e
				}
			}
		case ycrdt.KindXMLElement, ycrdt.KindXMLFragment:
			for i, e := range s.XML().Children() {
				if i == index {
					v = e
				}
			}
		}
		if s = v.Shared(); !v.IsShared() {
			return s, fmt.Errorf("there is no shared type at %v of %v", step, path)
		}
	}
	return s, nil
}

// perform does one operation of the oracle.
func perform(tx *ycrdt.Txn, op []lib0.Any) error {
	s, err := at(tx, op[1].List())
	if err != nil {
		return err
	}
	name, args := op[0].Str(), op[2:]
	num := func(i int) int { return int(args[i].Number()) }
	fields := func(i int) []lib0.Field { return unmark(args[i]).Fields() }
	switch s.Kind() {
	case ycrdt.KindMap, ycrdt.KindXMLHook:
		switch name {
		case "set":
			return s.Map().Set(args[0].Str(), wanted(args[1]))
		case "mdel":
			return s.Map().Delete(args[0].Str())
		case "clear":
			return s.Map().Clear()
		}
	case ycrdt.KindArray:
		switch name {
		case "ins":
			return s.Array().Insert(num(0), wantedList(args[1])...)
		case "push":
			return s.Array().Push(wantedList(args[0])...)
		case "del":
			return s.Array().Delete(num(0), num(1))
		}
	case ycrdt.KindText, ycrdt.KindXMLText:
		switch name {
		case "tins":
			if args[2].Kind() == lib0.Null {
				return s.Text().Insert(num(0), args[1].Str())
			}
			return s.Text().InsertWith(num(0), args[1].Str(), fields(2)...)
		case "del":
			return s.Text().Delete(num(0), num(1))
		case "fmt":
			return s.Text().Format(num(0), num(1), fields(2)...)
		case "embed":
			return s.Text().InsertEmbed(num(0), wanted(args[1]), fields(2)...)
		}
	case ycrdt.KindXMLElement, ycrdt.KindXMLFragment:
		switch name {
		case "ins":
			return s.XML().Insert(num(0), wantedList(args[1])...)
		case "del":
			return s.XML().Delete(num(0), num(1))
		case "attr":
			return s.XML().SetAttribute(args[0].Str(), wanted(args[1]))
		case "rattr":
			return s.XML().RemoveAttribute(args[0].Str())
		}
	}
	return errors.New("no operation " + name)
}
