package fnv1a_test

import (
	"encoding/hex"
	"encoding/json"
	"hash/fnv"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rowloom/rowloom/internal/fnv1a"
	"github.com/rowloom/rowloom/internal/vectors"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestVectors_Hash(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(vectors.Dir(t, "tinybase-mergeable"), "hash.json"))
	require.NoError(t, err)
	var v struct {
		GetHash []struct {
			UTF8Hex string
			Hash    uint32
		}
	}
	require.NoError(t, json.Unmarshal(text, &v))
	passed := 0
	for _, c := range v.GetHash {
		b, err := hex.DecodeString(c.UTF8Hex)
		require.NoError(t, err)
		if fnv1a.Bytes(fnv1a.Offset, b) == c.Hash && fnv1a.String(fnv1a.Offset, string(b)) == c.Hash {
			passed++
		}
	}
	vectors.Report(t, "tinybase-mergeable/hash getHash", passed, len(v.GetHash))
}

func TestString_HashesLoneSurrogatesAsTheReplacementCharacter(t *testing.T) {
	require.Equal(t, fnv1a.String(fnv1a.Offset, "a\uFFFDb"), fnv1a.String(fnv1a.Offset, "a\xed\xa0\x80b"))
	require.Equal(t, fnv1a.Bytes(fnv1a.Offset, []byte("\uFFFD")), fnv1a.Bytes(fnv1a.Offset, []byte("\xed\xbf\xbf")))
	require.NotEqual(t, fnv1a.String(fnv1a.Offset, "\uFFFD"), fnv1a.String(fnv1a.Offset, "\ud7ff"))
}

func TestHash_EqualsTheStandardLibrary(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, n := rapid.String().Draw(t, "s"), rapid.Uint32().Draw(t, "n")
		h := fnv.New32a()
		h.Write([]byte(s + ":" + strconv.FormatUint(uint64(n), 10)))
		require.Equal(t, h.Sum32(), fnv1a.Decimal(fnv1a.Byte(fnv1a.String(fnv1a.Offset, s), ':'), n))
	})
}
