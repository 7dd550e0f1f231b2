package tinybase_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"time"

	"github.com/rowloom/rowloom/adapters/tinybase"
	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/mergeable"
)

// A server with a store for each path, and a client of one of them. TinyBase's createWsSynchronizer connects to the same URL.
func ExampleServer() {
	server := tinybase.NewServer(&tinybase.ServerOptions{
		Open: func(context.Context, string) (*mergeable.Store, error) { return mergeable.New(store.New(), nil) },
	})
	h := httptest.NewServer(server) // or http.ListenAndServe(addr, server)
	defer h.Close()
	defer server.Close()

	m, err := mergeable.New(store.New(), nil)
	if err != nil {
		panic(err)
	}
	client := tinybase.New(m, tinybase.WebSocket(h.URL+"/pets", nil), nil)
	client.Start()
	defer client.Stop()
	if err := m.Store().Update(func(tx *store.Tx) error { return tx.SetCell("pets", "fido", "species", store.Of("dog")) }); err != nil {
		panic(err)
	}
	for server.Room("pets") == nil || !server.Room("pets").Store().Store().Snapshot().HasTable("pets") {
		time.Sleep(time.Millisecond)
	}
	fmt.Println(server.Paths(), server.Room("pets").Store().Store().Snapshot().Cell("pets", "fido", "species"))
	// Output: [pets] "dog"
}

// Any number of stores in one process, under one name.
func ExampleBroadcast() {
	pets := tinybase.NewBroadcast("") // with a path: any number of processes
	defer pets.Close()
	var stores []*mergeable.Store
	for range 2 {
		m, err := mergeable.New(store.New(), nil)
		if err != nil {
			panic(err)
		}
		s := tinybase.New(m, pets.Dial, nil)
		s.Start()
		defer s.Stop()
		stores = append(stores, m)
	}
	if err := stores[0].Store().Update(func(tx *store.Tx) error { return tx.SetValue("open", store.Of(true)) }); err != nil {
		panic(err)
	}
	for !stores[1].Store().Snapshot().Value("open").Exists() {
		time.Sleep(time.Millisecond)
	}
	fmt.Println(stores[1].Store().Snapshot().Value("open"))
	// Output: true
}
