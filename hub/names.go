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
