//go:build race

package yjs_test

// simulations is the number of schedules in a test run: the race detector makes each about ten times as slow.
const simulations = 1_000
