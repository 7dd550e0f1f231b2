package main

import (
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/rowloom/rowloom/hub"
	"github.com/rowloom/rowloom/synchronizer"
)

// newLogger returns a logger for the flags --log-level and --log-format.
func newLogger(w io.Writer, level, format string) *slog.Logger {
	var l slog.Level
	_ = l.UnmarshalText([]byte(level)) // the flag allows known names only
	o := &slog.HandlerOptions{Level: l}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

// logEvents logs what a hub does. A request is logged by its path only: the query may hold a token.
func logEvents(log *slog.Logger) hub.Events {
	return hub.Events{
		RoomLoaded:   func(room string, took time.Duration) { log.Debug("room loaded", "room", room, "took", took) },
		RoomUnloaded: func(room string) { log.Debug("room unloaded", "room", room) },
		RoomFailed:   func(room string, err error) { log.Error("room given up", "room", room, "error", err) },
		Compacted: func(room string, bytes int, took time.Duration) {
			log.Debug("log compacted", "room", room, "bytes", bytes, "took", took)
		},
		Connected: func(family, room, remote string) {
			log.Info("connected", "family", family, "room", room, "remote", remote)
		},
		Disconnected: func(family, room, remote string, err error) {
			switch {
			case synchronizer.CodeOf(err) == synchronizer.CodeAbnormal: // a lid was closed, a network left
				log.Info("disconnected", "family", family, "room", room, "remote", remote, "error", err)
				return
			case err != nil:
				log.Warn("disconnected", "family", family, "room", room, "remote", remote, "error", err)
				return
			}
			log.Info("disconnected", "family", family, "room", room, "remote", remote)
		},
		Served: func(r *http.Request, status int, took time.Duration) {
			log.Debug("served", "method", r.Method, "path", r.URL.Path, "status", status, "took", took)
		},
		WriteFailed: func(err error) { log.Error("the database cannot be written", "error", err) },
		Fault:       func(what string, err error) { log.Error("fault", "what", what, "error", err) },
	}
}
