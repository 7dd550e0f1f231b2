package hub

import (
	"bufio"
	"errors"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/rowloom/rowloom/synchronizer"
)

// reserved are the first parts of addresses that are no family.
var reserved = map[string]bool{"": true, "api": true, "healthz": true, "readyz": true, "metrics": true, "page": true, "favicon.ico": true}

// ServeHTTP answers a request to any of the addresses in the description of the package.
func (h *Hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := h.opts.Now()
	rec := &recorder{ResponseWriter: w, timeout: h.opts.Limits.SendTimeout}
	rec.deadline() // that of the request before on this connection may be over
	address := "other"
	defer func() {
		took := h.opts.Now().Sub(start)
		h.metrics.served(address, r.Method, rec.code(), took)
		if ev := h.opts.Events.Served; ev != nil {
			ev(r, rec.code(), took)
		}
	}()
	parts, err := segments(r.URL)
	if err == nil {
		var serve func(*answer) error
		if serve, address, err = h.route(parts); err == nil {
			err = h.answer(rec, r, serve)
		}
	}
	var written *errWritten
	if err != nil && !errors.As(err, &written) {
		p := problemOf(err)
		if p.status == http.StatusInternalServerError {
			h.fault("answer "+r.Method+" "+r.URL.Path, err)
		}
		if rec.status == 0 {
			p.write(rec)
		}
	}
}

func (h *Hub) fault(what string, err error) {
	if ev := h.opts.Events.Fault; ev != nil {
		ev(what, err)
	}
}

// errWritten is an error after the answer has begun, which nobody can be told any more.
type errWritten struct{ error }

func (e *errWritten) Unwrap() error { return e.error }

// route finds out what to do, and the name that the address has in the metrics.
func (h *Hub) route(parts []string) (serve func(*answer) error, address string, err error) {
	notFound := &problem{status: http.StatusNotFound, detail: "there is nothing at this address"}
	switch first := parts[0]; {
	case len(parts) == 1 && first == "":
		return (*answer).page, "page", nil
	case first == "page" && len(parts) == 2:
		return func(a *answer) error { return a.asset(parts[1]) }, "page", nil
	case first == "healthz" && len(parts) == 1:
		return (*answer).health, "healthz", nil
	case first == "readyz" && len(parts) == 1:
		return (*answer).ready, "readyz", nil
	case first == "metrics" && len(parts) == 1:
		return (*answer).metrics, "metrics", nil
	case first == "api" && len(parts) >= 2 && parts[1] == "rooms":
		if len(parts) == 2 {
			return (*answer).rooms, "rooms", nil
		}
		return h.routeRoom(parts[2], parts[3:])
	}
	for _, f := range h.opts.Families {
		if e, ok := f.(Endpoint); ok && f.Name() == parts[0] {
			// A slash that a client did not encode belongs to the name: y-websocket sends names as they are.
			room, has := strings.Join(parts[1:], "/"), len(parts) > 1
			return func(a *answer) error { return a.socket(e, room, has) }, f.Name(), nil
		}
	}
	if family, why := Lacking(); family != "" && family == parts[0] {
		return nil, family, &problem{status: http.StatusNotImplemented, detail: why}
	}
	return nil, "other", notFound
}

// routeRoom finds out what to do below the address of a room.
func (h *Hub) routeRoom(room string, parts []string) (serve func(*answer) error, address string, err error) {
	if err := h.checkRoom(room); err != nil {
		return nil, "room", err
	}
	in := func(fn func(*answer, *Room) error, address string) (func(*answer) error, string, error) {
		return func(a *answer) error { return a.inRoom(room, fn) }, address, nil
	}
	if len(parts) == 0 {
		return in((*answer).room, "room")
	}
	ids := parts[1:]
	for i, id := range ids {
		what := "value"
		if parts[0] == "tables" {
			what = []string{"table", "row", "cell"}[min(i, 2)]
		}
		if err := checkName(what, id, h.opts.Limits.ID); err != nil {
			p := *err.(*problem)
			p.detail += ": PATCH the room instead, which takes any id"
			return nil, parts[0], &p
		}
	}
	switch {
	case parts[0] == "events" && len(ids) == 0:
		return in((*answer).events, "events")
	case parts[0] == "peers" && len(ids) == 0:
		return func(a *answer) error { return a.peers(room) }, "peers", nil
	case parts[0] == "conflicts" && len(ids) == 0:
		return in((*answer).conflicts, "conflicts")
	case parts[0] == "tables" && len(ids) == 1:
		return in(func(a *answer, r *Room) error { return a.table(r, ids[0]) }, "table")
	case parts[0] == "tables" && len(ids) == 2:
		return in(func(a *answer, r *Room) error { return a.row(r, ids[0], ids[1]) }, "row")
	case parts[0] == "tables" && len(ids) == 3:
		return in(func(a *answer, r *Room) error { return a.cell(r, ids[0], ids[1], ids[2]) }, "cell")
	case parts[0] == "values" && len(ids) == 1:
		return in(func(a *answer, r *Room) error { return a.value(r, ids[0]) }, "value")
	}
	return nil, "other", &problem{status: http.StatusNotFound, detail: "there is nothing at this address"}
}

