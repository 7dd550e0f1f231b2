package tinybase_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rowloom/rowloom/adapters/tinybase"
	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/mergeable"
	"github.com/rowloom/rowloom/synchronizer"
	"github.com/stretchr/testify/require"
)

func hashText(m *mergeable.Store) string {
	a, b := m.Hashes()
	return fmt.Sprintf("[%d,%d]", a, b)
}

// What peers can make a session hold is bounded, however much they ask for.

func TestSession_OwesNoQuestionTwice(t *testing.T) {
	m := newStore(t, "server", nil)
	fill(t, m, "t", 100, "x")
	s := enter(t, tinybase.NewRoom(m, &tinybase.Options{MaxAnswer: 1000, Piece: 500}), nil)
	for i := range 2000 {
		require.Len(t, say(t, s, fmt.Sprintf("\n[\"%d.a\",4,{}]", i)), 1)
		require.Len(t, say(t, s, fmt.Sprintf("\n[\"%d.b\",5,{\"t\":{}}]", i)), 1)
	}
	require.Empty(t, say(t, s, "\n[\"x\",2,"+hashText(m)+"]"))
	pieces := 0
	for {
		said := poll(t, s)
		if len(said) == 0 {
			break
		}
		pieces += len(said)
	}
	whole := len(m.Changes().AppendJSON(nil))
	require.Greater(t, pieces, whole/1000)
	require.Less(t, pieces, 2*(whole/500+2)+2, "once for each kind of question")
}

func TestSession_AsksOneThingAtATime(t *testing.T) {
	question := regexp.MustCompile(`^\w*\n\["[^"]*",[4567],`)
	ask := func(t *testing.T, s synchronizer.Session, from func(int) string) {
		open := 0
		for i := range 5000 {
			out, err := s.Receive([]byte(from(i) + fmt.Sprintf("\n[\"%d\",2,[%d,%d]]", i, i+1, i+1)))
			require.NoError(t, err)
			for _, f := range out {
				if question.Match(f) {
					open++
				}
			}
		}
		require.Equal(t, 2, open, "for tables and for values, of the first who said something")
	}
	t.Run("server", func(t *testing.T) {
		ask(t, enter(t, tinybase.NewRoom(newStore(t, "server", nil), nil), nil), func(int) string { return "" })
	})
	t.Run("client", func(t *testing.T) {
		s := tinybase.NewClient(newStore(t, "client", nil), nil)
		defer s.Close()
		ask(t, s, func(i int) string { return fmt.Sprint("peer", i) })
	})
}

// A peer in a relay's room can send what is a message, but not the one that was asked for. It must not be able to disconnect others by it.
func TestClient_OutlivesAnswersThatMakeNoSense(t *testing.T) {
	var errs []error
	m := newStore(t, "client", nil)
	s := tinybase.NewClient(m, &tinybase.Options{OnError: func(err error) { errs = append(errs, err) }})
	defer s.Close()
	out, err := s.Start()
	hello := frames(t, out, err)[0]
	id := strings.Split(hello, "\"")[1]
	for _, body := range []string{"[{}]", "[[{}],{}]", "[{\"v\":[1,\"" + stampS1 + "\"]}]"} {
		require.Empty(t, say(t, s, "rogue\n[\""+id+"\",0,"+body+"]"))
	}
	asked := say(t, s, "rogue\n[\""+id+"\",0,[1,2]]")
	require.Len(t, asked, 2)
	for _, q := range asked {
		id := strings.Split(q, "\"")[1]
		require.Empty(t, say(t, s, "other\n[\""+id+"\",0,[1,2]]"), "nobody has asked this one")
		say(t, s, "rogue\n[\""+id+"\",0,[1,2]]")
	}
	require.NotEmpty(t, errs)
	for _, err := range errs {
		var p *tinybase.ProtocolError
		require.ErrorAs(t, err, &p)
	}
	say(t, s, "rogue\n[\"x\",3,[[{}],[{\"v\":[1,\""+stampS1+"\"]}]]]")
	say(t, s, "honest"+diff(`"c":[1,"`+stampS1+`"]`))
	require.Equal(t, store.Of(1), m.Store().Snapshot().Cell("t", "r", "c"))
}

func TestBroadcast_ClosesWhileSomebodyComes(t *testing.T) {
	for range 30 {
		path := filepath.Join(t.TempDir(), "s")
		b := tinybase.NewBroadcast(path)
		c, err := b.Dial(context.Background())
		require.NoError(t, err)
		var work sync.WaitGroup
		for range 4 {
			work.Go(func() {
				for {
					c, err := net.Dial("unix", path)
					if err != nil {
						return
					}
					_ = c.Close()
				}
			})
		}
		time.Sleep(time.Millisecond)
		b.Close()
		work.Wait()
		_ = c.Close(synchronizer.CodeNormal, "")
		require.False(t, b.Hosting())
	}
}

func TestSynchronizer_MayBeStoppedAndStartedByMany(t *testing.T) {
	b := tinybase.NewBroadcast("")
	defer b.Close()
	s := tinybase.New(realStore(t, "a"), b.Dial, nil)
	var work sync.WaitGroup
	for range 4 {
		work.Go(func() {
			for range 200 {
				s.Start()
				s.Stop()
			}
		})
	}
	work.Wait()
	s.Stop()
	require.Equal(t, tinybase.Stopped, s.Status().State)
}

// failing notes why each attempt has failed, as far as there is room.
func failing(failed chan<- error) func(tinybase.Status) {
	return func(st tinybase.Status) {
		if st.State == tinybase.Waiting {
			select {
			case failed <- st.Err:
			default:
			}
		}
	}
}

