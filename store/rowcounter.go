package store

import (
	"slices"
	"strconv"
	"strings"
)

// RowCounter gives TinyBase's row ids: "0", "1" and so on, for each table by itself, passing over those that exist. The ids
// of deleted rows are used again, first those that were deleted first, and at most 1,000 of them for each table; a table
// that is deleted and comes again begins at "0".
//
// Two replicas that count give one id to two different rows, so use it for a Store that stays alone.
type RowCounter struct {
	tables map[string]counter
	tx     *Tx
	now    map[string]counter // of tables in which tx has added rows
}

// counter is the state of one table. It is a value, so that a transaction can be taken back.
type counter struct {
	next int
	pool []string // never written in place
	dels int      // of the transaction, when its deleted rows were taken into the pool
}

const maxPool = 1000

// NewRowCounter returns RowIDs for one Store; see [Options.RowIDs].
func NewRowCounter() *RowCounter { return &RowCounter{tables: map[string]counter{}} }

func (c *RowCounter) begin(tx *Tx) {
	if c.tx != tx {
		c.tx, c.now = tx, map[string]counter{}
	}
}

func (c *RowCounter) counter(tx *Tx, table string) counter {
	c.begin(tx)
	if k, ok := c.now[table]; ok {
		return k
	}
	return c.tables[table]
}

// Next implements [RowIDs].
func (c *RowCounter) Next(tx *Tx, table string) (string, error) {
	k := c.counter(tx, table)
	if k.dels != tx.dels {
		k.dels = tx.dels
		k.free((&Commit{Before: tx.Before(), After: tx.Snapshot()}).RowIDs(table).Removed)
	}
	for len(k.pool) > 0 {
		row := k.pool[0]
		k.pool = k.pool[1:]
		if !tx.HasRow(table, row) {
			c.now[table] = k
			return row, nil
		}
	}
	c.now[table] = k
	return c.NextUnused(tx, table)
}

// NextUnused is Next without the ids of deleted rows.
func (c *RowCounter) NextUnused(tx *Tx, table string) (string, error) {
	k := c.counter(tx, table)
	for tx.HasRow(table, strconv.Itoa(k.next)) {
		k.next++
	}
	row := strconv.Itoa(k.next)
	k.next++
	c.now[table] = k
	return row, nil
}

// Prepare implements [Participant].
func (c *RowCounter) Prepare(tx *Tx, _ Origin) error {
	c.begin(tx)
	return nil
}

// Borrows implements [Borrower].
func (c *RowCounter) Borrows() {}

// Committed implements [Participant].
func (c *RowCounter) Committed(commit *Commit) {
	for table, k := range c.now {
		k.dels = 0
		c.tables[table] = k
	}
	c.tx, c.now = nil, nil
	diff(commit.Before.tables, commit.After.tables, sameTree[cells], func(table string, old, new rows) bool {
		if new.root == nil {
			delete(c.tables, table)
			return true
		}
		if old.root == nil {
			return true
		}
		if removed := commit.RowIDs(table).Removed; len(removed) > 0 {
			k := c.tables[table]
			k.free(removed)
			c.tables[table] = k
		}
		return true
	})
}

// free takes the ids of deleted rows into the pool.
func (k *counter) free(rows []string) {
	for _, row := range rows {
		if isDigits(row) && len(k.pool) < maxPool && !slices.Contains(k.pool, row) {
			k.pool = append(slices.Clip(k.pool), row)
		}
	}
}

func isDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
