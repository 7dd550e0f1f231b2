package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rowloom/rowloom/hub"
	"github.com/rowloom/rowloom/hub/roomdb"
)

// serveCmd is `rowloom serve`.
type serveCmd struct {
	Listen string `default:"127.0.0.1:8484" placeholder:"HOST:PORT" help:"Address to listen on (${default}). Port 0 picks a free one."`
	Data   string `default:"./rowloom-data" placeholder:"DIR" help:"Folder for the database (${default}). It is made if it is not there."`

	Token       *string  `placeholder:"SECRET" help:"Who shows this token may read and write. Without tokens everybody may."`
	ReadToken   *string  `placeholder:"SECRET" help:"Who shows this token may read."`
	AllowOrigin []string `placeholder:"ORIGIN" help:"Origin of other web pages that may connect, such as https://app.example.com; may be repeated; * is all."`

	AllowHost []string `placeholder:"NAME" help:"Name by which the server may be addressed; may be repeated; * is any. Needed behind a proxy when it listens on the loopback address without a token."`

	MaxBody        size          `default:"16MiB" placeholder:"SIZE" help:"Largest body of an HTTP request (${default})."`
	MaxMessage     size          `default:"64MiB" placeholder:"SIZE" help:"Largest WebSocket message (${default})."`
	MaxRooms       int           `default:"10000" placeholder:"N" help:"Rooms in memory at the same time (${default})."`
	MaxConnections int           `default:"10000" placeholder:"N" help:"WebSockets and event streams at the same time (${default})."`
	MaxIncoming    size          `default:"1GiB" placeholder:"SIZE" help:"Messages that are being received, on all WebSockets together (${default}); at least three times --max-message."`
	MaxOutgoing    size          `default:"1GiB" placeholder:"SIZE" help:"Messages that wait to be sent, on all WebSockets together (${default}); at least --max-message."`
	MaxDatabase    size          `default:"0" placeholder:"SIZE" help:"Largest database file; 0 is no limit."`
	IdleAfter      time.Duration `default:"1m" placeholder:"TIME" help:"How long a room stays in memory after the last client has gone (${default})."`
	Drain          time.Duration `default:"15s" placeholder:"TIME" help:"How long clients get to go when the server is told to end (${default})."`

	Check string `default:"all" enum:"all,structure,header" help:"What to check of the database at the start: ${enum}."`
	Sync  string `default:"full" enum:"full,normal" help:"When a change counts as durable: full survives a loss of power, normal only the end of the process."`

	LogLevel  string `default:"info" enum:"debug,info,warn,error" help:"What to log: ${enum}."`
	LogFormat string `default:"text" enum:"text,json" help:"How to log: ${enum}."`
}

// Run serves until a signal comes.
func (c *serveCmd) Run(env *environment) error {
	if c.Listen == "" { // it would be all interfaces
		return usageError{errors.New("--listen is empty: write HOST:PORT, such as 127.0.0.1:8484, or :8484 for all interfaces")}
	}
	if c.Data == "" {
		return usageError{errors.New("--data is empty: name a folder, or leave it out for ./rowloom-data")}
	}
	for name, n := range map[string]int64{"max-body": int64(c.MaxBody), "max-message": int64(c.MaxMessage), "max-rooms": int64(c.MaxRooms),
		"max-connections": int64(c.MaxConnections), "max-incoming": int64(c.MaxIncoming), "max-outgoing": int64(c.MaxOutgoing), "idle-after": int64(c.IdleAfter), "drain": int64(c.Drain)} {
		if n <= 0 {
			return usageError{fmt.Errorf("--%s has to be more than 0", name)}
		}
	}
	if c.MaxIncoming/3 < c.MaxMessage { // the buffer of a message that arrives grows by more than twice
		return usageError{fmt.Errorf("--max-incoming=%v has to be at least three times --max-message=%v, or the largest message could not be received", c.MaxIncoming, c.MaxMessage)}
	}
	if c.MaxOutgoing < c.MaxMessage {
		return usageError{fmt.Errorf("--max-outgoing=%v has to be at least --max-message=%v, or the largest message could not be sent", c.MaxOutgoing, c.MaxMessage)}
	}
	for name, token := range map[string]*string{"token": c.Token, "read-token": c.ReadToken} {
		if token != nil && *token == "" { // a variable that somebody forgot to set must not open the door
			return usageError{fmt.Errorf("--%s is empty: leave it out if none is wanted", name)}
		}
	}
	if c.Token == nil && c.ReadToken != nil {
		return usageError{errors.New("--read-token without --token: nobody could write")}
	}
	for _, name := range c.AllowHost {
		if _, _, err := net.SplitHostPort(name); err == nil || name == "" || strings.Contains(name, "/") {
			return usageError{fmt.Errorf("--allow-host %q would never match: write a name without scheme and port", name)}
		}
	}
	log := newLogger(env.stderr, c.LogLevel, c.LogFormat)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)

	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("cannot listen on %s (choose another address with --listen): %w", c.Listen, err)
	}
	defer listener.Close()
	c.announceCheck(env.stderr)
	h, err := hub.Open(env, c.Data, c.options(log, listener.Addr()))
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	c.announce(env.stderr, log, listener.Addr())

	select {
	case err = <-failed:
		err = fmt.Errorf("serve: %w", err)
	case s := <-signals:
		log.Info("ending", "signal", s.String())
	case <-env.Done():
	}
	return errors.Join(err, c.end(log, server, h, signals))
}

