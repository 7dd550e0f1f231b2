package hub

import (
	"context"
	"net/http"
	"time"
)

const textType = "text/plain; charset=utf-8"

// health says that the process runs.
func (a *answer) health() error {
	return a.send(http.StatusOK, textType, []byte("ok\n"))
}

// ready says whether rooms can be used: not while the hub closes, and not while the database cannot be written.
func (a *answer) ready() error {
	if a.hub.closed() {
		return &problem{status: http.StatusServiceUnavailable, detail: "shutting down"}
	}
	if a.hub.db.Err() != nil { // perhaps it has become possible again
		ctx, cancel := context.WithTimeout(a.r.Context(), 2*time.Second)
		defer cancel()
		if err := a.hub.db.Ping(ctx); err != nil {
			return &problem{status: http.StatusServiceUnavailable, detail: "the database cannot be written"}
		}
	}
	return a.send(http.StatusOK, textType, []byte("ready\n"))
}
