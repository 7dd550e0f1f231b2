package roomdb_test

import (
	"bufio"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/hub/roomdb"
)

// files returns the content of every file in a folder.
func files(t testing.TB, dir string) map[string]string {
	t.Helper()
	list, err := os.ReadDir(dir)
	require.NoError(t, err)
	out := map[string]string{}
	for _, f := range list {
		b, err := os.ReadFile(filepath.Join(dir, f.Name()))
		require.NoError(t, err)
		out[f.Name()] = string(b)
	}
	return out
}

// filled makes a data folder with a few rooms and returns what they hold.
func filled(t testing.TB, dir string) map[string][]string {
	t.Helper()
	db, err := roomdb.Open(ctx, dir, nil)
	require.NoError(t, err)
	want := map[string][]string{}
	for i := range 8 {
		name := fmt.Sprint("room ", i)
		l := room(t, db, name)
		for n := range 20 {
			_, err := l.Append(rec("yjs", fmt.Sprint(n, strings.Repeat("x", 1+n*i*7))))
			require.NoError(t, err)
		}
		if i%2 == 0 {
			require.NoError(t, l.Compact(ctx, []string{"yjs"}, func(string) ([]byte, error) { return []byte(strings.Repeat("s", 3000*i)), nil }))
		}
		add(t, l, rec("yjs", "end"))
		want[name] = load(t, l)
		require.NoError(t, l.Close())
	}
	require.NoError(t, db.Close())
	return want
}

// altered returns the bytes of a database after a statement.
func altered(t testing.TB, file, statement string) []byte {
	t.Helper()
	db, err := sql.Open("sqlite", file)
	require.NoError(t, err)
	r, err := db.Exec(statement)
	require.NoError(t, err)
	n, err := r.RowsAffected()
	require.NoError(t, err)
	require.Positive(t, n)
	require.NoError(t, db.Close())
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	return b
}

// spoil changes one byte of a record of room 7, and of copies of it in free space.
func spoil(t testing.TB, b []byte) []byte {
	record := strings.Repeat("x", 900)
	require.Contains(t, string(b), record)
	return []byte(strings.ReplaceAll(string(b), record, "y"+record[1:]))
}

func TestOpen_RefusesADamagedDatabaseAndLeavesItAlone(t *testing.T) {
	damage := map[string]func(t *testing.T, file string, b []byte) []byte{
		"empty file":       func(*testing.T, string, []byte) []byte { return nil },
		"other bytes":      func(*testing.T, string, []byte) []byte { return []byte(strings.Repeat("not a database ", 1000)) },
		"short":            func(_ *testing.T, _ string, b []byte) []byte { return b[:50] },
		"cut in a page":    func(_ *testing.T, _ string, b []byte) []byte { return b[:len(b)-100] },
		"cut between":      func(_ *testing.T, _ string, b []byte) []byte { return b[:len(b)-3*4096] },
		"one page only":    func(_ *testing.T, _ string, b []byte) []byte { return b[:4096] },
		"zeros in between": func(_ *testing.T, _ string, b []byte) []byte { clear(b[2*4096 : 6*4096]); return b },
		"first byte":       func(_ *testing.T, _ string, b []byte) []byte { b[0] ^= 1; return b },
		"every page": func(_ *testing.T, _ string, b []byte) []byte {
			for i := 4096 + 5; i < len(b); i += 4096 {
				b[i] ^= 0x55
			}
			return b
		},
		"one byte of a record": func(t *testing.T, _ string, b []byte) []byte {
			return spoil(t, b)
		},
		"number below zero": func(t *testing.T, file string, _ []byte) []byte {
			return altered(t, file, "UPDATE entry SET seq = -87 WHERE seq = (SELECT max(seq) FROM entry)")
		},
		"snapshot below zero": func(t *testing.T, file string, _ []byte) []byte {
			return altered(t, file, "UPDATE snapshot SET upto = -1")
		},
		"a record in another room": func(t *testing.T, file string, _ []byte) []byte {
			return altered(t, file, "UPDATE entry SET room = 99 WHERE room = (SELECT max(room) FROM entry) AND seq = (SELECT max(seq) FROM entry)")
		},
		"no file, but a log": func(t *testing.T, file string, _ []byte) []byte {
			require.NoError(t, os.WriteFile(file+"-wal", []byte("something"), 0o600))
			return []byte("remove")
		},
	}
	for name, change := range damage {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			filled(t, dir)
			file := filepath.Join(dir, "rooms.db")
			b, err := os.ReadFile(file)
			require.NoError(t, err)
			if b = change(t, file, b); string(b) == "remove" {
				require.NoError(t, os.Remove(file))
			} else {
				require.NoError(t, os.WriteFile(file, b, 0o600))
			}
			before := files(t, dir)
			_, err = roomdb.Open(ctx, dir, nil)
			var damaged *roomdb.DamageError
			require.ErrorAs(t, err, &damaged)
			require.Equal(t, file, damaged.File)
			require.NotEmpty(t, damaged.Reasons)
			require.Equal(t, before, files(t, dir))
			t.Log(err)
		})
	}
}

