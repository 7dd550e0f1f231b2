package store

import "github.com/stretchr/testify/require"

// StartSnapshot is the first half of Snapshot, and finish the second.
func StartSnapshot(s *Store) (finish func() *Snapshot) {
	s.taking.Add(1)
	now := s.now.Load()
	return func() *Snapshot {
		defer s.taking.Add(-1)
		return now.take()
	}
}

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
