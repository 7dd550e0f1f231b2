package amrepo_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/automerge/amrepo"
)

// FuzzSession: no message, before or after the handshake, hurts a server or makes it say something that is no message.
func FuzzSession(f *testing.F) {
	for _, v := range []map[string]any{
		{"type": "join", "senderId": "a", "peerMetadata": map[string]any{"storageId": nil, "isEphemeral": true}, "supportedProtocolVersions": []string{"1"}},
		{"type": "sync", "senderId": "a", "targetId": "server", "documentId": anID, "data": []byte{0x42, 0, 0, 1, 0, 0, 0}},
		{"type": "request", "senderId": "a", "documentId": anID, "data": []byte{0x42, 0, 0, 1, 0, 3, 1, 0, 7, 0}},
		{"type": "ephemeral", "senderId": "a", "documentId": anID, "data": []byte{1}, "count": 1, "sessionId": "s"},
		{"type": "remote-subscription-change", "senderId": "a", "add": []string{"x"}, "remove": []string{"x"}},
		{"type": "remote-heads-changed", "senderId": "a", "documentId": anID, "newHeads": map[string]any{"x": map[string]any{"heads": []string{"y"}, "timestamp": 1.5}}},
		{"type": "doc-unavailable", "senderId": "a", "documentId": anID},
	} {
		f.Add(encode(f, v))
	}
	join := encode(f, map[string]any{"type": "join", "senderId": "a"})
	f.Fuzz(func(t *testing.T, b []byte) {
		server := newParty("server", func(o *amrepo.Options) { o.Gossip = true })
		server.docs.make(anID).set(t, "\xaa", "x", 1)
		for _, first := range [][]byte{nil, join} {
			s := server.Accept()
			if first != nil {
				_, err := s.Receive(first)
				require.NoError(t, err)
			}
			out, err := s.Receive(b)
			for _, m := range out {
				require.NotEmpty(t, typeOf(t, m))
			}
			if err == nil {
				_, _ = s.Poll()
			}
			s.Close()
		}
	})
}

func FuzzParseURL(f *testing.F) {
	f.Add(jsURL)
	f.Fuzz(func(t *testing.T, s string) {
		if u, err := amrepo.ParseURL(s); err == nil {
			again, err := amrepo.ParseURL(u.String())
			require.NoError(t, err)
			require.Equal(t, u, again)
		}
	})
}
