package sqlite_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/rowloom/rowloom/adapters/sqlite"
	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/persist"
	"github.com/rowloom/rowloom/store/persist/persisttest"
)

var ctx = context.Background()

func TestMain(m *testing.M) {
	if path := os.Getenv("ROWLOOM_SQLITE"); path != "" {
		otherProcess(path, os.Getenv("ROWLOOM_SQL"))
		return
	}
	goleak.VerifyTestMain(m)
}

// otherProcess runs one statement in a database, without anything of this package.
func otherProcess(path, statement string) {
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)")
	if err == nil {
		_, err = db.Exec(statement)
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func elsewhere(t testing.TB, path, statement string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "ROWLOOM_SQLITE="+path, "ROWLOOM_SQL="+statement)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
}

func open(t testing.TB, path string, o sqlite.Options) *sqlite.Target {
	t.Helper()
	o.Poll = 10 * time.Millisecond
	x, err := sqlite.Open(ctx, path, &o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, x.Close()) })
	return x
}

func change(table, row, cell string, v store.Value) store.Changes {
	return store.Changes{Cells: []store.CellChange{{Table: table, Row: row, Cell: cell, New: v}}}
}

func text(t testing.TB, x *sqlite.Target) string {
	t.Helper()
	content, _, err := x.Read(ctx, []store.Path{{}})
	require.NoError(t, err)
	return store.Diff(nil, content).String()
}

// ask returns the first column of an answer, each value with its type.
func ask(t testing.TB, path, query string) (list []string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	defer db.Close()
	rows, err := db.Query(query)
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var s sql.NullString
		require.NoError(t, rows.Scan(&s))
		list = append(list, s.String)
	}
	require.NoError(t, rows.Err())
	return list
}

func subject(o sqlite.Options) func(t testing.TB) persisttest.Subject {
	return func(t testing.TB) persisttest.Subject {
		path := filepath.Join(t.TempDir(), "pets.db")
		other := open(t, path, o)
		s := persisttest.Subject{
			Target:    open(t, path, o),
			Persister: persist.Queued,
			Edit:      func(c store.Changes) error { return other.Write(ctx, "somebody else", c, nil) },
		}
		if o.Tabular != nil {
			run := func(text string) {
				db, err := sql.Open("sqlite", path)
				require.NoError(t, err)
				defer db.Close()
				_, err = db.Exec(text)
				require.NoError(t, err)
			}
			s.PutForeign = func(table, row, cell string) {
				run(fmt.Sprintf("ALTER TABLE %s ADD COLUMN %s; UPDATE %s SET %s = x'0102' WHERE _id = '%s'", table, cell, table, cell, row))
			}
			s.HasForeign = func(table, row, cell string) bool {
				got := ask(t, path, fmt.Sprintf("SELECT typeof(%s) FROM %s WHERE _id = '%s'", cell, table, row))
				return len(got) == 1 && got[0] == "blob"
			}
		}
		return s
	}
}

func TestJSONMode_ObeysTheLaws(t *testing.T) { persisttest.Run(t, subject(sqlite.Options{})) }

func TestTabularMode_ObeysTheLaws(t *testing.T) {
	persisttest.Run(t, subject(sqlite.Options{Tabular: &sqlite.Tabular{All: true}}))
}

func TestJSONMode_IsTinyBasesLayout(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pets.db")
	x := open(t, path, sqlite.Options{})
	require.NoError(t, x.Write(ctx, nil, change("pets", "fido", "price", store.Of(3)), nil))
	require.Equal(t, []string{`[{"pets":{"fido":{"price":3}}},{}]`}, ask(t, path, `SELECT store FROM tinybase WHERE _id = '_'`))
	require.Equal(t, []string{`CREATE TABLE "tinybase" ("_id" PRIMARY KEY, "store")`}, ask(t, path, `SELECT sql FROM sqlite_schema WHERE type = 'table'`))
}

func TestJSONMode_NeverReplacesABrokenText(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pets.db")
	x := open(t, path, sqlite.Options{})
	require.NoError(t, x.Write(ctx, nil, change("pets", "fido", "price", store.Of(3)), nil))
	elsewhere(t, path, `UPDATE tinybase SET store = '[{"pets":'`)
	_, _, err := x.Read(ctx, []store.Path{{}})
	require.ErrorContains(t, err, "the column store of the table tinybase")
	require.Error(t, x.Write(ctx, nil, change("pets", "fido", "price", store.Of(4)), nil))
	require.Equal(t, []string{`[{"pets":`}, ask(t, path, `SELECT store FROM tinybase`))
}

