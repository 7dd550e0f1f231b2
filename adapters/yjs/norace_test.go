//go:build !race

package yjs_test

// simulations is the number of schedules in a test run.
const simulations = 10_000
