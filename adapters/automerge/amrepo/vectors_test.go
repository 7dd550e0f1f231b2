package amrepo_test

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/automerge/amchange"
	"github.com/rowloom/rowloom/adapters/automerge/amrepo"
	"github.com/rowloom/rowloom/internal/vectors"
)

type recording struct {
	Name, Server string
	Frames       []struct {
		Conn  int
		Dir   string
		Hex   string
		Close bool
	}
	FinalDocs map[amrepo.DocumentID]struct {
		Heads []string
		JSON  json.RawMessage
	}
}

func recordings(t testing.TB) []recording {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(vectors.Dir(t, "automerge"), "sessions", "*.json"))
	require.NoError(t, err)
	var out []recording
	for _, f := range files {
		b, err := os.ReadFile(f)
		require.NoError(t, err)
		var r recording
		require.NoError(t, json.Unmarshal(b, &r))
		out = append(out, r)
	}
	return out
}

type frame struct {
	Type       string            `cbor:"type"`
	SenderID   amrepo.PeerID     `cbor:"senderId"`
	DocumentID amrepo.DocumentID `cbor:"documentId"`
	Data       []byte            `cbor:"data"`
}

// takeApart returns the changes in a document chunk. Only a test binary with the engine has it.
var takeApart func(chunk []byte) ([][]byte, error)

var errNeedsEngine = errors.New("the recorded peers sent a document chunk, which only the engine can take apart")

// asVersion1 turns a sync message of version 2, which JavaScript peers send only to each other, into one of version 1: the
// same, but with single changes in place of a document chunk.
func asVersion1(t testing.TB, raw []byte) (again []byte, changes []*amchange.Change, err error) {
	t.Helper()
	var f frame
	require.NoError(t, cbor.Unmarshal(raw, &f))
	if f.Type != "sync" && f.Type != "request" {
		return raw, nil, nil
	}
	at := 1
	number := func() int {
		n, size := binary.Uvarint(f.Data[at:])
		at += size
		return int(n)
	}
	hashes := func() { at += 32 * number() }
	hashes()
	hashes()
	for range number() {
		hashes()
		at += number()
	}
	data := append([]byte{0x42}, f.Data[1:at]...)
	var chunks [][]byte
	for range number() {
		size := number()
		for chunk, err := range amchange.Chunks(f.Data[at:at+size], nil) { // version 2 puts several under one length
			require.NoError(t, err)
			if chunk.Type != amchange.DocumentChunk {
				chunks = append(chunks, chunk.Data)
				continue
			}
			if takeApart == nil {
				return nil, nil, errNeedsEngine
			}
			more, err := takeApart(chunk.Data)
			require.NoError(t, err)
			chunks = append(chunks, more...)
		}
		at += size
	}
	data = binary.AppendUvarint(data, uint64(len(chunks)))
	for _, c := range chunks {
		data = append(binary.AppendUvarint(data, uint64(len(c))), c...)
		parsed, err := amchange.ParseAll(c, nil)
		require.NoError(t, err)
		changes = append(changes, parsed...)
	}
	var all map[string]any
	require.NoError(t, cbor.Unmarshal(raw, &all))
	all["data"] = data
	again, err = cbor.Marshal(all)
	require.NoError(t, err)
	return again, changes, nil
}

// The frames of the recorded clients go to a server of ours. What the recorded server itself changed, ours changes too. Our
// answers have the same types in the same order, apart from how often sync is said, and the documents end the same.
func TestRepo_ServesTheRecordedClients(t *testing.T) {
	passed, total := 0, 0
	for _, rec := range recordings(t) {
		if takeApart == nil && needsEngine(t, rec) {
			t.Logf("%s: %v", rec.Name, errNeedsEngine)
			continue
		}
		total++
		passed++
		if !t.Run(rec.Name, func(t *testing.T) { replayClients(t, rec) }) {
			passed--
		}
	}
	vectors.Report(t, "automerge sessions", passed, total)
}

func needsEngine(t *testing.T, rec recording) bool {
	for _, f := range rec.Frames {
		raw, err := hex.DecodeString(f.Hex)
		require.NoError(t, err)
		if f.Hex != "" {
			if _, _, err := asVersion1(t, raw); errors.Is(err, errNeedsEngine) {
				return true
			}
		}
	}
	return false
}

