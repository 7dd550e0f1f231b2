package store

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// RowIDs makes the ids of new rows. If it is a [Participant] too, it joins the Store that it was given to.
type RowIDs interface {
	// Next returns an id for a new row of a table. tx is the transaction that adds it.
	Next(tx *Tx, table string) (string, error)
}

// AddRow adds a row under a new id, which it returns. Cells that are no cells at all are an error, because a row without
// cells does not exist.
func (tx *Tx) AddRow(table string, cells map[string]Value) (row string, err error) {
	if tx.done {
		return "", ErrTxDone
	}
	any := false
	for _, v := range cells {
		any = any || v.Exists()
	}
	if !any {
		return "", &SetError{Table(table).AnyRow(), invalidValue("a row without cells cannot be added")}
	}
	if err := tx.checkRow(table, "", cells); err != nil {
		return "", err
	}
	if tx.store == nil {
		return "", errors.New("store: this transaction belongs to no Store that gives row ids")
	}
	for range 100 {
		if row, err = tx.store.rowIDs.Next(tx, table); err != nil {
			return "", fmt.Errorf("store: a row id for %v: %w", Table(table), err)
		}
		if !tx.HasRow(table, row) {
			return row, tx.SetRow(table, row, cells)
		}
	}
	return "", fmt.Errorf("store: no free row id for %v, the last one was %q", Table(table), row)
}

// UniqueOptions of [UniqueRowIDs]; nil means defaults.
type UniqueOptions struct {
	Now    func() time.Time // the clock; time.Now when nil
	Random io.Reader        // the source of randomness; crypto/rand when nil
}

// idAlphabet has 64 characters in byte order.
const idAlphabet = "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"

// UniqueRowIDs returns ids that no other replica gives: 8 characters of time, in milliseconds, and 11 of chance (66 bits). In
// byte order the ids of one Store are in the order in which they were given, also within a millisecond, and when the clock
// goes back.
func UniqueRowIDs(o *UniqueOptions) RowIDs {
	u := &uniqueIDs{}
	if o != nil {
		u.opts = *o
	}
	if u.opts.Now == nil {
		u.opts.Now = time.Now
	}
	if u.opts.Random == nil {
		u.opts.Random = rand.Reader
	}
	return u
}

type uniqueIDs struct {
	opts      UniqueOptions
	last      uint64 // milliseconds
	high, low uint64 // chance: 6 bits and 60 bits
}

// Next implements RowIDs.
func (u *uniqueIDs) Next(*Tx, string) (string, error) {
	if now := uint64(max(u.opts.Now().UnixMilli(), 0)); now > u.last || u.last == 0 {
		var b [9]byte
		if _, err := io.ReadFull(u.opts.Random, b[:]); err != nil {
			return "", err
		}
		u.last = now
		u.high, u.low = uint64(b[8])&31, binary.BigEndian.Uint64(b[:8])&(1<<60-1) // the first bit is left to count
	} else { // the same moment: count on, by a step that cannot be guessed, so that ids stay in order
		var b [4]byte
		if _, err := io.ReadFull(u.opts.Random, b[:]); err != nil {
			return "", err
		}
		u.low += uint64(binary.BigEndian.Uint32(b[:])) + 1
		u.high += u.low >> 60
		u.low &= 1<<60 - 1
	}
	var id [19]byte
	for i := range 8 {
		id[7-i] = idAlphabet[u.last>>(6*i)&63]
	}
	id[8] = idAlphabet[u.high&63]
	for i := range 10 {
		id[18-i] = idAlphabet[u.low>>(6*i)&63]
	}
	return string(id[:]), nil
}

// RowTime returns the moment at which UniqueRowIDs gave an id, and whether it looks like one of them.
func RowTime(row string) (at time.Time, ok bool) {
	if len(row) != 19 {
		return at, false
	}
	var ms int64
	for i := range row {
		d := strings.IndexByte(idAlphabet, row[i])
		if d < 0 {
			return at, false
		}
		if i < 8 {
			ms = ms<<6 | int64(d)
		}
	}
	return time.UnixMilli(ms), true
}
