package ysync_test

import (
	"fmt"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	"github.com/rowloom/rowloom/adapters/yjs/ysync"
	"github.com/rowloom/rowloom/synchronizer"
)

// A server and a client in one process. On a network, synchronizer.Run takes the place of the pipe:
//
//	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
//		if c, err := ws.Accept(w, r, nil); err == nil {
//			_ = synchronizer.Run(r.Context(), ysync.NewServer(room, nil), c)
//		}
//	})
func Example() {
	server, client := ycrdt.New(nil), ycrdt.New(nil)
	room := ysync.NewRoom(ysync.Of(server), nil)
	defer room.Close()
	here := ysync.NewRoom(ysync.Of(client), nil)
	defer here.Close()

	p := synchronizer.NewPipe(ysync.NewServer(room, nil), ysync.NewClient(here, nil))
	defer p.Close()
	_ = client.Update(nil, func(tx *ycrdt.Txn) error { return tx.Map("pets").Set("fido", ycrdt.String("dog")) })
	if err := p.Pump(); err != nil {
		fmt.Println(err)
	}
	server.View(func(r *ycrdt.Reader) { fmt.Println(r.Map("pets").Get("fido")) })
	fmt.Println(room)
	// Output:
	// "dog" true
	// ysync room: 1 sessions, 0 clients
}
