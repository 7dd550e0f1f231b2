package main

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/automerge"
	"github.com/rowloom/rowloom/adapters/automerge/amchange"
	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/update"
)

// families are those whose files have tables under names.
func families(t *testing.T) []string {
	if _, err := automerge.New(nil); err != nil {
		t.Log("without Automerge: ", err)
		return []string{"yjs"}
	}
	return []string{"yjs", "automerge"}
}

// made converts JSON to another kind of file, and returns that file.
func made(t *testing.T, kind, content string, flags ...string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), kind)
	code, _, stderr := runMain(append([]string{"convert", "--from", "json", "--to", kind, "-o", out, file(t, content)}, flags...)...)
	require.Zero(t, code, stderr)
	return out
}

// yjsFile is a file with what fn writes into a document.
func yjsFile(t *testing.T, fn func(tx *ycrdt.Txn) error) string {
	t.Helper()
	doc := ycrdt.New(nil)
	require.NoError(t, doc.Update(nil, fn))
	b, err := doc.EncodeStateAsUpdate(nil)
	require.NoError(t, err)
	return file(t, string(b))
}

func TestConvert_NamesTheTablesThereAreWhenItDoesNotFindTheOneWanted(t *testing.T) {
	for _, kind := range families(t) {
		in := made(t, kind, table, "--map", "garden")
		for _, wrong := range [][]string{{"--map", "WRONG"}, nil} {
			code, out, stderr := runMain(append([]string{"convert", "--from", kind, "--to", "json", in}, wrong...)...)
			require.Equal(t, 1, code)
			require.Empty(t, out)
			name := "tinybase"
			if wrong != nil {
				name = wrong[1]
			}
			require.Contains(t, stderr, `there is no table under the name "`+name+`": --map can be "garden"`)
			require.Contains(t, stderr, in)
		}
		code, out, stderr := runMain("convert", "--from", kind, "--to", "json", "--map", "garden", in)
		require.Zero(t, code, stderr)
		require.Equal(t, table, out)
		require.Empty(t, stderr)
		code, _, stderr = runMain("convert", "--from", kind, "--to", "json", "--map=", in)
		require.Equal(t, 2, code)
		require.Contains(t, stderr, "--map is empty")
	}
}

func TestConvert_FindsTablesInTheLayoutFlat(t *testing.T) {
	flat := filepath.Join(t.TempDir(), "flat")
	code, _, stderr := runMain("yjs", "layout", "--to", "flat", "-o", flat, made(t, "yjs", table))
	require.Zero(t, code, stderr)
	code, _, stderr = runMain("convert", "--from", "yjs", "--to", "json", "--map", "WRONG", flat)
	require.Equal(t, 1, code)
	require.Contains(t, stderr, `--map can be "tinybase"`)
	code, _, stderr = runMain("yjs", "layout", "--to", "nested", "--map", "WRONG", flat)
	require.Equal(t, 1, code)
	require.Contains(t, stderr, `there is no table under the name "WRONG": --map can be "tinybase"`)
	code, _, stderr = runMain("yjs", "layout", "--to", "flat", "-o", flat, flat)
	require.Zero(t, code)
	require.Contains(t, stderr, "there was nothing to move to the layout flat")
}

func TestConvert_SaysThatADocumentHasOtherThingsButNoTable(t *testing.T) {
	in := yjsFile(t, func(tx *ycrdt.Txn) error { return tx.Map("settings").Set("color", ycrdt.String("red")) })
	for _, name := range []string{"settings", "tinybase"} {
		code, out, stderr := runMain("convert", "--from", "yjs", "--to", "json", "--map", name, in)
		require.Equal(t, 1, code)
		require.Empty(t, out)
		require.Contains(t, stderr, `there is no table under the name "`+name+`", nor under another one: the document has "settings"`)
	}
}

func TestConvert_TakesAnEmptyTableAndSaysSo(t *testing.T) {
	for _, kind := range append(families(t), "tinybase") {
		in := made(t, kind, `{"tables":{},"values":{}}`)
		code, out, stderr := runMain("convert", "--from", kind, "--to", "json", in)
		require.Zero(t, code, stderr)
		require.Equal(t, `{"tables":{},"values":{}}`+"\n", out)
		require.Contains(t, stderr, "note: "+in+" holds no rows and no values")
	}
	// A table that has lost its last row is a table.
	emptied := yjsFile(t, func(tx *ycrdt.Txn) error {
		if _, err := tx.Map("tinybase").SetMap("t"); err != nil {
			return err
		}
		return tx.Map("tinybase").Delete("t")
	})
	code, _, stderr := runMain("convert", "--from", "yjs", "--to", "json", emptied)
	require.Zero(t, code, stderr)
	require.Contains(t, stderr, "holds no rows and no values")
}

func TestConvert_TellsWhatATableCannotHold(t *testing.T) {
	in := yjsFile(t, func(tx *ycrdt.Txn) error {
		v, err := tx.Map("tinybase").SetMap("v")
		if err != nil {
			return err
		}
		if err := v.Set("raw", ycrdt.Bytes([]byte{1})); err != nil {
			return err
		}
		return v.Set("n", ycrdt.String("kept"))
	})
	code, out, stderr := runMain("convert", "--from", "yjs", "--to", "json", in)
	require.Zero(t, code, stderr)
	require.Equal(t, `{"tables":{},"values":{"n":"kept"}}`+"\n", out)
	require.Contains(t, stderr, `note: left out what a table cannot hold: ":raw"`)
}

