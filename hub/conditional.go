package hub

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"

	"github.com/rowloom/rowloom/store"
)

// etag is the entity tag of a room, and of everything in it: the version of its content and, because that counts from when the room was loaded, a number
// that tells this loading from others. As a number it is at least the version and less than the next one.
func (r *Room) etag(version uint64) string { return fmt.Sprintf(`"%d.%012d"`, version, r.loading) }

// newLoading returns a number for a loading of a room, of at most twelve digits. The first of twelve is not 9, so that an entity tag that is rounded to a float64 is
// still less than the next version.
func newLoading() uint64 { return rand.Uint64N(9e11) }

// errNotModified says that the client has what is there already.
var errNotModified = errors.New("hub: not modified")

// condition evaluates If-Match and If-None-Match (RFC 9110, section 13). exists says whether there is something at the address now, and tag is its entity
// tag. The error is errNotModified or a problem.
func (a *answer) condition(tag string, exists bool) error {
	if lines := a.r.Header.Values("If-Match"); len(lines) > 0 && !matches(lines, tag, exists, false) {
		return a.refused("If-Match", tag, exists)
	}
	if lines := a.r.Header.Values("If-None-Match"); len(lines) > 0 && matches(lines, tag, exists, true) {
		if a.r.Method == http.MethodGet || a.r.Method == http.MethodHead {
			return errNotModified
		}
		return a.refused("If-None-Match", tag, exists)
	}
	return nil
}

func (a *answer) refused(header, tag string, exists bool) error {
	is := "there is nothing at this place"
	if exists {
		is = "the ETag is " + tag
	}
	return &problem{status: http.StatusPreconditionFailed, detail: header + " does not hold: " + is}
}

// matches says whether a list of entity tags, or "*", names what is there. In a weak comparison W/"1" is "1"; in a strong one it is nothing. What follows
// a mistake in the list does not count.
func matches(lines []string, tag string, exists, weak bool) bool {
	if !exists {
		return false
	}
	list := strings.Join(lines, ",")
	if strings.Trim(list, " \t") == "*" {
		return true
	}
	for {
		list = strings.TrimLeft(list, " \t,")
		opaque, isWeak := strings.CutPrefix(list, "W/")
		if !strings.HasPrefix(opaque, `"`) {
			return false
		}
		end := strings.IndexByte(opaque[1:], '"') + 2
		if end < 2 {
			return false
		}
		if opaque[:end] == tag && (weak || !isWeak) {
			return true
		}
		list = strings.TrimLeft(opaque[end:], " \t")
		if list != "" && list[0] != ',' {
			return false
		}
	}
}

// sendOf answers with something of a room: what write appends, unless the client has that already.
func (a *answer) sendOf(r *Room, snap *store.Snapshot, write func(b []byte) []byte) error {
	tag := r.etag(snap.Version())
	a.w.Header().Set("ETag", tag)
	if err := a.condition(tag, true); err == errNotModified {
		a.w.Header().Set("Cache-Control", "no-store")
		a.w.WriteHeader(http.StatusNotModified)
		return nil
	} else if err != nil {
		return err
	}
	return a.send(http.StatusOK, jsonType, append(write(nil), '\n'))
}
