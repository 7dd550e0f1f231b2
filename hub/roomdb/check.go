package roomdb

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// check looks at a database without writing to it.
func check(ctx context.Context, file string, how Check) error {
	if err := checkHeader(file); err != nil {
		return err
	}
	if how == CheckHeader {
		return nil
	}
	before := sideFiles(file)
	err := checkContent(ctx, file, how)
	if err != nil {
		// Even a reader makes the files that go with a write-ahead log. Take away what was not there.
		for name := range sideFiles(file) {
			if !before[name] {
				_ = os.Remove(name)
			}
		}
	}
	return err
}

func sideFiles(file string) map[string]bool {
	there := map[string]bool{}
	for _, tail := range []string{"-wal", "-shm"} {
		if _, err := os.Stat(file + tail); err == nil {
			there[file+tail] = true
		}
	}
	return there
}

// checkHeader reads the first 100 bytes: https://www.sqlite.org/fileformat2.html#the_database_header
func checkHeader(file string) error {
	damaged := func(format string, args ...any) error {
		return &DamageError{File: file, Reasons: []string{fmt.Sprintf(format, args...)}}
	}
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("roomdb: %w", err)
	}
	defer f.Close()
	stat, err := f.Stat()
	if err != nil {
		return fmt.Errorf("roomdb: %w", err)
	}
	if !stat.Mode().IsRegular() {
		return &FormatError{file, "is not a file"}
	}
	var h [100]byte
	if n, err := io.ReadFull(f, h[:]); errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return damaged("it ends after %d bytes", n)
	} else if err != nil {
		return fmt.Errorf("roomdb: %w", err)
	}
	if string(h[:16]) != "SQLite format 3\x00" {
		return damaged("it does not begin as an SQLite database does")
	}
	if id := binary.BigEndian.Uint32(h[68:]); id != applicationID {
		return &FormatError{file, fmt.Sprintf("is a database of another program (application id %#08x)", id)}
	}
	if v := binary.BigEndian.Uint32(h[60:]); v > userVersion {
		return &FormatError{file, fmt.Sprintf("was written by a later version of rowloom (format %d, this one knows %d)", v, userVersion)}
	} else if v == 0 {
		return damaged("its format number is 0")
	} else if v < userVersion {
		return &FormatError{file, fmt.Sprintf("was written by a version of rowloom before the first release (format %d, this one knows %d)", v, userVersion)}
	}
	size := int64(binary.BigEndian.Uint16(h[16:]))
	if size == 1 {
		size = 65536
	}
	if size < 512 || size&(size-1) != 0 {
		return damaged("its page size is %d", size)
	}
	if stat.Size()%size != 0 {
		return damaged("its size, %d bytes, is not a number of whole pages of %d", stat.Size(), size)
	}
	return nil
}

const maxReasons = 5

func checkContent(ctx context.Context, file string, how Check) (err error) {
	db, err := sql.Open("sqlite", dsn(file, true, "busy_timeout(10000)", "query_only(1)", "cell_size_check(1)"))
	if err != nil {
		return fmt.Errorf("roomdb: %w", err)
	}
	db.SetMaxOpenConns(1)
	defer db.Close()
	defer func() {
		if err != nil && isDamage(err) {
			err = &DamageError{File: file, Reasons: []string{err.Error()}}
		}
	}()
	if err := checkStructure(ctx, db, file); err != nil {
		return err
	}
	if how == CheckAll {
		return checkSums(ctx, db, file)
	}
	return nil
}

func checkStructure(ctx context.Context, db *sql.DB, file string) error {
	rows, err := db.QueryContext(ctx, fmt.Sprintf("PRAGMA integrity_check(%d)", maxReasons))
	if err != nil {
		return fmt.Errorf("roomdb: check %s: %w", file, err)
	}
	defer rows.Close()
	var reasons []string
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return fmt.Errorf("roomdb: check %s: %w", file, err)
		}
		if text != "ok" {
			reasons = append(reasons, text)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("roomdb: check %s: %w", file, err)
	}
	for _, t := range schema {
		var text string
		err := db.QueryRowContext(ctx, "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?", t.name).Scan(&text)
		if errors.Is(err, sql.ErrNoRows) {
			reasons = append(reasons, "the table "+t.name+" is missing")
		} else if err != nil {
			return fmt.Errorf("roomdb: check %s: %w", file, err)
		} else if text != t.sql {
			reasons = append(reasons, "the table "+t.name+" is not as it was made")
		}
	}
	if len(reasons) > 0 {
		return &DamageError{File: file, Reasons: reasons}
	}
	return nil
}

// checkSums reads every record and snapshot.
func checkSums(ctx context.Context, db *sql.DB, file string) error {
	var reasons []string
	for _, query := range []string{"SELECT room, family, seq, data, sum FROM entry", "SELECT room, family, upto, data, sum FROM snapshot"} {
		rows, err := db.QueryContext(ctx, query)
		if err != nil {
			return fmt.Errorf("roomdb: check %s: %w", file, err)
		}
		defer rows.Close()
		for rows.Next() && len(reasons) < maxReasons {
			var room, sum int64
			var seq uint64
			var family string
			var data sql.RawBytes
			if err := rows.Scan(&room, &family, &seq, &data, &sum); err != nil {
				return unreadable(ctx, file, err)
			}
			if checksum(room, seq, family, data) != sum {
				reasons = append(reasons, fmt.Sprintf("record %d of room number %d (%s) has a wrong checksum", seq, room, family))
			}
		}
		if err := rows.Err(); err != nil {
			return fmt.Errorf("roomdb: check %s: %w", file, err)
		}
	}
	if len(reasons) > 0 {
		return &DamageError{File: file, Reasons: reasons}
	}
	return nil
}
