package hub_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/hub"
)

func TestEvents_EndWithTheHubAndBeatMeanwhile(t *testing.T) {
	s := serve(t, t.TempDir(), &hub.Options{Heartbeat: 5 * time.Millisecond})
	events := s.follow("/api/rooms/r/events")
	for events.lines.Scan() && events.lines.Text() != ":" {
	}
	require.Equal(t, ":", events.lines.Text())
	s.end()
	id, _ := events.next()
	require.Empty(t, id)
}

func TestEvents_TellASlowReaderEverything(t *testing.T) {
	s := serve(t, t.TempDir(), nil)
	events := s.follow("/api/rooms/r/events")
	const n = 300
	for i := range n {
		s.ok("PUT", fmt.Sprintf("/api/rooms/r/tables/t/%d/c", i%10), fmt.Sprint(i))
	}
	last := map[string]string{}
	var upto, first, end int
	for upto < n {
		_, data := events.next()
		require.NotEmpty(t, data)
		_, err := fmt.Sscanf(data, `{"first":%d,"last":%d`, &first, &end)
		require.NoError(t, err)
		require.Equal(t, upto+1, first)
		upto = end
		for _, part := range strings.Split(data, `"row":"`)[1:] {
			var old, now int
			if _, err := fmt.Sscanf(part[1:], `","cell":"c","old":%d,"new":%d`, &old, &now); err != nil {
				_, err = fmt.Sscanf(part[1:], `","cell":"c","new":%d`, &now)
				require.NoError(t, err, part)
			}
			last[part[:1]] = fmt.Sprint(now)
		}
	}
	for i := range 10 {
		require.Equal(t, fmt.Sprint(n-10+i), last[fmt.Sprint(i)])
	}
}
