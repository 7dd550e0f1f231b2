// Package serve starts the rowloom binary for tests, as a user would: it builds cmd/rowloom, runs `rowloom serve` on a free port
// of the loopback address, talks to its HTTP addresses, kills it and starts it again.
//
//	s := serve.Start(t, nil)                        // stopped when the test ends
//	s.PutCell("room", "pets", "fido", "legs", 4)    // answered when durable
//	s.Kill()                                        // kill -9
//	s.Restart()                                     // same address, same data
//	require.Equal(t, 4.0, s.Room("room").Tables["pets"]["fido"]["legs"])
//
// With the environment variable ROWLOOM_RACE=1 the binary is built with the race detector, and a race ends it.
package serve
