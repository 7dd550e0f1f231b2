package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"

	"github.com/coder/websocket"
)

// passOn is a server for throughServer that merges nothing and waits for nobody: each message is written to all sockets, one after the other.
func passOn() error {
	var mu sync.Mutex
	var sockets []net.Conn
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		socket := &hijacking{ResponseWriter: w}
		c, err := websocket.Accept(socket, r, nil)
		if err != nil {
			return
		}
		defer func() { _ = c.CloseNow() }()
		mu.Lock()
		sockets = append(sockets, socket.conn)
		mu.Unlock()
		for {
			_, msg, err := c.Read(context.Background())
			if err != nil {
				return
			}
			frame := append([]byte{0x81, 126, byte(len(msg) >> 8), byte(len(msg))}, msg...)
			mu.Lock()
			for _, s := range sockets {
				if s != socket.conn {
					_, _ = s.Write(frame) // one that has gone is of no interest
				}
			}
			mu.Unlock()
		}
	}))
	fmt.Println(h.URL)
	_, err := io.Copy(io.Discard, os.Stdin)
	h.CloseClientConnections()
	return err
}

// hijacking keeps the connection that a handler takes over.
type hijacking struct {
	http.ResponseWriter
	conn net.Conn
}

func (h *hijacking) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	h.conn = conn
	return conn, rw, err
}
