package tinybase

import "bytes"

// MaxFrame is how long a frame may be, and what waits to be sent to one peer: 16 MiB, as in TinyBase.
const MaxFrame = 16 << 20

// ServerID is the client id of a server's own store.
const ServerID = "S"

// SplitFrame takes a frame apart: the client before the first line feed, and the rest after it, a part of frame. On the way
// to a server the client is whom the message is for, empty for everybody else; on the way from a server, who sent it.
func SplitFrame(frame []byte) (client string, rest []byte, err error) {
	if len(frame) > MaxFrame {
		limit := OverSocket
		if i := bytes.IndexByte(frame, '\n'); i >= 0 {
			if _, isFragment := parseFragment(frame[i+1:]); isFragment {
				limit = OverFragments
			}
		}
		return "", nil, overflow(limit, "a frame of %d bytes, where %d are allowed", len(frame), MaxFrame)
	}
	i := bytes.IndexByte(frame, '\n')
	if i < 0 {
		return "", nil, invalid("a frame without a line feed")
	}
	return string(frame[:i]), frame[i+1:], nil
}

// AppendFrame appends a frame.
func AppendFrame(dst []byte, client string, rest []byte) []byte {
	dst = append(dst, client...)
	dst = append(dst, '\n')
	return append(dst, rest...)
}
