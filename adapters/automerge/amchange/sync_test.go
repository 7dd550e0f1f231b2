package amchange_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/automerge/amchange"
	"github.com/rowloom/rowloom/internal/vectors"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	require.NoError(t, err)
	return b
}

// The ten bytes say: one entry in the Bloom filter, and no bits for it. An engine that takes the remainder of a division by
// the number of bits ends its process.
func TestParseSyncMessage_RefusesTheTenBytesThatEndAProcess(t *testing.T) {
	_, err := amchange.ParseSyncMessage(unhex(t, "42 00 00 01 00 03 01 00 07 00"), nil)
	require.ErrorContains(t, err, "no bits for 1 entries")
}

func TestParseSyncMessage_RefusesBloomFiltersThatDoNotAddUp(t *testing.T) {
	for message, want := range map[string]string{
		"42 00 00 01 00 05 01 0a 07 44 44 00":       "",
		"42 00 00 01 00 04 01 0a 07 44 00":          "1 bytes for 1 entries",
		"42 00 00 01 00 06 01 0a 07 44 44 44 00":    "3 bytes for 1 entries",
		"42 00 00 01 00 03 00 00 07 00":             "",
		"42 00 00 01 00 02 01 0a 00":                "ends too early",
		"42 00 00 01 00 06 01 0a ff 7f 44 44 00":    "probes: too large",
		"42 00 00 01 00 08 ff ff ff ff 10 0a 07 00": "out of range",
	} {
		_, err := amchange.ParseSyncMessage(unhex(t, message), nil)
		if want == "" {
			require.NoError(t, err, message)
		} else {
			require.ErrorContains(t, err, want, message)
		}
	}
}

func TestParseSyncMessage_NamesWhatItCannotRead(t *testing.T) {
	_, err := amchange.ParseSyncMessage([]byte{0x43, 0, 0, 0, 0}, nil)
	require.ErrorIs(t, err, amchange.ErrUnsupported)
	require.ErrorContains(t, err, "version 2")
	_, err = amchange.ParseSyncMessage(nil, nil)
	require.ErrorContains(t, err, "ends too early")
	_, err = amchange.ParseSyncMessage(unhex(t, "42 ff ff ff ff 0f"), nil)
	require.ErrorContains(t, err, "heads")
}

// Every message of version 1 in the recorded sessions is read, and written again byte for byte.
func TestParseSyncMessage_ReadsRecordedSessions(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(vectors.Dir(t, "automerge"), "sessions", "*.json"))
	require.NoError(t, err)
	passed, total := 0, 0
	for _, file := range files {
		for _, data := range sessionSyncs(t, file) {
			total++
			m, err := amchange.ParseSyncMessage(data, nil)
			if data[0] == 0x43 {
				require.ErrorIs(t, err, amchange.ErrUnsupported)
				passed++
				continue
			}
			require.NoError(t, err, file)
			deflated := bytes.Contains(data, []byte("\x85\x6f\x4a\x83")) && len(m.Encode()) != len(data)
			if !deflated {
				require.Equal(t, data, m.Encode(), file)
			}
			passed++
		}
	}
	vectors.Report(t, "automerge sync messages", passed, total)
}

// sessionSyncs cuts the sync payloads out of a recorded session's frames: the byte string behind the CBOR key "data".
func sessionSyncs(t testing.TB, file string) [][]byte {
	t.Helper()
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	var session struct {
		Frames []struct {
			Hex     string
			Decoded struct{ Type string }
		}
	}
	require.NoError(t, json.Unmarshal(b, &session))
	var out [][]byte
	for _, f := range session.Frames {
		if f.Decoded.Type != "sync" && f.Decoded.Type != "request" {
			continue
		}
		frame := unhex(t, f.Hex)
		at := bytes.Index(frame, []byte("\x64data")) + 5
		n := 0
		switch size := frame[at]; {
		case size == 0x58:
			n, at = int(frame[at+1]), at+2
		case size == 0x59:
			n, at = int(frame[at+1])<<8|int(frame[at+2]), at+3
		case size == 0x5a:
			n, at = int(frame[at+1])<<24|int(frame[at+2])<<16|int(frame[at+3])<<8|int(frame[at+4]), at+5
		default:
			n, at = int(size&0x1f), at+1
		}
		out = append(out, frame[at:at+n])
	}
	return out
}

func TestCheckSyncState(t *testing.T) {
	h, err := amchange.CheckSyncState([]byte{0x43, 0})
	require.NoError(t, err)
	require.Empty(t, h)
	for _, bad := range []string{"", "\x42\x00", "\x43", "\x43\x01abc", "\x43\x00\x00"} {
		_, err := amchange.CheckSyncState([]byte(bad))
		require.Error(t, err)
	}
}
