package ysync_test

import (
	"fmt"
	"testing"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	"github.com/rowloom/rowloom/adapters/yjs/ysync"
	"github.com/rowloom/rowloom/synchronizer"
)

// One client changes one cell; the server applies it and has a message ready for everybody else.
func BenchmarkFanOut(b *testing.B) {
	for _, readers := range []int{1, 50, 200} {
		b.Run(fmt.Sprintf("cells=1/readers=%d", readers), func(b *testing.B) {
			doc := ycrdt.New(&ycrdt.Options{ClientID: 1})
			room := ysync.NewRoom(ysync.Of(doc), nil)
			defer room.Close()
			var sessions []synchronizer.Session
			for range readers + 1 {
				s := ysync.NewServer(room, nil)
				if _, err := s.Start(); err != nil {
					b.Fatal(err)
				}
				sessions = append(sessions, s)
			}
			writer := ycrdt.New(&ycrdt.Options{ClientID: 2})
			var msgs [][]byte
			sub := writer.OnUpdate(func(e ycrdt.UpdateEvent) { msgs = append(msgs, syncMessage(ysync.Update, e.Update)) })
			defer sub.Close()
			for i := range b.N {
				_ = writer.Update(nil, func(tx *ycrdt.Txn) error { return tx.Map("m").Set("k", ycrdt.Number(float64(i))) })
			}
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				if _, err := sessions[0].Receive(msgs[i]); err != nil {
					b.Fatal(err)
				}
				for _, s := range sessions[1:] {
					if out, err := s.Poll(); err != nil || len(out) != 1 {
						b.Fatal(out, err)
					}
				}
			}
		})
	}
}
