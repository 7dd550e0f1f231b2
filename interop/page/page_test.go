//go:build unix

package page_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/interop/serve"
)

type object = map[string]any

// pets is a room's first content.
var pets = object{
	"tables": object{"pets": object{"felix": object{"name": "Felix", "price": 5}, "fido": object{"name": "Fido", "price": 4}}},
	"values": object{"open": true},
}

// world is what a test has: a browser, a server that the others use too, and a room of its own.
type world struct {
	*testing.T
	browser
	server *serve.Server
	room   string
}

// enter fills the room and opens a page on it.
func (w *world) enter() *page {
	w.Helper()
	w.server.Patch(w.room, pets)
	p := w.open("")
	p.shows("4", "pets", "fido", "price")
	return p
}

func (w *world) open(query string) *page {
	w.Helper()
	return w.browser.open(w.T, w.server, w.room, query)
}

// alone gives the test a server of its own, with further flags.
func (w *world) alone(flags ...string) { w.server = serve.Start(w.T, &serve.Options{Args: flags}) }

func (w *world) patch(v any) { w.Helper(); w.server.Patch(w.room, v) }

// stores waits until the server has a value, which is nil where there is to be none.
func (w *world) stores(want any, place ...string) {
	w.Helper()
	w.server.Settle(w.T, w.room, func(c serve.Content) string {
		got := c.Values[place[0]]
		if len(place) == 3 {
			got = c.Tables[place[0]][place[1]][place[2]]
		}
		if got != want {
			return fmt.Sprintf("the server has %.500v at %q, not %.500v", got, place, want)
		}
		return ""
	})
}

type test struct {
	name  string
	run   func(*world)
	waits bool // for timers of the page, mostly, and so runs beside the others that do
}

func TestPage(t *testing.T) {
	b := browse(t)
	server := serve.Start(t, nil)
	for _, test := range append([]test{
		{"a change made over HTTP shows at once", remoteChange, false},
		{"an edit reaches the server and the keyboard goes on", edit, false},
		{"typed text survives a remote change", typedText, false},
		{"a killed server is shown and the page comes back with what was typed", killed, true},
		{"what somebody else has changed meanwhile is not overwritten unasked", changedMeanwhile, true},
		{"what the server refuses stays and is told", refused, false},
		{"two pages see each other", twoPages, false},
		{"any name will do", anyName, false},
		{"long values fit a narrow window", longValues, false},
		{"it shows who is connected", whoIsConnected, true},
	}, nativeTests...) {
		t.Run(test.name, func(t *testing.T) {
			if test.waits {
				t.Parallel()
			}
			test.run(&world{t, b, server, t.Name()})
		})
	}
}

func focusOn(place ...string) func(look) bool {
	return func(l look) bool { return slices.Equal(l.Focus, place) }
}

func remoteChange(w *world) {
	p := w.enter()
	w.patch(object{"tables": object{"pets": object{"fido": nil, "rex": object{"legs": 4, "tags": []any{"a", nil}}}, "toys": object{"ball": object{"price": 1.5}}},
		"values": object{"open": nil, "owner": "Ada"}})
	l := p.shows("1.5", "toys", "ball", "price")
	require.Equal(w, "Ada", l.text("owner"))
	require.Equal(w, `["a",null]`, l.text("pets", "rex", "tags"))
	require.Equal(w, []string{"pets", "felix", "legs"}, l.Cells[0].Place)
	for _, gone := range [][]string{{"open"}, {"pets", "fido", "price"}} {
		require.Nil(w, l.cell(gone...).Place, gone)
	}
	require.Contains(w, l.Log[0], "+ toys/ball/price 1.5")
	w.patch(object{"tables": nil, "values": nil})
	p.until("it is empty", func(l look) bool { return len(l.Cells) == 0 })
}

