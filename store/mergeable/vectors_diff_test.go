package mergeable_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rowloom/rowloom/internal/jsjson"
	"github.com/rowloom/rowloom/internal/vectors"
	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/hlc"
	"github.com/rowloom/rowloom/store/mergeable"
	"github.com/stretchr/testify/require"
)

func TestVectors_Diff(t *testing.T) {
	type stage struct{ Body, Response json.RawMessage }
	var v struct {
		Cases []struct {
			Name                                                string
			RequesterContent, ResponderContent                  json.RawMessage
			RequesterContentHashes, ResponderContentHashes      [2]uint32
			GetTableDiff, GetRowDiff, GetCellDiff, GetValueDiff stage
		}
	}
	readVectors(t, "diff.json", &v)
	passed := 0
	for _, c := range v.Cases {
		asks, answers := newStore(t, "a", 1_700_000_001_000), newStore(t, "b", 1_700_000_001_000)
		load(t, asks, c.RequesterContent)
		load(t, answers, c.ResponderContent)
		ok := hashes(asks) == c.RequesterContentHashes && hashes(answers) == c.ResponderContentHashes
		check := func(what string, got []byte, want json.RawMessage) {
			if !same(t, got, want) {
				t.Logf("%s: %s: %s, want %s", c.Name, what, got, want)
				ok = false
			}
		}
		pair := func(lacks mergeable.Missing, rest []byte) []byte {
			return append(append(append(lacks.AppendTables([]byte{'['}), ','), rest...), ']')
		}
		tables := asks.TableHashes()
		check("ask for tables", tables.AppendJSON(nil), c.GetTableDiff.Body)
		lacks, differTables := answers.TableDiff(mergeable.ReadHashes(jsjson.NewReader(c.GetTableDiff.Body, nil)))
		check("tables", pair(lacks, differTables.AppendJSON(nil)), c.GetTableDiff.Response)

		rows := asks.RowHashes(differTables)
		check("ask for rows", rows.AppendJSON(nil), c.GetRowDiff.Body)
		lacks, differRows := answers.RowDiff(mergeable.ReadRowHashes(jsjson.NewReader(c.GetRowDiff.Body, nil)))
		check("rows", pair(lacks, differRows.AppendJSON(nil)), c.GetRowDiff.Response)

		cells := asks.CellHashes(differRows)
		check("ask for cells", cells.AppendJSON(nil), c.GetCellDiff.Body)
		lacks = answers.CellDiff(mergeable.ReadCellHashes(jsjson.NewReader(c.GetCellDiff.Body, nil)))
		check("cells", lacks.AppendTables(nil), c.GetCellDiff.Response)

		values := asks.ValueHashes()
		check("ask for values", values.AppendJSON(nil), c.GetValueDiff.Body)
		diff := answers.ValueDiff(mergeable.ReadHashes(jsjson.NewReader(c.GetValueDiff.Body, nil)))
		check("values", diff.AppendValues(nil), c.GetValueDiff.Response)
		if ok {
			passed++
		}
	}
	vectors.Report(t, "tinybase-mergeable/diff", passed, len(v.Cases))
}

func TestVectors_File(t *testing.T) {
	var v struct {
		Saves []struct {
			Name, File, ExactText string
			Reloaded              struct {
				Tables, Values json.RawMessage
				Hashes         [2]uint32
			}
		}
		Loads []struct {
			Name           string
			Text           *string
			Clock          int64
			Tables, Values json.RawMessage
			Hashes         [2]uint32
			Errors         []string
		}
	}
	readVectors(t, "file.json", &v)
	passed, total := 0, 0
	for _, c := range v.Saves {
		total++
		m := newStore(t, "x", 1_700_000_001_000)
		load(t, m, []byte(c.ExactText))
		tables, values := plain(m.Store().Snapshot())
		file, err := os.ReadFile(filepath.Join(vectors.Dir(t, "tinybase-mergeable"), c.File))
		require.NoError(t, err)
		if hashes(m) == c.Reloaded.Hashes && string(m.AppendContent(nil)) == c.ExactText && string(file) == c.ExactText &&
			same(t, tables, c.Reloaded.Tables) && same(t, values, c.Reloaded.Values) {
			passed++
		} else {
			t.Logf("%s:\n%s\n%s", c.Name, m.AppendContent(nil), c.ExactText)
		}
	}
	for _, c := range v.Loads {
		total++
		m := newStore(t, "pre", c.Clock)
		require.NoError(t, m.Store().Update(func(tx *store.Tx) error { return tx.SetCell("pre", "r", "c", store.Of(1)) }))
		before := hashes(m)
		var report mergeable.Report
		err := os.ErrNotExist
		if c.Text != nil {
			report, err = m.Load(nil, []byte(*c.Text))
		}
		require.Empty(t, m.Check())
		tables, values := plain(m.Store().Snapshot())
		ok := same(t, tables, c.Tables) && same(t, values, c.Values)
		switch {
		case len(c.Errors) > 0: // nothing has changed
			ok = ok && err != nil && hashes(m) == before
		case c.Text != nil && futureStamps(t, []byte(*c.Text), hlc.New(uint64(c.Clock)+300_000, hlc.MaxCounter, hlc.MaxClient)):
			// The original ignores the file without a word. Here it is loaded, and the clock is reported.
			ok = err == nil && report.Ahead != nil && same(t, m.AppendContent(nil), []byte(*c.Text))
		case !strings.Contains(string(c.Tables), `"pre"`):
			ok = ok && err == nil && hashes(m) == c.Hashes
		default: // changes are merged into what was there
			ok = ok && err == nil && report.Applied > 0
		}
		if ok {
			passed++
		} else {
			t.Logf("%s: %v %v\n%s %s", c.Name, err, report, tables, c.Tables)
		}
	}
	vectors.Report(t, "tinybase-mergeable/file", passed, total)
}
