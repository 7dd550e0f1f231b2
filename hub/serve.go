package hub

import (
	"bufio"
	"errors"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/rowloom/rowloom/synchronizer"
)

// ServeHTTP answers a request to any of the addresses in the description of the package.
func (h *Hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := h.opts.Now()
	rec := &recorder{ResponseWriter: w, timeout: h.opts.Limits.SendTimeout}
	rec.deadline() // that of the request before on this connection may be over
	to, err := h.route(r.URL)
	defer func() {
		took := h.opts.Now().Sub(start)
		h.metrics.served(to.address, r.Method, rec.code(), took)
		if ev := h.opts.Events.Served; ev != nil {
			ev(r, rec.code(), took)
		}
	}()
	err = h.answer(rec, r, to, err)
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

// answer is one request being answered.
type answer struct {
	hub *Hub
	w   *recorder
	r   *http.Request
}

// answer answers a request. wrong, if not nil, says that there is nothing at its address; that, too, is told only to whom may ask, and with the headers that let a
// page of another origin read it.
func (h *Hub) answer(w *recorder, r *http.Request, to route, wrong error) error {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if !h.addressed(r.Host) {
		return &problem{status: http.StatusMisdirectedRequest, detail: "this server may not be addressed as " + r.Host + " (--allow-host, or Options.Hosts, says as what it may)"}
	}
	ok, cross := h.origins.allows(r)
	if cross {
		w.Header().Add("Vary", "Origin")
	}
	if !ok {
		return &problem{status: http.StatusForbidden, detail: "pages of the origin " + r.Header.Get("Origin") + " may not use this server (--allow-origin, or Options.Origins, says which may)"}
	}
	if cross {
		w.Header().Set("Access-Control-Allow-Origin", r.Header.Get("Origin"))
		w.Header().Set("Access-Control-Expose-Headers", "ETag")
		if r.Method == http.MethodOptions {
			w.Header().Set("Access-Control-Allow-Methods", "GET, HEAD, PUT, PATCH, DELETE")
			w.Header().Set("Access-Control-Allow-Headers", "Authorization, Content-Type, If-Match, If-None-Match, Last-Event-ID")
			w.Header().Set("Access-Control-Max-Age", "600")
			w.WriteHeader(http.StatusNoContent)
			return nil
		}
	}
	switch {
	case wrong != nil:
		return wrong
	case to.allows(r.Method):
		return to.serve(&answer{hub: h, w: w, r: r})
	case r.Method == http.MethodOptions:
		w.Header().Set("Allow", to.allowed())
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	return &problem{
		status: http.StatusMethodNotAllowed,
		detail: r.Method + " is not possible here, but " + to.allowed(),
		header: map[string]string{"Allow": to.allowed()},
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