// options are the hub's.
func (c *serveCmd) options(log *slog.Logger, at net.Addr) *hub.Options {
	o := &hub.Options{
		Origins:   c.AllowOrigin,
		IdleAfter: c.IdleAfter,
		Limits: hub.Limits{
			Body: int64(c.MaxBody), Message: int64(c.MaxMessage), Rooms: c.MaxRooms, Connections: c.MaxConnections,
			Incoming: int64(c.MaxIncoming), Outgoing: int64(c.MaxOutgoing),
		},
		Log: roomdb.Options{
			MaxBytes: int64(c.MaxDatabase),
			Check:    map[string]roomdb.Check{"all": roomdb.CheckAll, "structure": roomdb.CheckStructure, "header": roomdb.CheckHeader}[c.Check],
			Sync:     map[string]roomdb.Sync{"full": roomdb.SyncFull, "normal": roomdb.SyncNormal}[c.Sync],
		},
		Events: logEvents(log),
	}
	switch {
	case c.Token != nil:
		read := ""
		if c.ReadToken != nil {
			read = *c.ReadToken
		}
		o.Auth = hub.Tokens(*c.Token, read)
	case isLoopback(at):
		o.Hosts = []string{} // only what runs on this machine is meant to reach it
	}
	if len(c.AllowHost) > 0 {
		o.Hosts = c.AllowHost
	}
	return o
}

// announceCheck says on a terminal that the start will take a while.
func (c *serveCmd) announceCheck(w io.Writer) {
	if !isTerminal(w) || c.Check == "header" {
		return
	}
	if stat, err := os.Stat(filepath.Join(c.Data, "rooms.db")); err == nil && stat.Size() > 100<<20 {
		fmt.Fprintf(w, "checking the database (%d MB, about %d s; see --check)\n", stat.Size()>>20, 1+stat.Size()>>27)
	}
}

// announce says where everything is.
func (c *serveCmd) announce(w io.Writer, log *slog.Logger, at net.Addr) {
	data := c.Data
	if abs, err := filepath.Abs(data); err == nil {
		data = abs
	}
	host, everywhere := reachable(at)
	fmt.Fprintf(w, "listening on http://%s\n", host)
	line := func(name, address string) { fmt.Fprintf(w, "  %-9s %s\n", name, address) }
	line("page", "http://"+host+"/")
	line("rooms", "http://"+host+"/api/rooms")
	for _, f := range hub.DefaultFamilies() {
		if _, ok := f.(hub.Addressed); ok { // rooms have addresses of their own
			line(f.Name(), "ws://"+host+"/"+f.Name())
		} else if _, ok := f.(hub.Endpoint); ok {
			line(f.Name(), "ws://"+host+"/"+f.Name()+"/ROOM")
		}
	}
	if family, why := hub.Lacking(); family != "" {
		line(family, "is missing: "+why)
	}
	line("data", data)
	if everywhere {
		line("network", "all interfaces of this machine: others reach it by its name or address, at the same port")
	}
	if !isLoopback(at) && c.Token == nil {
		log.Warn("everybody who reaches this address may read and write: set --token")
	}
}

// end lets requests and clients end, stores everything, and closes. A second signal ends that at once.
func (c *serveCmd) end(log *slog.Logger, server *http.Server, h *hub.Hub, signals <-chan os.Signal) error {
	ctx, cancel := context.WithTimeout(context.Background(), c.Drain)
	defer cancel()
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		select {
		case <-signals:
			cancel()
		case <-stop:
		}
	}()
	down := make(chan error, 1)
	go func() { down <- server.Shutdown(ctx) }() // no new connections from now on
	err := h.Close(ctx)
	if shutdown := <-down; shutdown != nil {
		_ = server.Close()
	}
	if err != nil && ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		log.Warn("some clients did not go in time", "error", err)
		err = nil
	}
	if err == nil {
		log.Info("ended")
	}
	return err
}

// reachable returns the host and port by which this machine reaches an address that is listened on. everywhere says that the address is that of all
// interfaces, which nobody can connect to.
func reachable(at net.Addr) (host string, everywhere bool) {
	a, ok := at.(*net.TCPAddr)
	if !ok || !a.IP.IsUnspecified() {
		return at.String(), false
	}
	name := "localhost" // whichever of its addresses is listened on
	if a.IP.To4() != nil {
		name = "127.0.0.1"
	}
	return net.JoinHostPort(name, strconv.Itoa(a.Port)), true
}

func isLoopback(at net.Addr) bool {
	a, ok := at.(*net.TCPAddr)
	return ok && a.IP.IsLoopback()
}