func TestOpen_RefusesADamagedDatabaseWithALogAndLeavesBothAlone(t *testing.T) {
	dir := t.TempDir()
	filled(t, dir)
	run(t, dir, 5) // killed: the write-ahead log stays
	file := filepath.Join(dir, "rooms.db")
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	for i := 2*4096 + 5; i < len(b); i += 4096 { // those pages that the log does not hold are read
		b[i] ^= 0x55
	}
	require.NoError(t, os.WriteFile(file, b, 0o600))
	before := files(t, dir)
	require.NotEmpty(t, before["rooms.db-wal"])
	_, err = roomdb.Open(ctx, dir, nil)
	var damaged *roomdb.DamageError
	require.ErrorAs(t, err, &damaged)
	after := files(t, dir)
	delete(before, "rooms.db-shm") // an index of the log, made anew by every first reader
	delete(after, "rooms.db-shm")
	delete(before, "rowloom.lock")
	delete(after, "rowloom.lock")
	require.Equal(t, before, after)
}

func TestOpen_RefusesADatabaseOfAnotherProgramOrALaterVersion(t *testing.T) {
	for name, text := range map[string]string{
		"another program": "CREATE TABLE t (x); PRAGMA user_version = 1",
		"later version":   "PRAGMA application_id = 0x526F774C; PRAGMA user_version = 99; CREATE TABLE t (x)",
	} {
		dir := t.TempDir()
		db, err := sql.Open("sqlite", filepath.Join(dir, "rooms.db"))
		require.NoError(t, err)
		_, err = db.Exec(text)
		require.NoError(t, err)
		require.NoError(t, db.Close())
		before := files(t, dir)
		_, err = roomdb.Open(ctx, dir, nil)
		var format *roomdb.FormatError
		require.ErrorAs(t, err, &format)
		require.ErrorContains(t, err, name)
		after := files(t, dir)
		delete(after, "rowloom.lock")
		require.Equal(t, before, after)
	}
}

func TestOpen_NoticesOneByteThatIsWrong(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	want := filled(t, dir)
	file := filepath.Join(dir, "rooms.db")
	whole, err := os.ReadFile(file)
	require.NoError(t, err)
	refused := 0
	for range 60 {
		b := append([]byte(nil), whole...)
		at := random.IntN(len(b))
		b[at] ^= byte(1 + random.IntN(255))
		require.NoError(t, os.WriteFile(file, b, 0o600))
		db, err := roomdb.Open(ctx, dir, nil)
		if err != nil {
			var damaged *roomdb.DamageError
			var format *roomdb.FormatError
			require.True(t, errors.As(err, &damaged) || errors.As(err, &format), "byte %d: %v", at, err)
			left, err := os.ReadFile(file)
			require.NoError(t, err)
			require.Equal(t, b, left)
			refused++
			continue
		}
		// The byte means nothing (free space): all must be there.
		for name, records := range want {
			l := room(t, db, name)
			require.Equal(t, records, load(t, l), "byte %d", at)
			require.NoError(t, l.Close())
		}
		require.NoError(t, db.Close())
	}
	t.Logf("%d of 60 refused, the others whole", refused)
	require.Positive(t, refused)
}

func TestOpen_RefusesASecondOpeningOfTheFolder(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir, nil)
	_, err := roomdb.Open(ctx, dir, nil)
	var locked *roomdb.LockError
	require.ErrorAs(t, err, &locked)
	require.ErrorContains(t, err, fmt.Sprint("process ", os.Getpid()))
	require.NoError(t, db.Close())
	require.NoError(t, open(t, dir, nil).Close())
}