func TestConvert_TellsWhatATableCannotHoldOfAnAutomergeDocument(t *testing.T) {
	doc, err := automerge.New(nil)
	if err != nil {
		t.Skip(err)
	}
	require.NoError(t, doc.Update(nil, func(tx *automerge.Tx) error {
		e := tx.Edit()
		root, err := e.Make(amchange.OpID{}, "tinybase", amchange.Map)
		if err != nil {
			return err
		}
		tables, err := e.Make(root, "t", amchange.Map)
		if err != nil {
			return err
		}
		pets, err := e.Make(tables, "pets", amchange.Map)
		if err != nil {
			return err
		}
		fido, err := e.Make(pets, "fido", amchange.Map)
		if err != nil {
			return err
		}
		return errors.Join(e.Set(fido, "photo", amchange.BytesValue([]byte{1})), e.Set(fido, "price", amchange.IntValue(4)))
	}))
	b, err := doc.Save()
	require.NoError(t, err)
	code, out, stderr := runMain("convert", "--from", "automerge", "--to", "json", file(t, string(b)))
	require.Zero(t, code, stderr)
	require.Equal(t, `{"tables":{"pets":{"fido":{"price":4}}},"values":{}}`+"\n", out)
	require.Contains(t, stderr, `note: left out what a table cannot hold: "pets/fido/photo"`)
}

func TestConvert_TellsThatAnUpdateNeedsOthers(t *testing.T) {
	doc := ycrdt.New(&ycrdt.Options{ClientID: 7})
	require.NoError(t, doc.Update(nil, func(tx *ycrdt.Txn) error { return tx.Map("tinybase").Set("t", ycrdt.String("old")) }))
	old, err := doc.EncodeStateAsUpdate(nil)
	require.NoError(t, err)
	require.NoError(t, doc.Update(nil, func(tx *ycrdt.Txn) error {
		_, err := tx.Map("tinybase").SetMap("v")
		return err
	}))
	all, err := doc.EncodeStateAsUpdate(nil)
	require.NoError(t, err)
	known, err := update.StateVectorOf(update.V1, old, nil)
	require.NoError(t, err)
	late, err := update.Diff(update.V1, all, known, nil)
	require.NoError(t, err)
	_, _, stderr := runMain("convert", "--from", "yjs", "--to", "json", file(t, string(late)))
	require.Contains(t, stderr, "needs others that are not there, such as those of client 7 from clock 0 on")
	require.Contains(t, stderr, "rowloom yjs merge")
}

func TestCommands_SayWhatAFileLooksLikeThatTheyCannotRead(t *testing.T) {
	v1 := made(t, "yjs", table)
	v2 := filepath.Join(t.TempDir(), "v2")
	code, _, stderr := runMain("yjs", "convert", "--to", "2", "-o", v2, v1)
	require.Zero(t, code, stderr)
	files := map[string]string{
		"JSON with tables and values":         file(t, table),
		"TinyBase's file of a Store":          made(t, "tinybase", table),
		"a Yjs update of format V1":           v1,
		"a Yjs update of format V2":           v2,
		"a scenario":                          file(t, "replicas 1 2\n1 a/b/c = 2\n"),
		"an SQLite database":                  file(t, "SQLite format 3\x00..."),
		"a compressed file":                   file(t, "\x1f\x8b\x08..."),
		"TinyBase's file of a MergeableStore": file(t, `[[{},"",0],[{},"",0]]`),
		"a room as the server answers":        file(t, `{"room":"r","tables":{},"values":{}}`),
	}
	if automergeFile := families(t); len(automergeFile) > 1 {
		files["an Automerge document"] = made(t, "automerge", table)
	}
	commands := map[string]string{
		"yjs dump":                              "a Yjs update of format V1",
		"yjs merge -o " + os.DevNull:            "a Yjs update of format V1",
		"yjs diff -o " + os.DevNull + " " + v1:  "a Yjs update of format V1",
		"yjs dump --format 2":                   "a Yjs update of format V2",
		"yjs convert --to 1 -o " + os.DevNull:   "a Yjs update of format V2",
		"yjs layout --to flat -o " + os.DevNull: "a Yjs update of format V1",
		"automerge verify":                      "an Automerge document",
		"convert --to json --from automerge":    "an Automerge document",
		"convert --to json --from yjs":          "a Yjs update of format V1",
		"convert --to json --from json":         "JSON with tables and values",
		"convert --to json --from tinybase":     "TinyBase's file of a Store",
		"lab --engine yjs":                      "a scenario",
	}
	for args, reads := range commands {
		for what, name := range files {
			if reads == "an Automerge document" && len(families(t)) == 1 {
				continue // it says that there is no engine
			}
			code, _, stderr := runMain(append(split(args), name)...)
			require.NotContains(t, stderr, "goroutine ")
			if what == reads {
				require.Zero(t, code, "%s %s: %s", args, what, stderr)
				continue
			}
			require.Equal(t, 1, code, "%s %s", args, what)
			require.Contains(t, stderr, name)
			require.Contains(t, stderr, what, args)
		}
	}
	code, _, stderr = runMain("yjs", "dump", file(t, `{"cut":`))
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "it looks like JSON: ")
	code, _, stderr = runMain("convert", "--from", "json", "--to", "json", file(t, `{"cut":`))
	require.Equal(t, 1, code)
	require.NotContains(t, stderr, "looks like")
	code, _, stderr = runMain("convert", "--from", "json", "--to", "json", file(t, `{"tabels":{}}`))
	require.Equal(t, 1, code)
	require.Contains(t, stderr, `the key "tabels"`)
	require.NotContains(t, stderr, "looks like")
	for _, mark := range []string{"\xef\xbb\xbf", "\xff\xfe"} {
		code, _, stderr = runMain("convert", "--from", "json", "--to", "json", file(t, mark+`{}`))
		require.Equal(t, 1, code)
		require.Contains(t, stderr, "it looks like text with a byte order mark: save it as UTF-8 without one")
	}
}
