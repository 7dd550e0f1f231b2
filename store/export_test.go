package store

import "github.com/stretchr/testify/require"

// CheckInvariants fails t when a tree of s breaks a rule.
func CheckInvariants(t require.TestingT, s *Snapshot) {
	require.Empty(t, s.tables.check())
	require.Empty(t, s.values.check())
	for id, table := range s.tables.all() {
		require.NotNil(t, table.root, "table %q is empty", id)
		require.Empty(t, table.check())
		for id, row := range table.all() {
			require.NotNil(t, row.root, "row %q is empty", id)
			require.Empty(t, row.check())
		}
	}
}
