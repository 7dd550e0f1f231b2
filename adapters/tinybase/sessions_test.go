package tinybase_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/rowloom/rowloom/adapters/tinybase"
	"github.com/rowloom/rowloom/internal/jsjson"
	"github.com/rowloom/rowloom/internal/vectors"
	"github.com/rowloom/rowloom/store/mergeable"
	"github.com/rowloom/rowloom/synchronizer"
	"github.com/stretchr/testify/require"
)

type recordedFrame struct{ Event, Client, Dir, Text, Reason string }

type recordedSession struct {
	Name        string
	Connections []struct{ Label, Path, Protocol, ClientID string }
	Frames      []recordedFrame
}

// The recorded clients are played again, frame by frame. Where the original server had no data, our relay sends every
// client exactly what the original sent it. Where it had, our room gives the same answers.
func TestVectors_Sessions(t *testing.T) {
	var v struct{ Sessions []recordedSession }
	readVectors(t, "sessions", &v)
	passed := 0
	for _, s := range v.Sessions {
		play := playRelay
		for _, f := range s.Frames {
			if _, err := tinybase.ParseControl([]byte(f.Text)); err != nil && f.Dir == "s2c" && strings.HasPrefix(f.Text, "S\n") {
				play = playRoom // the server spoke for itself
			}
		}
		if play(t, s) {
			passed++
		}
	}
	vectors.Report(t, "tinybase-mergeable/sessions", passed, len(v.Sessions))
}

// playRelay plays a session whose server had no data.
func playRelay(t *testing.T, s recordedSession) bool {
	relays := map[string]*tinybase.Relay{}
	sessions := map[string]synchronizer.Session{}
	toOurs, toTheirs := []string{}, []string{}
	join := func(label string) {
		if sessions[label] != nil {
			return
		}
		for _, c := range s.Connections {
			if c.Label != label {
				continue
			}
			path, _, _ := strings.Cut(strings.TrimPrefix(c.Path, "/"), "?")
			enter := func(path string, wake chan struct{}, budget *tinybase.Budget) synchronizer.Session {
				if relays[path] == nil {
					relays[path] = tinybase.NewRelay(nil)
				}
				session, id := relays[path].Channel(wake, budget)
				toOurs, toTheirs = append(toOurs, c.ClientID, id), append(toTheirs, id, c.ClientID)
				return session
			}
			if c.Protocol == tinybase.Subprotocol {
				sessions[label] = tinybase.NewShared(func(channel string, wake chan struct{}, budget *tinybase.Budget) (synchronizer.Session, error) {
					return enter(path+"/"+channel, wake, budget), nil
				}, nil)
			} else {
				sessions[label] = enter(path, make(chan struct{}, 1), nil)
			}
		}
	}
	got, want := map[string][]string{}, map[string][]string{}
	collect := func(label string, out [][]byte) {
		for _, m := range out {
			got[label] = append(got[label], strings.NewReplacer(toTheirs...).Replace(string(m)))
		}
	}
	for i, f := range s.Frames {
		if f.Event == "teardown begins" {
			break
		}
		if f.Client != "" && f.Event != "close" && f.Event != "still open" {
			join(f.Client)
		}
		switch {
		case f.Event == "close":
			synchronizer.End(sessions[f.Client])
			delete(sessions, f.Client)
		case f.Dir == "s2c":
			want[f.Client] = append(want[f.Client], f.Text)
		case f.Dir == "c2s":
			out, err := sessions[f.Client].Receive([]byte(strings.NewReplacer(toOurs...).Replace(f.Text)))
			collect(f.Client, out)
			closes := i+1 < len(s.Frames) && s.Frames[i+1].Event == "close" && s.Frames[i+1].Reason != ""
			if closes != (err != nil) || closes && synchronizer.ReasonOf(err) != s.Frames[i+1].Reason {
				t.Logf("%s: %q: %v", s.Name, f.Text, err)
				return false
			}
			for label, session := range sessions {
				out, err := session.Poll()
				require.NoError(t, err)
				collect(label, out)
			}
		}
	}
	for _, session := range sessions {
		synchronizer.End(session)
	}
	for label := range want {
		if !reflect.DeepEqual(got[label], want[label]) {
			t.Logf("%s: client %s\n got %q\nwant %q", s.Name, label, got[label], want[label])
			return false
		}
	}
	return len(want) == len(got)
}

// playRoom plays a session whose server had data: what it had is known from its answers.
func playRoom(t *testing.T, s recordedSession) bool {
	read := func(frames *tinybase.Assembler, text string) (m tinybase.Message, ok bool) {
		client, rest, err := tinybase.SplitFrame([]byte(text))
		require.NoError(t, err)
		whole, _, err := frames.Add(client, rest, (&clock{epoch}).now())
		require.NoError(t, err)
		if whole == nil {
			return m, false
		}
		m, err = tinybase.ParseMessage(whole)
		require.NoError(t, err)
		return m, true
	}
	server := newStore(t, "server", nil)
	var asked []tinybase.Message
	kinds := map[string]tinybase.Kind{}
	answers := map[string]json.RawMessage{}
	up, down := tinybase.NewAssembler(nil), tinybase.NewAssembler(nil)
	for _, f := range s.Frames {
		switch f.Dir {
		case "c2s":
			if m, ok := read(up, f.Text); ok && (m.Kind == tinybase.GetContentHashes || m.Kind >= tinybase.GetTableDiff) {
				asked = append(asked, m)
				kinds[m.ID] = m.Kind
			}
		case "s2c":
			if m, ok := read(down, f.Text); ok && m.Kind == tinybase.Response {
				answers[m.ID] = json.RawMessage(m.Body)
				var c *mergeable.Changes
				var err error
				switch kinds[m.ID] {
				case tinybase.GetTableDiff:
					r := jsjson.NewReader(m.Body, nil)
					r.BeginArray()
					r.NextElement()
					c, err = mergeable.ReadTables(r)
				case tinybase.GetValueDiff:
					c, err = mergeable.ReadValues(jsjson.NewReader(m.Body, nil))
				default:
					continue
				}
				require.NoError(t, err)
				_, err = server.Apply("recorded", c)
				require.NoError(t, err)
			}
		}
	}
	session, _ := tinybase.NewRoom(server, nil).Session(nil)
	defer session.Close()
	for _, m := range asked {
		out, err := session.Receive(tinybase.AppendFrame(nil, tinybase.ServerID, m.Append(nil)))
		require.NoError(t, err)
		require.Len(t, out, 1)
		answer, ok := read(tinybase.NewAssembler(nil), string(out[0]))
		var got, want any
		require.NoError(t, json.Unmarshal(answer.Body, &got))
		require.NoError(t, json.Unmarshal(answers[m.ID], &want))
		if !ok || answer.ID != m.ID || !reflect.DeepEqual(got, want) {
			t.Logf("%s: %v: %s, want %s", s.Name, m, answer.Body, answers[m.ID])
			return false
		}
	}
	return len(asked) > 0
}
