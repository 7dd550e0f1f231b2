package amchange

import (
	"errors"
	"fmt"
)

// ErrUnsupported is wrapped by errors about data that is well formed as far as one can see, but of a kind that this package
// or the engine behind it cannot read: bundle chunks, sync messages of version 2, unknown columns and actions.
var ErrUnsupported = errors.New("unsupported")

// ErrTooLarge is wrapped by errors about data that exceeds the Limits.
var ErrTooLarge = errors.New("too large")

// ErrDocumentChunk is wrapped by errors about a document chunk where only changes are allowed.
var ErrDocumentChunk = errors.New("document chunk where only changes are allowed")

// MissingError says that a change cannot be applied yet: the document lacks some of its dependencies.
type MissingError struct {
	Change Hash
	Deps   []Hash // the missing ones
}

func (e *MissingError) Error() string {
	return fmt.Sprintf("amchange: change %s waits for %d missing dependencies, the first is %s", short(e.Change), len(e.Deps), short(e.Deps[0]))
}

// short is the beginning of a hash, for error texts.
func short(h Hash) string { return h.String()[:12] }
