//go:build !cgo

package hub_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/hub/roomdb"
)

func TestWithoutAnEngine_TheHubSaysWhatIsMissing(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "r", roomdb.Record{Family: "automerge", Data: []byte("whatever")})
	s := serve(t, dir, nil)
	require.Contains(t, problem(t, s.get("/automerge"), 501).Detail, "cgo")
	require.Contains(t, problem(t, s.get("/api/rooms/r"), 503).Detail, "cgo")
	s.ok("PUT", "/api/rooms/other/values/v", "1")
}