func edit(w *world) {
	p := w.enter()
	p.click("pets", "felix", "price")
	p.keys(end, "0", enter)
	p.until("the focus is in the row below, with the caret at the end", func(l look) bool { return focusOn("pets", "fido", "price")(l) && l.Caret == 1 })
	w.stores(50.0, "pets", "felix", "price")
	p.keys("2", enter) // the last row
	w.stores(42.0, "pets", "fido", "price")
	p.keys("1", tab) // leaving it stores as well
	p.until("the focus has gone to the next cell", focusOn("open"))
	w.stores(421.0, "pets", "fido", "price")
	p.keys(end, "closed", escape)
	p.shows("true", "open")
	p.keys(end, backspace, backspace, backspace, backspace, "closed", enter)
	w.stores("closed", "open")
	p.keys(end, backspace, backspace, backspace, backspace, backspace, backspace, enter)
	w.stores(nil, "open") // empty removes

	p.click("pets", "felix", "name")
	p.keys(end, ", a cat", enter)
	p.until("the focus is in the row below", focusOn("pets", "fido", "name"))
	p.do("click", args{"selector": "#where"}, nil)
	p.keys("toys/ball/price", tab, "1.5", enter)
	w.stores(1.5, "toys", "ball", "price")
	l := p.shows("1.5", "toys", "ball", "price")
	require.Equal(w, "Felix, a cat", l.text("pets", "felix", "name"))
	p.until("the form is ready for the next one", func(l look) bool { return slices.Equal(l.Form, []string{"toys/ball/price", ""}) && l.Notice == "" })
}

func typedText(w *world) {
	p := w.enter()
	p.click("pets", "fido", "name")
	p.keys(end, " the", left)
	w.patch(object{"tables": object{"pets": object{"fido": object{"name": "Rex", "age": 3}, "ada": object{"price": 9}, "felix": nil}}, "values": object{"a": 1}})
	l := p.shows("9", "pets", "ada", "price")
	require.Equal(w, "Fido the", l.text("pets", "fido", "name"))
	require.Contains(w, l.cell("pets", "fido", "name").Note, "meanwhile Rex")
	require.Equal(w, []string{"pets", "fido", "name"}, l.Focus)
	require.Equal(w, len("Fido th"), l.Caret)
	p.keys("X", escape) // takes theirs
	l = p.shows("Rex", "pets", "fido", "name")
	require.Equal(w, []string{"pets", "fido", "name"}, l.Focus)

	p.keys("!", backspace)
	w.server.PutCell(w.room, "pets", "fido", "name", "Max")
	p.until("it is told", func(l look) bool { return strings.Contains(l.cell("pets", "fido", "name").Note, "Max") })
	p.keys(tab) // leaves without a change
	p.shows("Max", "pets", "fido", "name")

	p.click("pets", "fido", "name")
	p.keys(end, "well")
	w.patch(object{"tables": object{"pets": object{"fido": nil}}}) // the row that is being edited
	l = p.until("it is told", func(l look) bool { return strings.Contains(l.cell("pets", "fido", "name").Note, "removed") })
	require.Equal(w, "Maxwell", l.text("pets", "fido", "name"))
	p.keys(enter)
	w.stores("Maxwell", "pets", "fido", "name")
	p.until("nothing is left to be told", func(l look) bool {
		c := l.cell("pets", "fido", "name")
		return c.Text == "Maxwell" && c.Note == "" && l.Notice == ""
	})
}

