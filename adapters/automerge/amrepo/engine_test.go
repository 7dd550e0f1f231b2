//go:build cgo

package amrepo_test

import "github.com/automerge/automerge-go"

func init() {
	takeApart = func(chunk []byte) ([][]byte, error) {
		doc, err := automerge.Load(chunk)
		if err != nil {
			return nil, err
		}
		changes, err := doc.Changes()
		var out [][]byte
		for _, c := range changes {
			out = append(out, c.Save())
		}
		return out, err
	}
}
