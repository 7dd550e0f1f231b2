package hub

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/http"
	"strings"
)

// Access is what somebody may do.
type Access uint8

// The levels of Access. Each includes the ones before.
const (
	NoAccess Access = iota
	ReadOnly
	ReadWrite
)

// String returns the name of the level.
func (a Access) String() string {
	return [...]string{"no access", "read-only", "read-write"}[min(a, ReadWrite)]
}

// Auth says what the sender of a request may do in a room, or with the hub as a whole (the list of rooms, the metrics) if room is "". It is asked for every
// request, and for every room that a connection opens. An error is a fault of the check, not a refusal: the request is answered with 503.
type Auth func(r *http.Request, room string) (Access, error)

// Tokens returns an Auth that knows two tokens: who shows the first may read and write, who shows the second may read. An empty token is nobody's. A token comes as
// "Authorization: Bearer TOKEN" or, for WebSockets and event streams, which browsers open without headers, as the query parameter token.
func Tokens(readWrite, readOnly string) Auth {
	same := func(a, b string) bool { // takes the same time whatever a is
		x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
		return subtle.ConstantTimeCompare(x[:], y[:]) == 1
	}
	return func(r *http.Request, _ string) (Access, error) {
		token := tokenOf(r)
		switch {
		case token == "":
			return NoAccess, nil
		case readWrite != "" && same(token, readWrite):
			return ReadWrite, nil
		case readOnly != "" && same(token, readOnly):
			return ReadOnly, nil
		}
		return NoAccess, nil
	}
}

func tokenOf(r *http.Request) string {
	if scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(token)
	}
	return r.URL.Query().Get("token")
}

var errNoAccess = errors.New("no access: the token is missing or wrong")

// access returns what the sender of a request may do. No access is an error.
func (h *Hub) access(r *http.Request, room string) (Access, error) {
	if h.opts.Auth == nil {
		return ReadWrite, nil
	}
	a, err := h.opts.Auth(r, room)
	if err != nil {
		return NoAccess, &problem{status: http.StatusServiceUnavailable, detail: "it cannot be checked now who may do this"}
	}
	if a == NoAccess {
		return NoAccess, errNoAccess
	}
	return a, nil
}
