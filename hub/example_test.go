package hub_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"

	"github.com/rowloom/rowloom/hub"
	"github.com/rowloom/rowloom/store"
)

func Example() {
	dir, err := os.MkdirTemp("", "hub")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)

	ctx := context.Background()
	h, err := hub.Open(ctx, dir, &hub.Options{Families: []hub.Family{hub.Yjs()}})
	if err != nil {
		panic(err)
	}
	defer h.Close(ctx)
	web := httptest.NewServer(h) // a program of your own uses an http.Server
	defer web.Close()

	// The program itself edits the table,
	garden, err := h.Room(ctx, "garden")
	if err != nil {
		panic(err)
	}
	err = garden.Update("me", func(tx *store.Tx) error { return tx.SetCell("beds", "1", "plant", store.Of("leek")) })
	if err != nil {
		panic(err)
	}
	garden.Release()

	// and so does everybody else: by HTTP, or as a Yjs client at ws://HOST/yjs/garden.
	req, _ := http.NewRequest("PUT", web.URL+"/api/rooms/garden/tables/beds/1/size", strings.NewReader("2.5"))
	if res, err := http.DefaultClient.Do(req); err != nil {
		panic(err)
	} else {
		res.Body.Close()
	}
	res, err := http.Get(web.URL + "/api/rooms/garden")
	if err != nil {
		panic(err)
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	fmt.Print(string(body))
	http.DefaultClient.CloseIdleConnections()
	// Output: {"room":"garden","tables":{"beds":{"1":{"plant":"leek","size":2.5}}},"values":{}}
}