func TestWatch_HearsAnotherProcess(t *testing.T) {
	for name, o := range map[string]sqlite.Options{"json": {}, "tabular": {Tabular: &sqlite.Tabular{All: true}}} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "pets.db")
			x := open(t, path, o)
			s := store.New()
			p := persist.Queued(s, x, nil)
			defer p.Close(ctx)
			require.NoError(t, p.StartAutoLoad(ctx))
			require.NoError(t, p.StartAutoSave(ctx))
			require.NoError(t, s.Update(func(tx *store.Tx) error { return tx.SetCell("pets", "fido", "price", store.Of(3)) }))
			require.NoError(t, p.Flush(ctx))
			heard := make(chan string, 10)
			s.Listen(store.Table("pets"), func(c *store.Commit) { heard <- c.Changes().String() })
			if o.Tabular == nil {
				elsewhere(t, path, `UPDATE tinybase SET store = '[{"pets":{"fido":{"price":5}}},{}]'`)
			} else {
				elsewhere(t, path, `UPDATE pets SET price = 5`)
			}
			select {
			case got := <-heard:
				require.Equal(t, "~ pets/fido/price 3 -> 5\n", got)
			case <-time.After(30 * time.Second):
				t.Fatal("the change of the other process has not arrived")
			}
		})
	}
}

func TestWrite_OfTwoProcessesLosesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pets.db")
	o := sqlite.Options{Tabular: &sqlite.Tabular{All: true}}
	x := open(t, path, o)
	require.NoError(t, x.Write(ctx, nil, change("pets", "fido", "price", store.Of(0)), nil))
	done := make(chan error, 1)
	go func() {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "ROWLOOM_SQLITE="+path, "ROWLOOM_SQL=WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 500) INSERT INTO pets(_id, price) SELECT 'other' || i, i FROM n")
		done <- cmd.Run()
	}()
	for i := range 200 {
		require.NoError(t, x.Write(ctx, nil, change("pets", fmt.Sprint("own", i), "price", store.Of(i)), nil))
	}
	require.NoError(t, <-done)
	content, _, err := x.Read(ctx, []store.Path{{}})
	require.NoError(t, err)
	require.Equal(t, 701, content.RowCount("pets"))
}

func TestTabularMode_WritesOnlyWhatChanged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pets.db")
	elsewhere(t, path, `CREATE TABLE pets (_id TEXT PRIMARY KEY, name TEXT, price REAL, sold BOOLEAN, born DATE, photo BLOB);
		INSERT INTO pets VALUES ('fido', 'Fido', 3.5, 1, '2020-01-02', x'00'), ('rex', 'Rex', NULL, 0, NULL, NULL);
		CREATE TABLE log (what); CREATE TRIGGER t AFTER UPDATE ON pets BEGIN INSERT INTO log VALUES ('update ' || old._id); END;
		CREATE TRIGGER i AFTER INSERT ON pets BEGIN INSERT INTO log VALUES ('insert ' || new._id); END;
		CREATE TRIGGER d AFTER DELETE ON pets BEGIN INSERT INTO log VALUES ('delete ' || old._id); END;`)
	x := open(t, path, sqlite.Options{Tabular: &sqlite.Tabular{
		Load: map[string]sqlite.LoadTable{"pets": {TableID: "animals"}},
		Save: map[string]sqlite.SaveTable{"animals": {Table: "pets"}},
	}})
	s := store.New()
	p := persist.Queued(s, x, nil)
	defer p.Close(ctx)
	require.NoError(t, p.StartAutoLoad(ctx))
	require.NoError(t, p.StartAutoSave(ctx))
	require.Equal(t, `+ animals/fido/born "2020-01-02"
+ animals/fido/name "Fido"
+ animals/fido/price 3.5
+ animals/fido/sold true
+ animals/rex/name "Rex"
+ animals/rex/sold false
`, store.Diff(nil, s.Snapshot()).String())
	require.Empty(t, ask(t, path, "SELECT what FROM log"), "a load writes nothing back")
	require.NoError(t, s.Update(func(tx *store.Tx) error {
		_ = tx.SetCell("animals", "fido", "price", store.Of(4))
		_ = tx.SetCell("animals", "tom", "name", store.Of("Tom"))
		_ = tx.SetCell("other", "x", "y", store.Of(1)) // is not saved
		return tx.DelRow("animals", "rex")
	}))
	require.NoError(t, p.Flush(ctx))
	require.Equal(t, []string{"update fido", "update rex", "delete rex", "insert tom"}, ask(t, path, "SELECT what FROM log"))
	require.Equal(t, []string{"real 4.0", "blob"}, append(ask(t, path, "SELECT typeof(price) || ' ' || price FROM pets WHERE _id = 'fido'"), ask(t, path, "SELECT typeof(photo) FROM pets WHERE _id = 'fido'")...))
}