func TestAppend_BreaksTheLogWhenTheDiskIsFull(t *testing.T) {
	dir := t.TempDir()
	failed := make(chan error, 100)
	var l *roomdb.Log
	db := open(t, dir, &roomdb.Options{MaxBytes: 256 << 10, Events: roomdb.Events{Failed: func(error) { failed <- l.Err() }}})
	other := room(t, db, "other")
	add(t, other, rec("yjs", "small"))
	l = room(t, db, "a")
	written := 0
	var broken error
	for broken == nil && written < 1000 {
		seq, err := l.Append(rec("yjs", strings.Repeat("x", 10_000)))
		require.NoError(t, err)
		if broken = l.Wait(ctx, seq); broken == nil {
			written++
		}
	}
	require.ErrorContains(t, broken, "full")
	require.ErrorContains(t, <-failed, "full", "who is told that a write has failed finds the log broken")
	require.Error(t, db.Err())
	_, err := l.Append(rec("yjs", "y"))
	require.Equal(t, broken, err, "a log must not have a gap")
	require.Equal(t, broken, l.Close())
	require.Len(t, load(t, room(t, db, "a")), written)

	// Room is made, and everything goes on.
	require.NoError(t, other.Close())
	require.NoError(t, db.Delete(ctx, "other"))
	require.NoError(t, db.Ping(ctx))
	require.NoError(t, db.Err())
}

// child appends numbered records to three rooms for ever, and says on standard output which are durable.
func child(dir string) {
	db, err := roomdb.Open(ctx, dir, nil)
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	for i := range 3 {
		go func() {
			name := fmt.Sprint("child ", i)
			l, err := db.Open(ctx, name)
			if err != nil {
				fmt.Println("error", err)
				return
			}
			have := 0
			_ = l.Load(ctx, func(r roomdb.Record) error {
				_, err := fmt.Sscan(string(r.Data), &have)
				return err
			})
			for n := have + 1; ; n++ {
				seq, err := l.Append(rec("yjs", fmt.Sprint(n)), rec("store", fmt.Sprint(n)))
				if err == nil {
					err = l.Wait(ctx, seq)
				}
				if err != nil {
					fmt.Println("error", err)
					return
				}
				fmt.Printf("durable\t%s\t%d\n", name, n)
				if n%7 == 0 {
					if err := l.Compact(ctx, []string{"yjs"}, func(string) ([]byte, error) { return []byte(fmt.Sprint(n)), nil }); err != nil {
						fmt.Println("error", err)
						return
					}
				}
			}
		}()
	}
	select {}
}

// run starts a child, kills it after it has said lines times that something is durable, and returns what it said of each room last.
func run(t testing.TB, dir string, lines int) map[string]int {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "ROOMDB_TEST_CHILD="+dir)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	said := map[string]int{}
	scan := bufio.NewScanner(out)
	for n := 0; scan.Scan(); n++ {
		part := strings.Split(scan.Text(), "\t")
		require.Equal(t, "durable", part[0], scan.Text())
		fmt.Sscan(part[2], new(int))
		var v int
		_, err := fmt.Sscan(part[2], &v)
		require.NoError(t, err)
		said[part[1]] = v
		if n == lines {
			require.NoError(t, cmd.Process.Kill()) // SIGKILL; what it said before is still read
		}
	}
	require.Error(t, cmd.Wait())
	return said
}

func TestKill_LosesNothingThatWasDurable(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	for range 6 {
		said := run(t, dir, 1+random.IntN(60))
		db, err := roomdb.Open(ctx, dir, nil)
		require.NoError(t, err)
		for name, n := range said {
			l := room(t, db, name)
			last := map[string]int{}
			stored := 0 // numbers are in order without a gap, for the family that is never compacted
			require.NoError(t, l.Load(ctx, func(r roomdb.Record) error {
				var v int
				_, err := fmt.Sscan(string(r.Data), &v)
				last[r.Family] = v
				if r.Family == "store" {
					stored++
					require.Equal(t, stored, v)
				}
				return err
			}))
			require.GreaterOrEqual(t, last["yjs"], n, name)
			require.Equal(t, last["yjs"], last["store"], "both records of an append, or none")
			require.NoError(t, l.Close())
		}
		require.NoError(t, db.Close())
	}
}
