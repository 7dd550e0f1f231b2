//go:build cgo

package depend

import _ "github.com/automerge/automerge-go"
