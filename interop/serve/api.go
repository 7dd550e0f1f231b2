package serve

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// Tables and Values are a room's content in native JSON.
type (
	Tables map[string]map[string]map[string]any
	Values map[string]any
)

// Room is the answer of GET /api/rooms/ROOM.
type Room struct {
	Room         string `json:"room"`
	AutomergeURL string `json:"automergeUrl"`
	Content
}

// Content is what a room holds.
type Content struct {
	Tables Tables `json:"tables"`
	Values Values `json:"values"`
}

// TryDo makes one HTTP call and returns the status and the body. Body is sent as it is.
func (s *Server) TryDo(method, path, contentType string, body []byte) (int, []byte, error) {
	req, err := http.NewRequest(method, s.URL()+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	client := http.Client{Timeout: Patience, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	return resp.StatusCode, answer, err
}

// TryPatch applies a JSON merge patch to a room. It returns nil when the server has said that the patch is durable.
func (s *Server) TryPatch(room string, patch any) error {
	body, err := json.Marshal(patch)
	if err != nil {
		return err
	}
	return succeed(s.TryDo("PATCH", roomPath(room), "application/merge-patch+json", body))
}

// Patch is TryPatch that fails the test.
func (s *Server) Patch(room string, patch any) {
	s.t.Helper()
	if err := s.TryPatch(room, patch); err != nil {
		s.t.Fatalf("PATCH %s: %v", room, err)
	}
}

// TryRoom returns what a room holds.
func (s *Server) TryRoom(room string) (Room, error) {
	code, body, err := s.TryDo("GET", roomPath(room), "", nil)
	if err := succeed(code, body, err); err != nil {
		return Room{}, err
	}
	var r Room
	err = json.Unmarshal(body, &r)
	if r.Tables == nil {
		r.Tables = Tables{}
	}
	if r.Values == nil {
		r.Values = Values{}
	}
	return r, err
}

// Room is TryRoom that fails the test.
func (s *Server) Room(room string) Room {
	s.t.Helper()
	r, err := s.TryRoom(room)
	if err != nil {
		s.t.Fatalf("GET %s: %v", room, err)
	}
	return r
}

// PutCell sets one cell; it returns when the server has said that it is durable.
func (s *Server) PutCell(room, table, row, cell string, value any) {
	s.t.Helper()
	body, err := json.Marshal(value)
	if err == nil {
		path := roomPath(room) + "/tables/" + url.PathEscape(table) + "/" + url.PathEscape(row) + "/" + url.PathEscape(cell)
		err = succeed(s.TryDo("PUT", path, "application/json", body))
	}
	if err != nil {
		s.t.Fatalf("PUT %s/%s/%s/%s: %v", room, table, row, cell, err)
	}
}

// Rooms lists the rooms.
func (s *Server) Rooms() []string {
	s.t.Helper()
	code, body, err := s.TryDo("GET", "/api/rooms", "", nil)
	var list struct {
		Rooms []struct {
			Room string `json:"room"`
		} `json:"rooms"`
	}
	if err = succeed(code, body, err); err == nil {
		err = json.Unmarshal(body, &list)
	}
	if err != nil {
		s.t.Fatalf("GET /api/rooms: %v", err)
	}
	names := []string{}
	for _, r := range list.Rooms {
		names = append(names, r.Room)
	}
	return names
}

func roomPath(room string) string { return "/api/rooms/" + url.PathEscape(room) }

func succeed(code int, body []byte, err error) error {
	if err == nil && code/100 != 2 {
		err = fmt.Errorf("status %d: %s", code, bytes.TrimSpace(body))
	}
	return err
}