func killed(w *world) {
	w.alone()
	p := w.enter()
	p.click("pets", "fido", "price")
	p.keys(end, "2", left)
	w.server.Kill()
	l := p.until("the loss is shown", func(l look) bool { return strings.HasPrefix(l.State, "connection lost") })
	require.Equal(w, "42", l.text("pets", "fido", "price"), serve.Show(l))
	p.keys("1", enter) // cannot be sent
	l = p.until("it is told", func(l look) bool { return l.cell("pets", "fido", "price").Note != "" })
	require.Equal(w, "412", l.text("pets", "fido", "price"))
	require.Contains(w, l.Notice, "not stored: pets/fido/price")
	p.click("pets", "felix", "price")
	p.keys(end, "6", enter)
	p.until("it is told as well", func(l look) bool { return strings.Contains(l.Notice, "pets/felix/price") })
	p.click("pets", "felix", "name")
	p.keys(end, " the")

	w.server.Restart()
	p.keys("!", enter) // the page does not know yet
	l = p.until("all is well", func(l look) bool {
		require.Equal(w, "412", l.text("pets", "fido", "price"))
		require.Equal(w, "56", l.text("pets", "felix", "price"))
		require.Equal(w, "Felix the!", l.text("pets", "felix", "name"))
		return l.State == "live" && l.Notice == ""
	})
	require.Equal(w, []string{"pets", "fido", "name"}, l.Focus)
	w.stores(412.0, "pets", "fido", "price")
	w.stores(56.0, "pets", "felix", "price")
	w.stores("Felix the!", "pets", "felix", "name")
	w.server.PutCell(w.room, "pets", "new", "price", 1)
	p.shows("1", "pets", "new", "price")
}

func changedMeanwhile(w *world) {
	w.alone()
	p := w.enter()
	p.click("pets", "fido", "price")
	p.keys(end, "2")
	w.server.Kill()
	p.keys(enter)
	p.until("it is told", func(l look) bool { return strings.Contains(l.Notice, "pets/fido/price") })
	other := serve.Start(w.T, &serve.Options{Data: w.server.Data()}) // somewhere else, with the same data
	other.PutCell(w.room, "pets", "fido", "price", 7)
	other.Stop()
	w.server.Restart()
	l := p.until("the user is asked", func(l look) bool { return strings.Contains(l.cell("pets", "fido", "price").Note, "meanwhile 7") })
	require.Equal(w, "42", l.text("pets", "fido", "price"))
	require.Contains(w, l.Notice, "somebody else has changed it")
	w.stores(7.0, "pets", "fido", "price")
	p.do("leave", nil, nil)
	p.until("the browser asks before the page is left", func(l look) bool { return slices.Equal(l.Dialogs, []string{"beforeunload"}) })
	p.click("pets", "fido", "price")
	p.keys(enter)
	w.stores(42.0, "pets", "fido", "price")
	p.until("all is well", func(l look) bool { return l.Notice == "" && l.cell("pets", "fido", "price").Note == "" })
}

func refused(w *world) {
	w.alone("--token", "all", "--read-token", "look")
	patch := func(v any) {
		w.Helper()
		code, body, err := w.server.TryDo("PATCH", "/api/rooms/"+url.PathEscape(w.room)+"?token=all", "application/merge-patch+json", []byte(serve.Show(v)))
		require.NoError(w, err)
		require.Equal(w, 200, code, string(body))
	}
	patch(pets)
	p := w.open("?token=look")
	p.shows("4", "pets", "fido", "price")
	p.click("pets", "fido", "price")
	p.keys(end, "2", tab)
	l := p.until("it is told", func(l look) bool {
		return strings.Contains(l.cell("pets", "fido", "price").Note, "this access is read-only")
	})
	require.Equal(w, "42", l.text("pets", "fido", "price"))
	require.Contains(w, l.Notice, "not stored: pets/fido/price (this access is read-only)")
	p.do("click", args{"selector": "#where"}, nil)
	p.keys(":open", tab, "false", enter)
	l = p.until("that is told too", func(l look) bool { return strings.Contains(l.Notice, "not stored: :open") })
	require.Equal(w, []string{":open", "false"}, l.Form)
	patch(object{"values": object{"open": "wide"}})
	l = p.shows("wide", "open")
	require.Equal(w, "42", l.text("pets", "fido", "price"))
	p.click("pets", "fido", "price")
	p.keys(escape)
	p.shows("4", "pets", "fido", "price")
}

