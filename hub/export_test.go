//go:build cgo

package hub

import (
	"github.com/rowloom/rowloom/adapters/automerge"
	"github.com/rowloom/rowloom/adapters/automerge/amrepo"
)

// SyncReader returns the server's end of a conversation with a peer that may only read a document.
func SyncReader(d *automerge.Doc) (amrepo.Sync, error) { return readOnly{d}.NewSync(nil) }