// answer is one request being answered.
type answer struct {
	hub *Hub
	w   *recorder
	r   *http.Request
}

func (h *Hub) answer(w *recorder, r *http.Request, serve func(*answer) error) (err error) {
	if !h.addressed(r.Host) {
		return &problem{status: http.StatusMisdirectedRequest, detail: "this server may not be addressed as " + r.Host + " (see the option for allowed hosts)"}
	}
	ok, cross := h.origins.allows(r)
	if cross {
		w.Header().Add("Vary", "Origin")
	}
	if !ok {
		return &problem{status: http.StatusForbidden, detail: "pages of the origin " + r.Header.Get("Origin") + " may not use this server (see the option for allowed origins)"}
	}
	if cross {
		w.Header().Set("Access-Control-Allow-Origin", r.Header.Get("Origin"))
		w.Header().Set("Access-Control-Expose-Headers", "ETag")
		if r.Method == http.MethodOptions {
			w.Header().Set("Access-Control-Allow-Methods", "GET, HEAD, PUT, PATCH, DELETE")
			w.Header().Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Last-Event-ID")
			w.Header().Set("Access-Control-Max-Age", "600")
			w.WriteHeader(http.StatusNoContent)
			return nil
		}
	}
	w.Header().Set("X-Content-Type-Options", "nosniff")
	return serve(&answer{hub: h, w: w, r: r})
}

// allow refuses methods that an address does not have. HEAD goes with GET.
func (a *answer) allow(methods ...string) error {
	for _, m := range methods {
		if a.r.Method == m || a.r.Method == http.MethodHead && m == http.MethodGet {
			return nil
		}
	}
	return &problem{
		status: http.StatusMethodNotAllowed,
		detail: a.r.Method + " is not possible here, but " + strings.Join(methods, ", "),
		header: map[string]string{"Allow": strings.Join(methods, ", ")},
	}
}

// need refuses those who may not do what the method of the request does.
func (a *answer) need(room string) error {
	access, err := a.hub.access(a.r, room)
	if err != nil {
		return err
	}
	if access < ReadWrite && a.r.Method != http.MethodGet && a.r.Method != http.MethodHead {
		return &problem{status: http.StatusForbidden, detail: "this access is read-only"}
	}
	return nil
}

// inRoom opens a room, checks the access to it, and calls fn.
func (a *answer) inRoom(name string, fn func(*answer, *Room) error) error {
	if err := a.need(name); err != nil {
		return err
	}
	room, err := a.hub.Room(a.r.Context(), name)
	if err != nil {
		return err
	}
	defer room.Release()
	return fn(a, room)
}

// send writes a body of JSON, or of another type.
func (a *answer) send(status int, contentType string, body []byte) error {
	a.w.Header().Set("Content-Type", contentType)
	a.w.Header().Set("Cache-Control", "no-store")
	a.w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	a.w.WriteHeader(status)
	if a.r.Method == http.MethodHead {
		return nil
	}
	if _, err := a.w.Write(body); err != nil {
		return &errWritten{err}
	}
	return nil
}

// recorder remembers the status of an answer, and gives each piece of it its time to leave.
type recorder struct {
	http.ResponseWriter
	timeout time.Duration
	status  int
}

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.deadline()
	w.ResponseWriter.WriteHeader(status)
}

// pieceBytes is how much of an answer has to leave within the timeout.
const pieceBytes = 256 << 10

func (w *recorder) Write(b []byte) (n int, err error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	for {
		w.deadline()
		m, err := w.ResponseWriter.Write(b[:min(len(b), pieceBytes)])
		n, b = n+m, b[m:]
		if err != nil || len(b) == 0 {
			return n, err
		}
	}
}

func (w *recorder) deadline() {
	_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(time.Now().Add(w.timeout))
}

// Unwrap is for http.ResponseController and the hijacking of WebSockets.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Hijack notes that the connection is no HTTP any more.
func (w *recorder) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	w.status = http.StatusSwitchingProtocols
	return http.NewResponseController(w.ResponseWriter).Hijack()
}

func (w *recorder) code() int {
	if w.status == 0 {
		return http.StatusOK
	}
	return w.status
}

// remoteOf returns who is at the other end, for events.
func remoteOf(r *http.Request) string { return r.RemoteAddr }

// orderly returns err, or nil if it is an end in good order.
func orderly(err error) error {
	if code := synchronizer.CodeOf(err); code == synchronizer.CodeNormal || code == synchronizer.CodeGoingAway || errors.Is(err, ErrClosed) {
		return nil
	}
	return err
}
