package amchange_test

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/automerge/amchange"
	"github.com/rowloom/rowloom/internal/vectors"
)

// vector is one document vector; its README explains the fields.
type vector struct {
	Name      string
	Heads     []string
	Changes   [][]byte
	Expected  any
	Conflicts []struct {
		Path   []any
		Winner string
		Values map[string]any
	}
}

func readVector(t testing.TB, file string) vector {
	t.Helper()
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	var v vector
	require.NoError(t, json.Unmarshal(b, &v), file)
	return v
}

// vectorChanges returns the changes of every vector, and those that TinyBase's persister made.
func vectorChanges(t testing.TB) map[string][][]byte {
	t.Helper()
	out := map[string][][]byte{}
	for _, file := range vectors.Files(t, "automerge") {
		v := readVector(t, file)
		out[v.Name] = v.Changes
	}
	out["rich"] = readRich(t).Changes
	b, err := os.ReadFile(filepath.Join(vectors.Dir(t, "tinybase-store"), "automerge.json"))
	require.NoError(t, err)
	var tb struct {
		Cases []struct {
			ID             string
			InitialUpdates [][]string
			Steps          []struct{ Updates [][]string }
		}
	}
	require.NoError(t, json.Unmarshal(b, &tb))
	for _, c := range tb.Cases {
		lists := c.InitialUpdates
		for _, s := range c.Steps {
			lists = append(lists, s.Updates...)
		}
		for _, l := range lists {
			for _, u := range l {
				raw, err := base64.StdEncoding.DecodeString(u)
				require.NoError(t, err)
				out[c.ID] = append(out[c.ID], raw)
			}
		}
	}
	return out
}

// rich is a document with what tables do not use, made by JavaScript 3.5.0: marks, blocks in a text, counters and
// conflicts in lists, an empty change.
type rich struct {
	Heads   []string
	Text    string
	Changes [][]byte
}

func readRich(t testing.TB) rich {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "rich.json"))
	require.NoError(t, err)
	var r rich
	require.NoError(t, json.Unmarshal(b, &r))
	return r
}

func TestParse_AcceptsEveryChangeThatJavaScriptWrote(t *testing.T) {
	passed, total := 0, 0
	for name, changes := range vectorChanges(t) {
		for _, raw := range changes {
			for c, err := range amchange.Chunks(raw, nil) {
				require.NoError(t, err, name)
				total++
				ch, err := amchange.Parse(c, nil)
				require.NoError(t, err, name)
				if c.Type == amchange.ChangeChunk {
					require.Equal(t, c.Data, ch.Bytes())
				}
				draft := amchange.Draft{Actor: ch.Actor, Seq: ch.Seq, StartOp: ch.StartOp, Seconds: ch.Seconds, Message: ch.Message, Deps: ch.Deps}
				for o := range ch.Ops() {
					draft.Ops = append(draft.Ops, o)
				}
				again, err := draft.Encode()
				require.NoError(t, err, name)
				require.Equal(t, ch.Hash, again.Hash, name)
				passed++
			}
		}
	}
	vectors.Report(t, "automerge changes", passed, total)
}
