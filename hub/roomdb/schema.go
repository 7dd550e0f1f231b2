package roomdb

import (
	"hash/crc32"
	"net/url"
	"path/filepath"
	"strconv"
)

// The marks of the database, in the header of the file.
const (
	applicationID = 0x526F_774C // "RowL"
	userVersion   = 3
)

// Names in the data folder.
const (
	fileName = "rooms.db"
	lockName = "rowloom.lock"
)

// schema is what the tables are made with, by name.
var schema = []struct{ name, sql string }{
	{"room", `CREATE TABLE room (
	id   INTEGER PRIMARY KEY,
	name BLOB NOT NULL UNIQUE
) STRICT`},
	{"entry", `CREATE TABLE entry (
	room   INTEGER NOT NULL, -- room.id
	seq    INTEGER NOT NULL, -- counts over all families of the room, from 1
	family TEXT    NOT NULL,
	data   BLOB    NOT NULL,
	sum    INTEGER NOT NULL, -- CRC-32C of room, seq, family and data
	PRIMARY KEY (room, seq)
) STRICT, WITHOUT ROWID`},
	{"snapshot", `CREATE TABLE snapshot (
	room   INTEGER NOT NULL,
	family TEXT    NOT NULL,
	upto   INTEGER NOT NULL, -- stands for the entries of the family up to this seq
	data   BLOB    NOT NULL,
	sum    INTEGER NOT NULL, -- CRC-32C of room, upto, family and data
	PRIMARY KEY (room, family)
) STRICT`},
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum is what the column sum holds.
func checksum(room int64, seq uint64, family string, data []byte) int64 {
	head := append(strconv.AppendInt(nil, room, 10), ' ')
	head = append(strconv.AppendUint(head, seq, 10), ' ')
	head = append(append(head, family...), 0)
	return int64(crc32.Update(crc32.Checksum(head, castagnoli), castagnoli, data))
}

// dsn returns the address of a database file for the driver.
func dsn(file string, readOnly bool, pragmas ...string) string {
	q := url.Values{"_pragma": pragmas, "_txlock": {"immediate"}}
	if readOnly {
		q = url.Values{"_pragma": pragmas, "mode": {"ro"}}
	}
	abs, err := filepath.Abs(file)
	if err == nil {
		file = abs
	}
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(file), RawQuery: q.Encode()}).String()
}
