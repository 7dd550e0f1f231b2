package tinybase

import (
	"bytes"
	"strings"

	"github.com/rowloom/rowloom/internal/jsjson"
)

// Subprotocol is what both sides must name at the WebSocket handshake before channels can be used.
const Subprotocol = "tinybase"

// The limits of channels, as in TinyBase.
const (
	MaxChannels   = 100  // per socket
	MaxChannelLen = 1024 // bytes of a channel's name
)

const channelMark = "M\n"

// SplitChannel takes a frame of a shared socket apart: M LF channel LF frame. It reports false when it is not of this form;
// then it is a Control, or wrong.
func SplitChannel(frame []byte) (channel string, inner []byte, ok bool) {
	rest, ok := bytes.CutPrefix(frame, []byte(channelMark))
	if !ok {
		return "", nil, false
	}
	name, inner, ok := bytes.Cut(rest, []byte{'\n'})
	return string(name), inner, ok
}

// AppendChannel appends a frame for a channel of a shared socket.
func AppendChannel(dst []byte, channel string, frame []byte) []byte {
	dst = append(dst, channelMark...)
	dst = append(dst, channel...)
	dst = append(dst, '\n')
	return append(dst, frame...)
}

// CheckChannel says what is wrong with the name of a channel: too long is a [*ProtocolError] with CloseOverflow; empty,
// with a line feed, a carriage return, ? or #, or with an empty part, . or .. between slashes is one with CloseInvalid.
func CheckChannel(name string) error {
	switch {
	case len(name) > MaxChannelLen:
		return overflow(OverChannels, "a channel's name of %d bytes, where %d are allowed", len(name), MaxChannelLen)
	case name == "" || name == undefined:
		return invalid("a channel without a name")
	case strings.ContainsAny(name, "\n\r?#"):
		return invalid("the channel's name %q has a line feed, a carriage return, ? or #", name)
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || part == "." || part == ".." {
			return invalid("the channel's name %q has the part %q", name, part)
		}
	}
	return nil
}

// ControlOp is what a Control asks for.
type ControlOp uint8

// The controls of a shared socket.
const (
	Hello       ControlOp = iota // the first one, answered by itself
	Subscribe                    // open a channel, answered by itself
	Unsubscribe                  // close a channel, without an answer
)

// Control is a frame that opens or closes a channel: S LF [id,-1,[op,argument]].
type Control struct {
	ID      string // not of Unsubscribe, whose id is null
	Op      ControlOp
	Channel string // not of Hello, whose argument is the version, 1
}

// IsControl reports whether a frame of a shared socket is a control frame rather than one of a channel.
func IsControl(frame []byte) bool { return bytes.HasPrefix(frame, []byte(ServerID+"\n")) }

// ParseControl reads a control frame. The name of the channel is not checked. The error is a [*ProtocolError].
func ParseControl(frame []byte) (Control, error) {
	var c Control
	rest, ok := bytes.CutPrefix(frame, []byte(ServerID+"\n"))
	if !ok {
		return c, invalid("neither a control frame nor one of a channel")
	}
	r := jsjson.NewReader(rest, &jsjson.Options{MaxDepth: maxDepth})
	element := func(more bool) {
		if r.NextElement() != more {
			r.Failf("a control is [id,-1,[op,argument]]")
		}
	}
	r.BeginArray()
	element(true)
	noID := r.Peek() == jsjson.Null
	if noID {
		r.Null()
	} else if c.ID = string(r.Text()); c.ID == undefined {
		r.Failf("an id is null or a string")
	}
	element(true)
	if r.Number() != -1 {
		r.Failf("the message of a control is -1")
	}
	element(true)
	r.BeginArray()
	element(true)
	op := r.Number()
	element(true)
	switch {
	case op == 0 && !noID:
		if r.Number() != 1 {
			r.Failf("the version of shared sockets is 1")
		}
	case op == 1 && !noID, op == 2 && noID:
		c.Channel = string(r.Text())
	default:
		r.Failf("there is no such control")
	}
	c.Op = ControlOp(op)
	element(false)
	element(false)
	if err := r.End(); err != nil {
		return Control{}, invalid("not a control frame: %v", err)
	}
	return c, nil
}

// Append appends the control frame.
func (c Control) Append(dst []byte) []byte {
	dst = append(dst, ServerID+"\n["...)
	if c.Op == Unsubscribe {
		dst = append(dst, "null"...)
	} else {
		dst = jsjson.AppendString(dst, c.ID)
	}
	dst = append(dst, ",-1,["...)
	dst = append(dst, '0'+byte(c.Op), ',')
	if c.Op == Hello {
		dst = append(dst, '1')
	} else {
		dst = jsjson.AppendString(dst, c.Channel)
	}
	return append(dst, "]]"...)
}
