package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
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

// split splits a command line at its spaces.
func split(args string) []string { return strings.Fields(args) }

// onTerminal runs the binary's main with a terminal as its standard output.
func onTerminal(t *testing.T, args ...string) (code int, stderr string) {
	t.Helper()
	out, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil || !isTerminal(out) {
		t.Skip("there is no pseudo-terminal here: ", err)
	}
	defer out.Close()
	var errs bytes.Buffer
	code = run(context.Background(), args, out, &errs)
	return code, errs.String()
}

func TestBinaryResults_AreNotWrittenToATerminal(t *testing.T) {
	one := made(t, "yjs", table)
	commands := []string{
		"yjs merge " + one, "yjs merge -o - " + one, "yjs convert --to 2 " + one, "yjs layout --to flat " + one, "yjs diff -o - " + one + " " + one,
		"convert --from json --to yjs " + file(t, table), "convert --from json --to automerge " + file(t, table), "automerge convert --from json " + file(t, table),
		"yjs merge missing", // it says so before it reads anything
	}
	for _, args := range commands {
		code, stderr := onTerminal(t, split(args)...)
		require.Equal(t, 2, code, args)
		require.Contains(t, stderr, "the result is binary, which a terminal cannot show: name a file with -o FILE, or redirect it with > FILE\nTry: rowloom help ", args)
	}
	for _, args := range []string{"yjs dump " + one, "convert --from yjs --to json " + one, "convert --from yjs --to tinybase " + one, "yjs diff " + one + " " + one,
		"yjs merge -o " + filepath.Join(t.TempDir(), "out") + " " + one} {
		code, stderr := onTerminal(t, split(args)...)
		require.Zero(t, code, "%s\n%s", args, stderr)
	}
}

func TestOutputFile_StaysAsItIsWhenACommandFails(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "out")
	require.NoError(t, os.WriteFile(out, []byte("precious"), 0o640))
	bad := file(t, "\x05bad")
	one := made(t, "yjs", table)
	for _, args := range []string{
		"convert --from json --to yjs " + bad, "convert --from yjs --to json " + bad, "convert --from yjs --to json --map WRONG " + one, "convert --from json --to json missing",
		"yjs merge " + one + " " + bad, "yjs diff " + one + " " + bad, "yjs convert --to 2 " + bad, "yjs layout --to flat " + bad, "yjs layout --to flat --map WRONG " + one,
	} {
		code, _, stderr := runMain(append(split(args), "-o", out)...)
		require.Equal(t, 1, code, args)
		require.NotEmpty(t, stderr)
		b, err := os.ReadFile(out)
		require.NoError(t, err)
		require.Equal(t, "precious", string(b), args)
	}
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 1, "nothing half-written is left")
}

func TestOutputFile_IsReplacedWithItsModeAndBehindALink(t *testing.T) {
	dir := t.TempDir()
	out, link := filepath.Join(dir, "out"), filepath.Join(dir, "link")
	require.NoError(t, os.WriteFile(out, []byte("old"), 0o600))
	require.NoError(t, os.Chmod(out, 0o640))
	require.NoError(t, os.Symlink(out, link))
	code, _, stderr := runMain("convert", "--from", "json", "--to", "json", "-o", link, file(t, table))
	require.Zero(t, code, stderr)
	b, err := os.ReadFile(out)
	require.NoError(t, err)
	require.Equal(t, table, string(b))
	stat, err := os.Lstat(out)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o640), stat.Mode())
	stat, err = os.Lstat(link)
	require.NoError(t, err)
	require.NotZero(t, stat.Mode()&os.ModeSymlink)

	code, _, stderr = runMain("convert", "--from", "json", "--to", "json", "-o", os.DevNull, file(t, table))
	require.Zero(t, code, stderr)
	stat, err = os.Stat(os.DevNull)
	require.NoError(t, err)
	require.False(t, stat.Mode().IsRegular(), "a device is written to, not replaced")

	for _, c := range []struct{ out, says string }{
		{dir, "cannot write " + dir + ": it is a directory"},
		{filepath.Join(dir, "none", "out"), "cannot write " + filepath.Join(dir, "none", "out") + ": no such file or directory"},
		{"", `cannot write "": a file needs a name`},
	} {
		code, _, stderr := runMain("convert", "--from", "json", "--to", "json", "--out="+c.out, file(t, table))
		require.Equal(t, 1, code)
		require.Contains(t, stderr, c.says)
	}
}

func TestInputFiles_ThatCannotBeReadAreNamedWithTheReason(t *testing.T) {
	dir := t.TempDir()
	empty := file(t, "")
	for _, args := range []string{"lab", "yjs dump", "yjs merge", "yjs diff " + empty, "yjs convert --to 1", "yjs layout --to flat", "automerge dump", "automerge verify",
		"automerge convert --to json", "convert --from json --to json", "convert --from yjs --to json", "convert --from tinybase --to json", "convert --from automerge --to json"} {
		for name, says := range map[string]string{
			filepath.Join(dir, "missing"): "cannot read " + filepath.Join(dir, "missing") + ": no such file or directory",
			dir:                           "cannot read " + dir + ": is a directory",
			empty:                         empty + " is empty",
			"":                            `cannot read "": no such file or directory`,
		} {
			if strings.HasPrefix(args, "yjs diff") {
				says = empty + " is empty"
			}
			code, out, stderr := runMain(append(split(args), name)...)
			require.Equal(t, 1, code, "%s %s", args, name)
			require.Empty(t, out)
			require.Contains(t, stderr, says, args)
		}
	}
	large := filepath.Join(dir, "large")
	require.NoError(t, os.WriteFile(large, nil, 0o600))
	require.NoError(t, os.Truncate(large, 1<<40)) // it has holes only
	code, _, stderr := runMain("yjs", "dump", large)
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "cannot read "+large+": it is larger than 1 GiB")
	for _, args := range []string{"yjs diff - -", "yjs merge - x -"} {
		code, _, stderr := runMain(split(args)...)
		require.Equal(t, 2, code)
		require.Contains(t, stderr, "only one file can be -")
	}
}

func TestMerge_NamesTheFileThatIsWrong(t *testing.T) {
	bad := file(t, "\x05bad")
	code, _, stderr := runMain("yjs", "merge", made(t, "yjs", table), bad)
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "rowloom: "+bad+": ")
}

func TestLab_SaysThatThereWasNothingToDecide(t *testing.T) {
	code, out, stderr := runMain("lab", "--engine", "yjs", file(t, "replicas 1 2\n1 a/b/c = 2\n"))
	require.Zero(t, code)
	require.Contains(t, out, "| in every order |")
	require.Contains(t, stderr, "no place was set by more than one replica")
}
