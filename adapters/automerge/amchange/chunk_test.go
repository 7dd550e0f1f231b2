package amchange_test

import (
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"encoding/binary"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/automerge/amchange"
	"github.com/rowloom/rowloom/internal/vectors"
)

// chunkOf wraps a body with a right length and checksum.
func chunkOf(kind byte, body []byte) []byte {
	plain := body
	if kind == 2 {
		plain, _ = readAllFlate(body)
	}
	sum := sha256.Sum256(append(binary.AppendUvarint([]byte{1}, uint64(len(plain))), plain...))
	out := append([]byte("\x85\x6f\x4a\x83"), sum[:4]...)
	out = append(out, kind)
	out = binary.AppendUvarint(out, uint64(len(body)))
	return append(out, body...)
}

func readAllFlate(b []byte) ([]byte, error) {
	var out bytes.Buffer
	_, err := out.ReadFrom(flate.NewReader(bytes.NewReader(b)))
	return out.Bytes(), err
}

func deflate(t testing.TB, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, 9)
	require.NoError(t, err)
	_, err = w.Write(b)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes()
}

// plain is a change body without dependencies by actor aa: seq 1, start 1, time 0, and the columns given.
func plain(columns string) []byte {
	return []byte("\x00\x01\xaa\x01\x01\x00\x00\x00" + columns)
}

// oneSet are the columns of: set _root/"a" = 1.
const oneSet = "\x06\x15\x03\x34\x01\x42\x02\x56\x02\x57\x01\x70\x02" + "\x7f\x01a" + "\x01" + "\x7f\x01" + "\x7f\x14" + "\x01" + "\x7f\x00"

func TestParse_RefusesBadChunks(t *testing.T) {
	good := chunkOf(1, plain(oneSet))
	_, err := amchange.ParseAll(good, nil)
	require.NoError(t, err)
	flip := func(at int) []byte {
		b := bytes.Clone(good)
		b[at] ^= 1
		return b
	}
	bomb := chunkOf(2, deflate(t, make([]byte, 20<<20)))
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"cut short":            {good[:len(good)-1], "ends too early"},
		"nearly nothing":       {good[:5], "ends too early"},
		"other magic":          {flip(0), "begins with"},
		"other checksum":       {flip(5), "checksum"},
		"other byte":           {flip(20), "checksum"},
		"bytes left over":      {append(bytes.Clone(good), 0), "ends too early"},
		"document":             {chunkOf(0, plain(oneSet)), "only changes are allowed"},
		"bundle":               {chunkOf(3, plain(oneSet)), "bundle: unsupported"},
		"chunk type 4":         {chunkOf(4, plain(oneSet)), "chunk type 4: unsupported"},
		"huge length":          {append(bytes.Clone(good[:9]), 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f), "too large"},
		"deflated garbage":     {chunkOf(2, []byte("garbage")), "inflate"},
		"deflated to too much": {bomb, "too large"},
		"behind the deflated":  {chunkOf(2, append(deflate(t, plain(oneSet)), 7)), "left over"},
	} {
		_, err := amchange.ParseAll(c.data, nil)
		require.ErrorContains(t, err, c.want, name)
	}
	_, err = amchange.ParseAll(chunkOf(2, deflate(t, plain(oneSet))), nil)
	require.NoError(t, err)
	_, err = amchange.ParseAll(good, &amchange.Limits{Chunk: 10})
	require.ErrorIs(t, err, amchange.ErrTooLarge)
}