func twoPages(w *world) {
	one := w.enter()
	two := w.open("")
	two.shows("4", "pets", "fido", "price")
	one.click("pets", "fido", "price")
	two.click("pets", "fido", "price")
	one.keys(end, "1")
	two.keys(end, "2")
	one.keys(enter)
	l := two.until("the other's value is told", func(l look) bool {
		return strings.Contains(l.cell("pets", "fido", "price").Note, "meanwhile 41")
	})
	require.Equal(w, "42", l.text("pets", "fido", "price"))
	two.keys(enter)
	one.shows("42", "pets", "fido", "price")
	two.keys("!", enter)
	one.shows("42!", "pets", "fido", "price") // its caret is at the end still
	one.keys("?", enter)
	two.shows("42!?", "pets", "fido", "price")
}

func anyName(w *world) {
	w.alone()
	var content object
	require.NoError(w, json.Unmarshal([]byte(fmt.Sprintf(odd, 1, 2, 3, 4, 5, 6, 7, 8, 9)), &content))
	rooms := []string{"  two  spaces ", "__proto__", "🐈\u202e" + strings.Repeat("long ", 60), `/ä%2F "<b>'&#?`}
	for _, w.room = range rooms {
		w.patch(content)
	}
	p := w.open("") // the last one
	require.Len(w, p.shows("9", ".").Cells, 9)
	p.until("all rooms are listed", func(l look) bool { return len(l.Rooms) == len(rooms) })
	for _, c := range p.shows("9", ".").Cells {
		p.click(c.Place...)
		p.keys(end, "0", enter)
		p.until("it is stored", func(l look) bool { return strings.HasSuffix(l.text(c.Place...), "0") && l.Notice == "" })
	}
	want := fmt.Sprintf(odd, 10, 20, 30, 40, 50, 60, 70, 80, 90)
	w.server.Settle(w.T, w.room, func(got serve.Content) string {
		if text := serve.Show(got); !assert.ObjectsAreEqual(decode(want), decode(text)) {
			return text
		}
		return ""
	})

	for i := range len(rooms) {
		var l look
		p.do("click", args{"selector": fmt.Sprintf("#list a:nth-child(%d)", i+1)}, nil)
		p.until("a listed room opens", func(now look) bool { l = now; return l.Title == l.Rooms[i] && l.State == "live" && len(l.Cells) == 9 })
		require.Contains(w, rooms, l.Title)
	}
	p.do("click", args{"selector": "#name"}, nil)
	p.keys("a new/room", enter)
	p.until("it is open", func(l look) bool { return l.Title == "a new/room" && l.State == "live" && len(l.Cells) == 0 })
	p.do("click", args{"selector": "#where"}, nil)
	p.keys(":first", tab, "x", enter)
	p.shows("x", "first")
	p.until("it is listed", func(l look) bool { return slices.Contains(l.Rooms, "a new/room") })
}

// odd is a room of which every name is odd.
const odd = `{"tables":{"__proto__":{"constructor":{"__proto__":%d,"":%d,"..":%d}},"":{"":{"":%d}},"<b>&amp;\"'":{"/":{"%%2F/":%d,"a\u0000b":%d,"\u202eü 🐈":%d}}},
	"values":{"__proto__":%d,".":%d}}`

func decode(text string) (v any) { _ = json.Unmarshal([]byte(text), &v); return v }

func longValues(w *world) {
	long := strings.Repeat("x", 100_000)
	w.patch(object{"tables": object{"t": object{"r": object{"c": long, strings.Repeat("name", 100): strings.Repeat("word\n", 1000)}}}, "values": object{strings.Repeat("v", 300): long}})
	p := w.open("")
	p.do("resize", args{"width": 320, "height": 600}, nil)
	p.shows(long, "t", "r", "c")
	var widths [2]int
	p.do("widths", nil, &widths)
	require.LessOrEqual(w, widths[0], widths[1])
	p.click("t", "r", "c")
	p.keys("y", enter)
	w.server.Settle(w.T, w.room, func(c serve.Content) string {
		if text, _ := c.Tables["t"]["r"]["c"].(string); strings.ReplaceAll(text, "x", "") != "y" || len(text) != len(long)+1 {
			return fmt.Sprintf("the server has a text of length %d", len(text))
		}
		return ""
	})
}