func TestSynchronizer_GivesUpADialThatTakesTooLong(t *testing.T) {
	failed := make(chan error, 100)
	s := tinybase.New(realStore(t, "a"), func(ctx context.Context) (synchronizer.Conn, error) {
		<-ctx.Done()
		return nil, context.Cause(ctx)
	}, &tinybase.SynchronizerOptions{DialTimeout: time.Millisecond, MinWait: time.Millisecond, OnStatus: failing(failed)})
	s.Start()
	defer s.Stop()
	for range 2 {
		require.ErrorIs(t, <-failed, context.DeadlineExceeded)
	}
}

// A transport that fails is known at once, and tried again.
func TestCustom_ASendThatFailsEndsTheConnectionAtOnce(t *testing.T) {
	broken := errors.New("the line is dead")
	failed := make(chan error, 100)
	s := tinybase.New(realStore(t, "a"), func(context.Context) (synchronizer.Conn, error) {
		return tinybase.Custom(func(string, []byte) error { return broken }), nil
	}, &tinybase.SynchronizerOptions{MinWait: time.Millisecond, MaxWait: time.Millisecond, Run: synchronizer.RunOptions{FlushTimeout: time.Hour}, OnStatus: failing(failed)})
	s.Start()
	defer s.Stop()
	for range 3 {
		require.ErrorIs(t, <-failed, broken)
	}
}

// A peer that says what it has and then goes, or never answers, keeps nobody from asking the others.
func TestClient_DoesNotWaitForAPeerThatIsSilent(t *testing.T) {
	c := &clock{epoch}
	m := newStore(t, "client", c)
	s := tinybase.NewClient(m, &tinybase.Options{Now: c.now})
	defer s.Close()
	require.Len(t, say(t, s, "ghost\n[\"g\",2,[1,0]]"), 1)
	for i := range 20 {
		require.Empty(t, say(t, s, fmt.Sprintf("peer%d\n[\"p\",2,[2,0]]", i)), "one after the other")
	}
	require.Empty(t, poll(t, s))
	asked := map[string]bool{"ghost": true}
	for range 200 {
		if len(asked) < 15 {
			require.False(t, s.Next().After(c.now().Add(time.Second)), "it is not forgotten")
		}
		c.millis += 1000
		for _, q := range poll(t, s) {
			if !strings.HasPrefix(q, "\n") {
				asked[q[:strings.Index(q, "\n")]] = true
			}
			if strings.HasPrefix(q, "peer3\n") {
				id := strings.Split(q, "\"")[1]
				require.NotEmpty(t, say(t, s, "peer3\n[\""+id+"\",0,[[{\"t\":[{\"r\":[{\"c\":[1,\""+stampS1+"\"]}]}]}],{}]]"))
			}
		}
	}
	require.Equal(t, store.Of(1), m.Store().Snapshot().Cell("t", "r", "c"))
	require.Len(t, asked, 20+1)
}

func TestShared_HasABoundOnChannels(t *testing.T) {
	open := func(string, chan struct{}, *tinybase.Budget) (synchronizer.Session, error) {
		s, _ := tinybase.NewRelay(nil).Session()
		return s, nil
	}
	control := func(op tinybase.ControlOp, channel string) []byte {
		return tinybase.Control{ID: "x", Op: op, Channel: channel}.Append(nil)
	}
	greeted := func() *tinybase.Shared {
		s := tinybase.NewShared(open, nil)
		t.Cleanup(s.Close)
		_, err := s.Receive(control(tinybase.Hello, ""))
		require.NoError(t, err)
		return s
	}
	s := greeted()
	for i := range 3 * tinybase.MaxChannels { // one after the other any number
		_, err := s.Receive(control(tinybase.Subscribe, fmt.Sprint(i)))
		require.NoError(t, err)
		if i >= tinybase.MaxChannels-1 {
			_, err = s.Receive(control(tinybase.Unsubscribe, fmt.Sprint(i)))
			require.NoError(t, err)
		}
	}
	for _, channel := range []string{"0", "last"} { // and one that is open already
		_, err := s.Receive(control(tinybase.Subscribe, channel))
		require.NoError(t, err)
	}
	require.Equal(t, tinybase.MaxChannels, s.Channels())
	_, err := s.Receive(control(tinybase.Subscribe, "one more"))
	require.Equal(t, synchronizer.CodeTryLater, synchronizer.CodeOf(err))
	require.Equal(t, "tinybase:15:channels", synchronizer.ReasonOf(err))

	data := tinybase.AppendChannel(nil, "a", []byte("\n[\"x\",1,\"\"]"))
	for name, frames := range map[string][][]byte{
		"before the greeting":    {data},
		"of a channel not open":  {control(tinybase.Hello, ""), data},
		"of a channel closed":    {control(tinybase.Hello, ""), control(tinybase.Subscribe, "a"), control(tinybase.Unsubscribe, "a"), data},
		"with a bad name":        {control(tinybase.Hello, ""), control(tinybase.Subscribe, "a/../b")},
		"no message in its room": {control(tinybase.Hello, ""), control(tinybase.Subscribe, "a"), tinybase.AppendChannel(nil, "a", []byte("\n[]"))},
	} {
		s := tinybase.NewShared(open, nil)
		var err error
		for _, f := range frames {
			require.NoError(t, err, name)
			_, err = s.Receive(f)
		}
		require.Equal(t, synchronizer.CodeMalformed, synchronizer.CodeOf(err), name)
		s.Close()
	}
}