func TestParse_RefusesBadColumns(t *testing.T) {
	for name, c := range map[string]struct{ body, want string }{
		"column out of order":      {"\x02\x42\x00\x15\x00", "columns do not ascend"},
		"unknown column":           {"\x01\x61\x00", "column 0x61: unsupported"},
		"deflated column":          {"\x01\x4a\x00", "column 0x4a: unsupported"},
		"column is too long":       {"\x01\x42\x7f", "ends too early"},
		"too many columns":         {"\x7f", "ends too early"},
		"empty column":             {"\x07\x15\x03\x34\x01\x42\x02\x56\x02\x57\x01\x70\x02\x71\x00" + oneSet[13:], "one usual form"},
		"run of one":               {strings.Replace(oneSet, "\x7f\x01a", "\x01\x01a", 1), "one usual form"},
		"number with a spare zero": {"\x06\x15\x03\x34\x01\x42\x03\x56\x02\x57\x01\x70\x02\x7f\x01a\x01\x7f\x81\x00\x7f\x14\x01\x7f\x00", "shortest form"},
		"two million nulls":        {"\x03\x34\x04\x42\x05\x56\x05" + "\x80\x80\x80\x01" + "\x80\x80\x80\x01\x01" + "\x80\x80\x80\x01\x00", "neither a string nor an element"},
		"action 9":                 {strings.Replace(oneSet, "\x01\x7f\x01\x7f\x14", "\x01\x7f\x09\x7f\x14", 1), "action 9: unsupported"},
		"no key":                   {"\x05" + oneSet[3:13] + oneSet[16:], "neither a string nor an element"},
		"value is cut short":       {strings.Replace(oneSet, "\x7f\x14", "\x7f\x54", 1), "value: ends too early"},
		"value is too long":        {strings.Replace(oneSet, "\x7f\x14", "\x7f\x04", 1), "value: ends too early"},
		"key is not UTF-8":         {strings.Replace(oneSet, "\x01a", "\x01\xff", 1), "not UTF-8"},
	} {
		_, err := amchange.ParseAll(chunkOf(1, plain(c.body)), nil)
		require.ErrorContains(t, err, c.want, name)
	}
	_, err := amchange.ParseAll(chunkOf(1, append(plain(oneSet), "the future"...)), nil)
	require.NoError(t, err, "extra bytes behind the columns are kept")
}

// A hundred bytes must not become gigabytes, whatever their runs say.
func TestParse_AllocatesLittleMoreThanItReads(t *testing.T) {
	nulls := "\x06\x15\x07\x34\x05\x42\x06\x56\x06\x70\x06" // key, insert, action, meta, pred count: runs of 2^34
	nulls = "\x05" + nulls[1:]
	run := "\x80\x80\x80\x80\xc0\x00" // sleb 2^34
	body := plain(nulls + run + "\x00" + "\x80\x80\x80\x80\x40" + run[:5] + "\x00" + run[:5] + "\x00" + run[:5] + "\x00")
	inputs := [][]byte{chunkOf(1, body)}
	for _, changes := range vectorChanges(t) {
		for _, raw := range changes {
			for at := 9; at < len(raw); at += 7 {
				b := bytes.Clone(raw)
				b[at] ^= 0xff
				if c, _, err := amchange.ReadChunk(b, nil); err == nil && c.Type == amchange.ChangeChunk {
					inputs = append(inputs, chunkOf(1, c.Body))
				}
			}
		}
		if len(inputs) > 3000 {
			break
		}
	}
	var before, after runtime.MemStats
	for _, in := range inputs {
		runtime.ReadMemStats(&before)
		_, _ = amchange.ParseAll(in, nil)
		runtime.ReadMemStats(&after)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(64*len(in)+1<<17), "%x", in)
	}
}

func TestDump_ShowsEveryVector(t *testing.T) {
	for _, file := range vectors.Files(t, "automerge") {
		v := readVector(t, file)
		var out bytes.Buffer
		require.NoError(t, amchange.Dump(&out, bytes.Join(v.Changes, nil), nil))
		require.Equal(t, len(v.Changes), strings.Count(out.String(), "\nchange ")+strings.Count(out.String()[:7], "change "), v.Name)
	}
	var out bytes.Buffer
	require.Error(t, amchange.Dump(&out, []byte("nonsense"), nil))
	require.Contains(t, out.String(), "error: ")
}
