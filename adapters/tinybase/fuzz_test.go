package tinybase_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/rowloom/rowloom/adapters/tinybase"
	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/mergeable"
	"github.com/rowloom/rowloom/synchronizer"
	"github.com/stretchr/testify/require"
)

// A client may say anything, frame after frame, to a room, a relay or a shared connection. Each goes on or ends its
// connection with one of the protocol's codes; and what the room holds stays whole.
func FuzzSessions(f *testing.F) {
	for _, s := range []string{
		"\n[\"x\",1,\"\"]\x00S\n[\"x\",4,{}]\x00S\n[\"x\",5,{\"t\":{\"r\":1}}]\x00S\n[\"x\",6,{\"t\":{\"r\":{\"c\":1}}}]\x00S\n[\"x\",7,{}]",
		"\n[\"x\",2,[1,2]]\x00S\n[\"x\",0,[[{}],{\"t\":1}]]\x00\n[\"x\",2,[0,0]]",
		"\n[\"x\",3,[[{\"t\":[{\"r\":[{\"c\":[1,\"NjEtLV-----7JQY8\"]}]}]}],[{\"v\":[\"\xef\xbf\xbc\"]}],1]]\x00\n[\"x\",3,[[{\"t\":[{\"r\":[{\"c\":[2,\"NjEtLV-----7JQY8\"]}]}]}],[{}],1]]",
		"S\n[\"h\",-1,[0,1]]\x00S\n[\"s\",-1,[1,\"room\"]]\x00M\nroom\n\n[\"x\",1,\"\"]\x00S\n[null,-1,[2,\"room\"]]",
		"\n0123456789abcdef\n1\n2\n1,\"\"]\x00\n0123456789abcdef\n0\n2\n[\"x\",",
		"\n[\"x\",3,[[{\"t\":[{\"r\":[{\"c\":[\"\xef\xbf\xbd{oops\",\"zzzzzzzzzzzzzzzz\"]},\"NjEtLV-----7JQY8\"]}]}],[{}],1]]",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, said []byte) {
		server := newStore(t, "server", nil)
		require.NoError(t, server.Store().Update(func(tx *store.Tx) error { return tx.SetCell("t", "r", "mine", store.Of(1)) }))
		room := tinybase.NewRoom(server, &tinybase.Options{MaxAnswer: 40, Piece: 20})
		session, _ := room.Session(nil)
		relayed, _ := tinybase.NewRelay(nil).Session()
		shared := tinybase.NewShared(func(_ string, wake chan struct{}, budget *tinybase.Budget) (synchronizer.Session, error) {
			c, _ := room.Channel(wake, &tinybase.Options{Budget: budget})
			return c, nil
		}, nil)
		for _, s := range []synchronizer.Closer{session, relayed, shared} {
			for frame := range bytes.SplitSeq(said, []byte{0}) {
				out, err := s.Receive(bytes.Clone(frame))
				if err != nil {
					code := synchronizer.CodeOf(err)
					require.Contains(t, []synchronizer.Code{synchronizer.CodeMalformed, synchronizer.CodeTryLater}, code, "%v", err)
					break
				}
				for _, f := range out {
					require.LessOrEqual(t, len(f), tinybase.MaxFrame)
				}
				_, err = s.Poll()
				require.NoError(t, err)
			}
			s.Close()
		}
		again, err := mergeable.New(store.New(), &mergeable.Options{Now: func() time.Time { return time.UnixMilli(epoch) }})
		require.NoError(t, err)
		_, err = again.Load(nil, server.AppendContent(nil))
		require.NoError(t, err)
		equal(t, server, again)
	})
}
