package hub

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/rowloom/rowloom/internal/jsjson"
	"github.com/rowloom/rowloom/store"
)

// problem is an error that a client is told, as a problem document (RFC 9457) with two more members: path, a JSON pointer (RFC 6901), and offset, a number of
// bytes, both into the body of the request.
type problem struct {
	status int
	detail string
	path   string
	offset int
	where  bool // path and offset are known
	header map[string]string
}

func (p *problem) Error() string { return p.detail }

// problemOf returns what a client is told about err.
func problemOf(err error) *problem {
	var p *problem
	var tooBig *http.MaxBytesError
	var set *store.SetError
	switch {
	case errors.As(err, &p):
		return p
	case errors.Is(err, errNoAccess):
		return &problem{status: http.StatusUnauthorized, detail: err.Error(), header: map[string]string{"WWW-Authenticate": `Bearer realm="rowloom"`}}
	case errors.As(err, &tooBig):
		return &problem{status: http.StatusRequestEntityTooLarge, detail: fmt.Sprintf("the body is larger than %d bytes", tooBig.Limit)}
	case errors.As(err, &set):
		return &problem{status: http.StatusUnprocessableEntity, detail: fmt.Sprintf("%v: %v", set.Path, set.Err)}
	case errors.Is(err, ErrLoad):
		return &problem{status: http.StatusServiceUnavailable, detail: ErrLoad.Error()}
	case errors.Is(err, ErrTooManyRooms), errors.Is(err, ErrClosed), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return &problem{status: http.StatusServiceUnavailable, detail: err.Error(), header: map[string]string{"Retry-After": "5"}}
	}
	return &problem{status: http.StatusInternalServerError, detail: "a fault of the server"}
}

func (p *problem) write(w http.ResponseWriter) {
	b := append([]byte(nil), `{"title":`...)
	b = jsjson.AppendString(b, http.StatusText(p.status))
	b = append(b, `,"status":`...)
	b = strconv.AppendInt(b, int64(p.status), 10)
	b = append(b, `,"detail":`...)
	b = jsjson.AppendString(b, strings.ToValidUTF8(p.detail, "\uFFFD"))
	if p.where {
		b = append(b, `,"path":`...)
		b = jsjson.AppendString(b, p.path)
		b = append(b, `,"offset":`...)
		b = strconv.AppendInt(b, int64(p.offset), 10)
	}
	b = append(b, "}\n"...)
	h := w.Header()
	for k, v := range p.header {
		h.Set(k, v)
	}
	h.Set("Content-Type", "application/problem+json")
	h.Set("Content-Length", strconv.Itoa(len(b)))
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(p.status)
	_, _ = w.Write(b)
}

// pointer returns a JSON pointer.
func pointer(ids ...string) string {
	var b strings.Builder
	for _, id := range ids {
		b.WriteByte('/')
		b.WriteString(strings.NewReplacer("~", "~0", "/", "~1").Replace(id))
	}
	return b.String()
}
