package amrepo_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rowloom/rowloom/adapters/automerge/amchange"
	"github.com/rowloom/rowloom/adapters/automerge/amrepo"
)

func TestURL_ReadsWhatItWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := amrepo.DocumentIDOf([16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id")))
		u := amrepo.URL{Document: id}
		for range rapid.IntRange(0, 3).Draw(t, "heads") {
			u.Heads = append(u.Heads, amchange.Hash(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "head")))
		}
		again, err := amrepo.ParseURL(u.String())
		require.NoError(t, err)
		require.Equal(t, u, again)
	})
}

// The values were printed by automerge-repo 2.5.6.
func TestURL_IsThatOfJavaScript(t *testing.T) {
	require.Equal(t, amrepo.DocumentID(jsZeroID), amrepo.DocumentIDOf([16]byte{}))
	id, err := amrepo.NewDocumentID(bytes.NewReader(make([]byte, 16)))
	require.NoError(t, err)
	require.Equal(t, amrepo.DocumentID(jsZeroV4), id)
	u, err := amrepo.ParseURL(jsURL)
	require.NoError(t, err)
	require.Equal(t, amrepo.URL{Document: amrepo.DocumentIDOf([16]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255}),
		Heads: []amchange.Hash{{}, {0xff, 1}}}, u)
	require.Equal(t, jsURL, u.String())
}

func TestURL_RefusesWhatIsNone(t *testing.T) {
	good := amrepo.URL{Document: amrepo.DocumentIDOf([16]byte{1}), Heads: []amchange.Hash{{2}}}.String()
	for _, bad := range []string{"", "automerge:", "http://x", good[1:], good[:len(good)-1], strings.Replace(good, "#", "#1|", 1),
		strings.Replace(good, ":", ":0", 1), "automerge:" + strings.Repeat("z", 10_000), good + "#"} {
		_, err := amrepo.ParseURL(bad)
		require.Error(t, err, bad)
	}
	_, err := amrepo.NewDocumentID(strings.NewReader("short"))
	require.Error(t, err)
}

const (
	jsZeroID = "11111111111111114Ki9Gx"
	jsZeroV4 = "111111QXhYZza3GqLStHjsryD"
	jsURL    = "automerge:1Bhh3pU9gLXZiNDL6PF2yZ5xmW#11111111111111111111111111111111273Yts|2wJjVF7sMsDwoEswRL3BzYV8JFuvErt45M1PtD1hfEKT4NLaAC"
)
