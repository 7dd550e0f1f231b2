package amchange

import (
	"errors"
	"math"
)

// Columns of a change hold one value per operation, run-length encoded. A run is a signed number n and then: n > 0, one value
// that stands n times; n < 0, -n different values; n = 0, an unsigned number of nulls. What is beyond the end is null.
//
// Whether the runs are the ones an encoder would have chosen is not checked here: Parse writes the columns again and compares.

type runs struct {
	reader
	left    uint64 // values left in the current run
	literal bool
	null    bool
}

// step moves to the next value and reports whether a new one has to be read, or the last one stands, or it is null.
func (c *runs) step() (fresh, null bool, err error) {
	if c.left == 0 {
		if c.done() {
			return false, true, nil
		}
		n, err := c.sleb()
		if err != nil {
			return false, false, err
		}
		switch {
		case n > 0:
			c.left, c.literal, c.null, fresh = uint64(n), false, false, true
		case n == math.MinInt64:
			return false, false, errRange
		case n < 0:
			c.left, c.literal, c.null = uint64(-n), true, false
		default:
			nulls, err := c.uleb()
			if err != nil {
				return false, false, err
			}
			if nulls == 0 {
				return false, false, errors.New("empty run")
			}
			c.left, c.literal, c.null = nulls, false, true
		}
	}
	c.left--
	return fresh || c.literal, c.null, nil
}

func (c *runs) ended() bool { return c.left == 0 && c.done() }

type uintColumn struct {
	runs
	value uint64
}

func (c *uintColumn) next() (v uint64, ok bool, err error) {
	fresh, null, err := c.step()
	if err != nil || null {
		return 0, false, err
	}
	if fresh {
		if c.value, err = c.uleb(); err != nil {
			return 0, false, err
		}
	}
	return c.value, true, nil
}

type stringColumn struct {
	runs
	value string
}

func (c *stringColumn) next() (v string, ok bool, err error) {
	fresh, null, err := c.step()
	if err != nil || null {
		return "", false, err
	}
	if fresh {
		if c.value, err = c.prefixed(); err != nil {
			return "", false, err
		}
	}
	return c.value, true, nil
}

// deltaColumn holds the differences between successive numbers. Its numbers are counters: 0 to 2^32-1.
type deltaColumn struct {
	runs
	delta, value int64
}

func (c *deltaColumn) next() (v uint64, ok bool, err error) {
	fresh, null, err := c.step()
	if err != nil || null {
		return 0, false, err
	}
	if fresh {
		if c.delta, err = c.sleb(); err != nil {
			return 0, false, err
		}
		if c.delta > maxCounter || c.delta < -maxCounter {
			return 0, false, errRange
		}
	}
	c.value += c.delta
	if c.value < 0 || c.value > maxCounter {
		return 0, false, errRange
	}
	return uint64(c.value), true, nil
}

// boolColumn holds the lengths of alternating runs of false and true, beginning with false.
type boolColumn struct {
	reader
	left    uint64
	value   bool
	started bool
}

func (c *boolColumn) next() (bool, error) {
	for c.left == 0 {
		if c.done() {
			return false, nil
		}
		n, err := c.uleb()
		if err != nil {
			return false, err
		}
		if n == 0 && c.started {
			return false, errors.New("empty run")
		}
		if c.started {
			c.value = !c.value
		}
		c.left, c.started = n, true
	}
	c.left--
	return c.value, nil
}
