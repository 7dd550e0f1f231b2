package hub

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"
)

// checkRoom refuses what is not the name of a room.
func (h *Hub) checkRoom(name string) error {
	return checkName("room", name, h.opts.Limits.RoomName)
}

// checkIDs refuses what is not the id of a table, row, cell or value in an address.
func (h *Hub) checkIDs(kind string, ids []string) error {
	what := []string{"value"}
	switch kind {
	case "tables":
		what = []string{"table", "row", "cell"}
	case "values":
	default:
		return nil // nothing there has ids
	}
	for i, id := range ids[:min(len(ids), len(what))] {
		if err := checkName(what[i], id, h.opts.Limits.ID); err != nil {
			p := *err.(*problem)
			p.detail += ": PATCH the room instead, which takes any id"
			return &p
		}
	}
	return nil
}

// checkName refuses names that no client can put into an address (the empty one, "." and ".."), that are no text, or that are too long.
func checkName(what, name string, limit int) error {
	reason := ""
	switch {
	case name == "":
		reason = "is empty"
	case name == "." || name == "..":
		reason = fmt.Sprintf("is %q, which is part of the syntax of addresses", name)
	case len(name) > limit:
		reason = fmt.Sprintf("has %d bytes, the limit is %d", len(name), limit)
	case strings.IndexByte(name, 0) >= 0:
		reason = "holds a NUL character"
	case !utf8.ValidString(name):
		reason = "is not UTF-8"
	default:
		return nil
	}
	return &problem{status: http.StatusBadRequest, detail: "the name of the " + what + " " + reason}
}

// segments splits the path of a request at its slashes and decodes each part, so that a slash in a name, sent as %2F, stays in the name.
func segments(u *url.URL) ([]string, error) {
	parts := strings.Split(strings.TrimPrefix(u.EscapedPath(), "/"), "/")
	for i, p := range parts {
		d, err := url.PathUnescape(p)
		if err != nil {
			return nil, &problem{status: http.StatusBadRequest, detail: "the address holds a % that is not followed by two hexadecimal digits"}
		}
		parts[i] = d
	}
	return parts, nil
}
