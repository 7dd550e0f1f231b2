package hub

import (
	"net/http"
	"net/url"
	"strings"
)

// reserved are the first parts of addresses that are no family.
var reserved = map[string]bool{"": true, "api": true, "healthz": true, "readyz": true, "metrics": true, "page": true, "favicon.ico": true}

// route is what to do with requests to an address.
type route struct {
	address string // its name in the metrics
	serve   func(*answer) error
	methods []string // that it has; HEAD and OPTIONS come with them
}

// to returns a route.
func to(address string, serve func(*answer) error, methods ...string) (route, error) {
	return route{address, serve, methods}, nil
}

// nowhere returns the route to an address where there is nothing, and why.
func nowhere(address string, why error) (route, error) { return route{address: address}, why }

var errNowhere = &problem{status: http.StatusNotFound, detail: "there is nothing at this address: rooms are at /api/rooms/ROOM"}

// route finds out what to do.
func (h *Hub) route(u *url.URL) (route, error) {
	parts, err := segments(u)
	if err != nil {
		return nowhere("other", err)
	}
	switch first := parts[0]; {
	case len(parts) == 1 && first == "":
		return to("page", (*answer).page, "GET")
	case first == "page" && len(parts) == 2:
		return to("page", func(a *answer) error { return a.asset(parts[1]) }, "GET")
	case first == "healthz" && len(parts) == 1:
		return to("healthz", (*answer).health, "GET")
	case first == "readyz" && len(parts) == 1:
		return to("readyz", (*answer).ready, "GET")
	case first == "metrics" && len(parts) == 1:
		return to("metrics", (*answer).metrics, "GET")
	case first == "api" && len(parts) >= 2 && parts[1] == "rooms":
		if len(parts) == 2 {
			return to("rooms", (*answer).rooms, "GET")
		}
		return h.routeRoom(parts[2], parts[3:])
	}
	for _, f := range h.opts.Families {
		if e, ok := f.(Endpoint); ok && f.Name() == parts[0] {
			// A slash that a client did not encode belongs to the name: y-websocket sends names as they are.
			room, has := strings.Join(parts[1:], "/"), len(parts) > 1
			return to(f.Name(), func(a *answer) error { return a.socket(e, room, has) }, "GET")
		}
	}
	if family, why := Lacking(); family != "" && family == parts[0] {
		return nowhere(family, &problem{status: http.StatusNotImplemented, detail: why})
	}
	return nowhere("other", errNowhere)
}

// routeRoom finds out what to do below the address of a room.
func (h *Hub) routeRoom(room string, parts []string) (route, error) {
	if err := h.checkRoom(room); err != nil {
		return nowhere("room", err)
	}
	in := func(address string, fn func(*answer, *Room) error, methods ...string) (route, error) {
		return to(address, func(a *answer) error { return a.inRoom(room, fn) }, methods...)
	}
	if len(parts) == 0 {
		return in("room", (*answer).room, "GET", "PATCH")
	}
	kind, ids := parts[0], parts[1:]
	if err := h.checkIDs(kind, ids); err != nil {
		return nowhere(kind, err)
	}
	switch {
	case kind == "events" && len(ids) == 0:
		return in("events", (*answer).events, "GET")
	case kind == "peers" && len(ids) == 0:
		return to("peers", func(a *answer) error { return a.peers(room) }, "GET")
	case kind == "conflicts" && len(ids) == 0:
		return in("conflicts", (*answer).conflicts, "GET")
	case kind == "tables" && len(ids) == 1:
		return in("table", func(a *answer, r *Room) error { return a.table(r, ids[0]) }, "GET", "DELETE")
	case kind == "tables" && len(ids) == 2:
		return in("row", func(a *answer, r *Room) error { return a.row(r, ids[0], ids[1]) }, "GET", "DELETE")
	case kind == "tables" && len(ids) == 3:
		return in("cell", func(a *answer, r *Room) error { return a.cell(r, ids[0], ids[1], ids[2]) }, "GET", "PUT", "DELETE")
	case kind == "values" && len(ids) == 1:
		return in("value", func(a *answer, r *Room) error { return a.value(r, ids[0]) }, "GET", "PUT", "DELETE")
	}
	return nowhere("other", errNowhere)
}

// allows says whether an address has a method.
func (to route) allows(method string) bool {
	for _, m := range to.methods {
		if m == method || m == http.MethodGet && method == http.MethodHead {
			return true
		}
	}
	return false
}

// allowed lists the methods of an address, for the header Allow.
func (to route) allowed() string {
	return strings.Replace(strings.Join(to.methods, ", "), "GET", "GET, HEAD", 1) + ", OPTIONS"
}