func replayClients(t *testing.T, rec recording) {
	server := newParty("server", func(o *amrepo.Options) { o.Gossip = rec.Name == "remote-heads" || rec.Name == "remote-heads-js" })
	sessions := map[int]*amrepo.Session{}
	got, want := map[int][]string{}, map[int][]string{}
	poll := func() {
		for conn, s := range sessions {
			out, err := s.Poll()
			if err != nil {
				continue
			}
			for _, m := range out {
				got[conn] = append(got[conn], typeOf(t, m))
			}
		}
	}
	if rec.Name == "goclient-jsserver" { // the recorded server had the document from the beginning
		for _, f := range rec.Frames {
			raw, err := hex.DecodeString(f.Hex)
			require.NoError(t, err)
			_, changes, err := asVersion1(t, raw)
			require.NoError(t, err)
			var fr frame
			require.NoError(t, cbor.Unmarshal(raw, &fr))
			if f.Dir == "s2c" && len(changes) > 0 && server.docs.doc(fr.DocumentID) == nil {
				require.NoError(t, server.docs.make(fr.DocumentID).add(changes...))
			}
		}
	}
	for _, f := range rec.Frames {
		switch {
		case f.Close:
			if s := sessions[f.Conn]; s != nil {
				s.Close()
				delete(sessions, f.Conn)
			}
			continue
		case f.Hex == "":
			continue
		}
		raw, err := hex.DecodeString(f.Hex)
		require.NoError(t, err)
		again, changes, err := asVersion1(t, raw)
		require.NoError(t, err)
		var fr frame
		require.NoError(t, cbor.Unmarshal(raw, &fr))
		if f.Dir == "s2c" {
			want[f.Conn] = append(want[f.Conn], fr.Type)
			for _, c := range changes {
				d := server.docs.doc(fr.DocumentID)
				if d == nil {
					d = server.docs.make(fr.DocumentID)
				}
				if err := d.add(c); !errors.As(err, new(*amchange.MissingError)) { // what a client has sent will follow
					require.NoError(t, err)
				}
			}
			poll()
			continue
		}
		if sessions[f.Conn] == nil {
			sessions[f.Conn] = server.Accept()
		}
		out, err := sessions[f.Conn].Receive(again)
		for _, m := range out {
			got[f.Conn] = append(got[f.Conn], typeOf(t, m))
		}
		if rec.Name != "bad-version" && rec.Name != "bad-version-js" {
			require.NoError(t, err)
		}
		poll()
	}
	require.Empty(t, server.refused)
	if rec.Name == "ephemeral-go" {
		// The recorded server was a simple one of the laboratory: it sent the author its own message back.
		want[2] = slices.DeleteFunc(want[2], func(s string) bool { return s == "ephemeral" })
	}
	for conn, types := range want {
		require.Equal(t, kinds(types), kinds(got[conn]), "connection %d", conn)
	}
	for id, final := range rec.FinalDocs {
		if len(final.Heads) == 0 {
			require.Nil(t, server.docs.doc(id))
			continue
		}
		var heads []string
		for _, h := range server.docs.doc(id).Heads() {
			heads = append(heads, h.String())
		}
		require.Equal(t, final.Heads, heads)
	}
}

// kinds are the types in the order in which they are first used, without those that depend on timing: what an empty sync
// says before doc-unavailable.
func kinds(types []string) []string {
	var out []string
	for _, t := range types {
		if !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	if i := slices.Index(out, "doc-unavailable"); i >= 0 {
		out = slices.DeleteFunc(out, func(s string) bool { return s == "sync" })
	}
	return out
}

// Our client says to the recorded server what the recorded client, also ours, said.
func TestRepo_CallsTheRecordedServer(t *testing.T) {
	i := slices.IndexFunc(recordings(t), func(r recording) bool { return r.Server == "js" && r.Name == "goclient-jsserver" })
	require.GreaterOrEqual(t, i, 0)
	rec := recordings(t)[i]
	client := newParty("client", nil)
	for id := range rec.FinalDocs {
		require.NoError(t, client.Share(id))
	}
	s := client.Dial()
	out, err := s.Start()
	require.NoError(t, err)
	require.Equal(t, "join", typeOf(t, out[0]))
	var got, want []string
	for _, f := range rec.Frames {
		raw, err := hex.DecodeString(f.Hex)
		require.NoError(t, err)
		_, changes, err := asVersion1(t, raw)
		require.NoError(t, err)
		var fr frame
		require.NoError(t, cbor.Unmarshal(raw, &fr))
		if f.Dir == "c2s" {
			want = append(want, fr.Type)
			for _, c := range changes {
				require.NoError(t, client.docs.doc(fr.DocumentID).add(c)) // the recorded client's own edit
			}
			out, err := s.Poll()
			require.NoError(t, err)
			for _, m := range out {
				got = append(got, typeOf(t, m))
			}
			continue
		}
		out, err := s.Receive(raw)
		require.NoError(t, err)
		for _, m := range out {
			got = append(got, typeOf(t, m))
		}
	}
	require.Equal(t, kinds(want)[1:], kinds(got))
	require.Empty(t, client.refused)
	for id, final := range rec.FinalDocs {
		var heads []string
		for _, h := range client.docs.doc(id).Heads() {
			heads = append(heads, h.String())
		}
		require.Equal(t, final.Heads, heads)
	}
}
