package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWalkthrough_EndsWithBothStoresEqual(t *testing.T) {
	var out strings.Builder
	require.NoError(t, run(&out))
	end := out.String()[strings.LastIndex(out.String(), "Both set one cell"):]
	store := `    pets/fido/color = "brown"
    pets/fido/legs = 4
    pets/fido/price = 5
    pets/fido/species = "dog"
    :open = true
`
	require.Equal(t, "Both set one cell at the same time: the higher client id wins\n  Store 1:\n"+store+"  Store 2:\n"+store, end)
}
