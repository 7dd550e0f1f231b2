//go:build !cgo

package automerge_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/automerge"
)

func TestNew_SaysThatTheEngineIsMissing(t *testing.T) {
	_, err := automerge.New(nil)
	require.ErrorIs(t, err, automerge.ErrNoEngine)
	_, err = automerge.Load(nil, nil)
	require.ErrorIs(t, err, automerge.ErrNoEngine)
}