func TestTabularMode_HasTinyBasesOptions(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pets.db")
	elsewhere(t, path, `CREATE TABLE pets (id PRIMARY KEY, price); INSERT INTO pets VALUES (1, 3), ('2', 30), (3.5, 5)`)
	x := open(t, path, sqlite.Options{Tabular: &sqlite.Tabular{
		Load:   map[string]sqlite.LoadTable{"pets": {TableID: "cheap", RowIDColumn: "id", Condition: "$tableName.price < 10"}},
		Save:   map[string]sqlite.SaveTable{"new": {RowIDColumn: "key", DeleteEmptyColumns: true, DeleteEmptyTable: true}},
		Values: sqlite.Values{Load: true, Save: true, Only: []string{"open"}},
		Plain:  true,
	}})
	require.Equal(t, "+ cheap/1/price 3\n+ cheap/3.5/price 5\n", text(t, x))
	c := change("new", "a", "yes", store.Of(true)).Then(change("new", "a", "nil", store.NullValue())).Then(change("new", "a", "n", store.Of(1.5)))
	c.Values = []store.ValueChange{{ID: "hidden", New: store.Of(1)}, {ID: "open", New: store.Of(true)}}
	require.NoError(t, x.Write(ctx, nil, c, nil))
	require.Equal(t, []string{"a|1||1.5"}, ask(t, path, `SELECT key || '|' || yes || '|' || coalesce(nil, '') || '|' || n FROM new`))
	require.Equal(t, "+ cheap/1/price 3\n+ cheap/3.5/price 5\n+ :open 1\n", text(t, x))
	require.NoError(t, x.Write(ctx, nil, change("new", "a", "yes", store.Value{}), nil))
	require.Equal(t, []string{"key", "n", "nil"}, ask(t, path, `SELECT name FROM pragma_table_info('new') ORDER BY name`))
	require.NoError(t, x.Write(ctx, nil, change("new", "a", "n", store.Value{}), nil))
	require.Empty(t, ask(t, path, `SELECT name FROM sqlite_schema WHERE name = 'new'`))
}

func TestTabularMode_RefusesColumnsThatDifferInCaseOnly(t *testing.T) {
	x := open(t, filepath.Join(t.TempDir(), "pets.db"), sqlite.Options{Tabular: &sqlite.Tabular{Save: map[string]sqlite.SaveTable{"t": {}}}})
	err := x.Write(ctx, nil, change("t", "r", "a", store.Of(1)).Then(change("t", "r", "A", store.Of(2))), nil)
	require.ErrorContains(t, err, `the cell "a" and the column "A" differ in case only`)
	err = x.Write(ctx, nil, change("t", "r", "_id", store.Of(1)), nil)
	require.ErrorContains(t, err, `the cell "_id" has the name of the column for row ids`)
	_, exists, err := x.Read(ctx, []store.Path{{}})
	require.NoError(t, err)
	require.False(t, exists, "nothing is half done")
}

func TestRead_OfSomeRowsReadsThese(t *testing.T) {
	x := open(t, filepath.Join(t.TempDir(), "pets.db"), sqlite.Options{Tabular: &sqlite.Tabular{All: true}})
	for i := range 5 {
		require.NoError(t, x.Write(ctx, nil, change("t", fmt.Sprint(i), "n", store.Of(i)), nil))
	}
	content, _, err := x.Read(ctx, []store.Path{store.Row("t", "3"), store.Cell("t", "1", "n"), store.Row("t", "9")})
	require.NoError(t, err)
	require.Equal(t, "+ t/1/n 1\n+ t/3/n 3\n", store.DiffIn(store.Tables(), nil, content).String())
}

func TestWatch_SaysNothingOfItself(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pets.db")
	x := open(t, path, sqlite.Options{})
	var told atomic.Int32
	stop, err := x.Watch(func(store.Origin, []store.Path) { told.Add(1) })
	require.NoError(t, err)
	for i := range 20 {
		require.NoError(t, x.Write(ctx, nil, change("t", "r", "n", store.Of(i)), nil))
	}
	elsewhere(t, path, `UPDATE tinybase SET store = '[{},{}]'`)
	require.Eventually(t, func() bool { return told.Load() > 0 }, 20*time.Second, time.Millisecond)
	stop()
	require.EqualValues(t, 1, told.Load())
}
