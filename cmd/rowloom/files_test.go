package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/automerge"
)

// runMain runs the binary's main with arguments.
func runMain(args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = run(context.Background(), args, &out, &errs)
	return code, out.String(), errs.String()
}

func file(t *testing.T, content string) string {
	name := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(name, []byte(content), 0o600))
	return name
}

const table = `{"tables":{"pets":{"fido":{"big":[1,{"a":null}],"price":4,"species":"dog"}}},"values":{"open":true}}` + "\n"

func TestConvert_CarriesATableThroughEveryKindOfFile(t *testing.T) {
	in := file(t, table)
	kinds := []string{"yjs", "tinybase"}
	if d, err := automerge.New(nil); err == nil {
		_ = d
		kinds = append(kinds, "automerge")
	}
	for _, kind := range kinds {
		out := filepath.Join(t.TempDir(), kind)
		code, _, stderr := runMain("convert", "--from", "json", "--to", kind, "-o", out, in)
		require.Zero(t, code, stderr)
		code, back, stderr := runMain("convert", "--from", kind, "--to", "json", out)
		require.Zero(t, code, stderr)
		require.Equal(t, table, back)
	}
}

func TestConvert_SaysWhatIsWrongWithAFile(t *testing.T) {
	for _, kind := range []string{"json", "tinybase", "yjs"} {
		code, out, stderr := runMain("convert", "--from", kind, "--to", "json", file(t, `{"tables":3}`))
		require.Equal(t, 1, code)
		require.Empty(t, out)
		require.Contains(t, stderr, "file: ")
	}
	code, _, stderr := runMain("convert", "--from", "xml", "--to", "json", "x")
	require.Equal(t, 2, code)
	require.Contains(t, stderr, "--from must be one of")
}

func TestYjs_DumpsMergesDiffsAndConverts(t *testing.T) {
	dir := t.TempDir()
	one, two, merged, v2 := filepath.Join(dir, "1"), filepath.Join(dir, "2"), filepath.Join(dir, "m"), filepath.Join(dir, "v2")
	for name, content := range map[string]string{one: `{"tables":{"t":{"a":{"n":1}}},"values":{}}`, two: `{"tables":{"t":{"b":{"n":2}}},"values":{}}`} {
		code, _, stderr := runMain("convert", "--from", "json", "--to", "yjs", "-o", name, file(t, content))
		require.Zero(t, code, stderr)
	}
	code, _, stderr := runMain("yjs", "merge", "-o", merged, one, two)
	require.Zero(t, code, stderr)
	code, back, _ := runMain("convert", "--from", "yjs", "--to", "json", merged)
	require.Zero(t, code)
	require.Equal(t, `{"tables":{"t":{"a":{"n":1},"b":{"n":2}}},"values":{}}`+"\n", back)
	code, dump, stderr := runMain("yjs", "dump", merged)
	require.Zero(t, code, stderr)
	require.Contains(t, dump, "structs")
	code, diff, stderr := runMain("yjs", "diff", one, merged)
	require.Zero(t, code, stderr)
	require.NotContains(t, diff, `"a"`)
	require.Contains(t, diff, `"b"`)
	code, _, stderr = runMain("yjs", "convert", "--to", "2", "-o", v2, merged)
	require.Zero(t, code, stderr)
	code, again, stderr := runMain("yjs", "dump", "--format", "2", v2)
	require.Zero(t, code, stderr)
	require.Contains(t, again, "structs")
	code, _, stderr = runMain("yjs", "dump", v2)
	require.Equal(t, 1, code, "a file in the other format is an error")
	require.Contains(t, stderr, v2)
	code, _, stderr = runMain("yjs", "layout", "--to", "flat", "-o", filepath.Join(dir, "flat"), merged)
	require.Zero(t, code, stderr)
	require.Contains(t, stderr, "moved 2 cells and values")
	_, flat, _ := runMain("convert", "--from", "yjs", "--to", "json", filepath.Join(dir, "flat"))
	require.Equal(t, back, flat)
}

func TestLab_SaysWhoWonAndWhy(t *testing.T) {
	s := file(t, "replicas 1 2\nbase pets/fido/species = \"dog\"\n1 pets/fido/price = 4\n2 pets/fido/price = 5\n")
	code, out, stderr := runMain("lab", "--engine", "yjs", s)
	require.Zero(t, code, stderr)
	require.Contains(t, out, "| pets/fido/price | 5 by 2 |")
	require.Contains(t, out, "yjs: pets/fido/price 5: of values that were set at the same time")
	code, out, _ = runMain("lab", "--engine", "yjs", "--swap", s)
	require.Zero(t, code)
	require.Contains(t, out, "| pets/fido/price | 4 by 2 |")
	code, _, stderr = runMain("lab", "--engine", "none", s)
	require.Equal(t, 2, code)
	require.Contains(t, stderr, `there is no engine "none"`)
	code, _, stderr = runMain("lab", file(t, "replicas 1\nnonsense"))
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "line 2")
}

func TestAutomerge_DumpsAndVerifies(t *testing.T) {
	if _, err := automerge.New(nil); err != nil {
		code, _, stderr := runMain("automerge", "verify", file(t, "x"))
		require.Equal(t, 1, code)
		require.Contains(t, stderr, "without cgo")
		return
	}
	out := filepath.Join(t.TempDir(), "doc")
	code, _, stderr := runMain("convert", "--from", "json", "--to", "automerge", "-o", out, file(t, table))
	require.Zero(t, code, stderr)
	code, text, stderr := runMain("automerge", "convert", "--to", "json", out)
	require.Zero(t, code, stderr)
	require.Equal(t, table, text)
	code, _, stderr = runMain("automerge", "convert", "--from", "json", "-o", out, file(t, table))
	require.Zero(t, code, stderr)
	code, _, stderr = runMain("automerge", "convert", "--to", "xml", out)
	require.Equal(t, 2, code)
	require.Contains(t, stderr, "is none of json, yjs, tinybase")
	code, text, stderr = runMain("automerge", "dump", out)
	require.Zero(t, code, stderr)
	require.Contains(t, text, "fido")
	code, text, stderr = runMain("automerge", "verify", out)
	require.Zero(t, code, stderr)
	require.Contains(t, text, "is sound")
	code, _, stderr = runMain("automerge", "verify", file(t, "\x42\x00\x00\x01\x00\x03\x01\x00\x07\x00"))
	require.Equal(t, 1, code)
	require.NotEmpty(t, stderr)
}
