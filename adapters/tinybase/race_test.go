//go:build race

package tinybase_test

const raceEnabled = true
