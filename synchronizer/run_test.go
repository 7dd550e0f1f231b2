package synchronizer_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/rowloom/rowloom/synchronizer"
	"github.com/stretchr/testify/require"
)

// wire is the far end of a conversation, driven by the test.
func wire(t *testing.T, s synchronizer.Session, opts *synchronizer.RunOptions) (far synchronizer.Conn, done chan error, cancel func()) {
	t.Helper()
	near, far := synchronizer.ConnPair(1)
	ctx, cancelCtx := context.WithCancel(context.Background())
	done = make(chan error, 1)
	go func() { done <- synchronizer.RunWith(ctx, s, near, opts) }()
	t.Cleanup(cancelCtx)
	return far, done, cancelCtx
}

func read(t *testing.T, c synchronizer.Conn) string {
	t.Helper()
	msg, err := c.Read(context.Background())
	require.NoError(t, err)
	return string(msg)
}

func write(t *testing.T, c synchronizer.Conn, msg string) {
	t.Helper()
	require.NoError(t, c.Write(context.Background(), []byte(msg)))
}

func remoteError(t *testing.T, c synchronizer.Conn) *synchronizer.Error {
	t.Helper()
	_, err := c.Read(context.Background())
	var e *synchronizer.Error
	require.ErrorAs(t, err, &e)
	require.True(t, e.Remote)
	return e
}

func TestRun_CarriesBothWays(t *testing.T) {
	s := newSet("a")
	far, done, cancel := wire(t, s.session(), nil)
	require.Equal(t, "+a", read(t, far))
	s.add("b")
	require.Equal(t, "+b", read(t, far))
	write(t, far, "+c,d")
	require.Eventually(t, func() bool { return len(s.all()) == 4 }, 10*time.Second, time.Millisecond)
	cancel()
	require.ErrorIs(t, <-done, context.Canceled)
	require.Equal(t, synchronizer.CodeGoingAway, remoteError(t, far).Code)
	require.Empty(t, s.subs, "the session was not closed")
}

func TestRun_TellsTheCauseOfItsContext(t *testing.T) {
	near, _ := synchronizer.ConnPair(1)
	why := errors.New("room closed")
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(why)
	require.ErrorIs(t, synchronizer.Run(ctx, newSet().session(), near), why)
}

func TestRun_ClosesWithTheCodeOfAProtocolError(t *testing.T) {
	far, done, _ := wire(t, newSet().session(), nil)
	write(t, far, "?")
	require.Equal(t, "farewell", read(t, far), "what is said beside an error is still sent")
	e := remoteError(t, far)
	require.Equal(t, synchronizer.CodeMalformed, e.Code)
	require.Equal(t, `want +, got "?"`, e.Reason)
	require.Equal(t, synchronizer.CodeMalformed, synchronizer.CodeOf(<-done))
}

func TestRun_EndsInGoodOrder(t *testing.T) {
	far, done, _ := wire(t, newSet().session(), nil)
	write(t, far, "bye")
	require.Equal(t, "farewell", read(t, far))
	require.Equal(t, synchronizer.CodeNormal, remoteError(t, far).Code)
	require.NoError(t, <-done)

	far, done, _ = wire(t, newSet().session(), nil)
	require.NoError(t, far.Close(synchronizer.CodeNormal, ""))
	require.NoError(t, <-done)

	far, done, _ = wire(t, newSet().session(), nil)
	require.NoError(t, far.Close(4401, "no"))
	err := <-done
	require.Equal(t, synchronizer.Code(4401), synchronizer.CodeOf(err))
	require.EqualError(t, err, "closed by the other end: 4401: no")
}

func TestRun_HidesInternalErrorsFromTheOtherEnd(t *testing.T) {
	far, done, _ := wire(t, failing{}, nil)
	e := remoteError(t, far)
	require.Equal(t, synchronizer.CodeInternal, e.Code)
	require.Empty(t, e.Reason)
	require.ErrorIs(t, <-done, io.ErrUnexpectedEOF)
}

func TestRun_PanicsWhereItWasCalled(t *testing.T) {
	near, far := synchronizer.ConnPair(1)
	write(t, far, "anything")
	defer func() {
		p, _ := recover().(error)
		require.ErrorContains(t, p, "broken")
		require.ErrorContains(t, p, "run_test.go", "where it broke")
		require.Equal(t, synchronizer.CodeInternal, remoteError(t, far).Code)
	}()
	_ = synchronizer.Run(context.Background(), panicking{}, near)
}

type panicking struct{ echo }

func (panicking) Receive([]byte) ([][]byte, error) { panic("broken") }

// Whoever panics, nobody hears the session any more when it is ended, and the other end is told.
func TestRun_PanicsOfPollAndStartLeaveNothingRunning(t *testing.T) {
	for _, where := range []string{"start", "poll"} {
		t.Run(where, func(t *testing.T) {
			s := &fragile{where: where, wake: make(chan struct{}, 1)}
			near, far := synchronizer.ConnPair(1)
			ctx, cancel := context.WithCancel(context.Background())
			var flood sync.WaitGroup
			flood.Go(func() {
				for far.Write(ctx, []byte("x")) == nil {
				}
			})
			defer func() {
				require.Equal(t, where, recover())
				for {
					_, err := far.Read(ctx)
					if err == nil {
						continue
					}
					require.Equal(t, synchronizer.CodeInternal, synchronizer.CodeOf(err))
					break
				}
				cancel()
				flood.Wait()
				require.True(t, s.closed)
				require.False(t, s.late, "it was used after its end")
			}()
			_ = synchronizer.Run(ctx, s, near)
		})
	}
}

// fragile panics in Start, or in Poll after a hundred messages. Its fields belong to whoever drives it.
type fragile struct {
	where        string
	wake         chan struct{}
	heard        int
	closed, late bool
}

func (s *fragile) Start() ([][]byte, error) {
	if s.where == "start" {
		panic(s.where)
	}
	return nil, nil
}

func (s *fragile) Receive([]byte) ([][]byte, error) {
	s.late = s.late || s.closed
	if s.heard++; s.heard == 100 {
		s.wake <- struct{}{}
	}
	return nil, nil
}

func (s *fragile) Poll() ([][]byte, error) { panic(s.where) }
func (s *fragile) Wake() <-chan struct{}   { return s.wake }
func (s *fragile) Close()                  { s.closed = true }

type failing struct{}

func (failing) Start() ([][]byte, error)         { return nil, io.ErrUnexpectedEOF }
func (failing) Receive([]byte) ([][]byte, error) { return nil, nil }
func (failing) Poll() ([][]byte, error)          { return nil, nil }
func (failing) Wake() <-chan struct{}            { return nil }

func TestRun_LetsASessionMergeWhatASlowReaderMisses(t *testing.T) {
	s := newSet()
	g := s.session()
	far, done, cancel := wire(t, g, nil)
	for i := range 1000 {
		s.add(fmt.Sprint(i))
	}
	got := newSet()
	for len(got.all()) < 1000 {
		_, err := got.session().Receive([]byte(read(t, far)))
		require.NoError(t, err)
	}
	cancel()
	<-done
	require.LessOrEqual(t, g.polls, 1000)
	require.Equal(t, s.all(), got.all())
}

func TestRun_ClosesAReaderThatDoesNotRead(t *testing.T) {
	s := newSet()
	_, done, _ := wire(t, s.session(), &synchronizer.RunOptions{WriteTimeout: 20 * time.Millisecond, FlushTimeout: 20 * time.Millisecond})
	for i := 0; ; i++ {
		s.add(fmt.Sprint(i))
		select {
		case err := <-done:
			require.Equal(t, synchronizer.CodeTryLater, synchronizer.CodeOf(err))
			return
		case <-time.After(time.Millisecond):
		}
	}
}

func TestRun_TellsASlowReaderThatGoesOn(t *testing.T) {
	s := newSet()
	far, done, _ := wire(t, s.session(), &synchronizer.RunOptions{WriteTimeout: time.Millisecond, FlushTimeout: time.Minute})
	for i := 0; ; i++ {
		for j := range 3 { // one is on its way, the next one waits
			s.add(fmt.Sprint(i, j))
			time.Sleep(time.Millisecond)
		}
		time.Sleep(20 * time.Millisecond) // if that was not too slow, it will be the next time
		for {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			_, err := far.Read(ctx)
			cancel()
			if err == nil {
				continue
			}
			var e *synchronizer.Error
			if !errors.As(err, &e) {
				break
			}
			require.True(t, e.Remote)
			require.Equal(t, synchronizer.CodeTryLater, e.Code)
			require.Equal(t, "reader too slow", e.Reason)
			require.Equal(t, synchronizer.CodeTryLater, synchronizer.CodeOf(<-done))
			return
		}
	}
}

// echo answers everything with ten times as much.
type echo struct{ failing }

func (echo) Start() ([][]byte, error) { return nil, nil }
func (echo) Receive(m []byte) ([][]byte, error) {
	return [][]byte{make([]byte, 10*len(m))}, nil
}

func TestRun_StopsReadingWhenTheQueueIsFull(t *testing.T) {
	far, done, _ := wire(t, echo{}, &synchronizer.RunOptions{QueueBytes: 1000, WriteTimeout: 50 * time.Millisecond, FlushTimeout: 50 * time.Millisecond})
	sent := 0
	for {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		err := far.Write(ctx, make([]byte, 100))
		cancel()
		if err != nil {
			break
		}
		sent++
	}
	require.Less(t, sent, 10)
	require.Equal(t, synchronizer.CodeTryLater, synchronizer.CodeOf(<-done))
}

func TestRun_SharesABudgetWithOthers(t *testing.T) {
	budget := synchronizer.NewBudget(1 << 20)
	o := &synchronizer.RunOptions{Budget: budget}
	big, small := string(make([]byte, 60_000)), "x" // ten times as much comes back
	slow, slowDone, end := wire(t, echo{}, o)
	for range 2 { // one answer is on its way, the next one has to wait for it
		write(t, slow, big)
	}
	require.Eventually(t, func() bool { return budget.Used() == 600_000 }, 10*time.Second, time.Millisecond)
	write(t, slow, small) // it is read, but not heard, and the next one is not even read
	write(t, slow, small)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	require.Error(t, slow.Write(ctx, []byte(small)), "who does not read is not read")
	cancel()

	other, otherDone, _ := wire(t, echo{}, o)
	for range 5 {
		write(t, other, small)
		require.Len(t, read(t, other), 10, "who asks for little is served")
	}
	write(t, other, big)
	e := remoteError(t, other)
	require.Equal(t, synchronizer.CodeTryLater, e.Code)
	require.Equal(t, "too much waits to be sent", e.Reason)
	require.Equal(t, synchronizer.CodeTryLater, synchronizer.CodeOf(<-otherDone))

	for _, n := range []int{600_000, 600_000, 10, 10} {
		require.Len(t, read(t, slow), n, "nothing was lost")
	}
	require.Eventually(t, func() bool { return budget.Used() == 0 }, 10*time.Second, time.Millisecond)
	again, _, _ := wire(t, echo{}, o)
	write(t, again, big)
	require.Len(t, read(t, again), 600_000)
	for range 3 {
		write(t, slow, small)
	}
	end()
	<-slowDone
	require.Eventually(t, func() bool { return budget.Used() == 0 }, 10*time.Second, time.Millisecond, "an end gives back what waits")
}

func TestRun_PollsWhenTheTimeHasCome(t *testing.T) {
	s := newSet("a")
	g := s.session()
	g.now, g.every = time.Now, 5*time.Millisecond
	far, done, cancel := wire(t, g, nil)
	for range 4 {
		require.Equal(t, "+a", read(t, far))
	}
	cancel()
	<-done
}

// A message may be the reason to say something later, without an answer now.
func TestRun_PollsWhenTheTimeHasComeThatAMessageSet(t *testing.T) {
	for _, first := range []time.Duration{0, time.Hour} { // no time before, or a later one
		s := &alarm{}
		if first > 0 {
			s.at = time.Now().Add(first)
		}
		far, done, cancel := wire(t, s, nil)
		for range 3 {
			write(t, far, "in a moment")
			require.Equal(t, "now", read(t, far))
		}
		cancel()
		<-done
	}
}

// alarm says something shortly after each message.
type alarm struct {
	failing
	at time.Time
}

func (*alarm) Start() ([][]byte, error) { return nil, nil }
func (s *alarm) Next() time.Time        { return s.at }

func (s *alarm) Receive([]byte) ([][]byte, error) {
	s.at = time.Now().Add(time.Millisecond)
	return nil, nil
}

func (s *alarm) Poll() ([][]byte, error) {
	if s.at.IsZero() || time.Now().Before(s.at) {
		return nil, nil
	}
	s.at = time.Time{}
	return [][]byte{[]byte("now")}, nil
}

func TestRunPair_JoinsTwoSessions(t *testing.T) {
	a, b := newSet("a"), newSet("b")
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- synchronizer.RunPair(ctx, a.session(), b.session()) }()
	require.Eventually(t, func() bool { return len(a.all()) == 2 && len(b.all()) == 2 }, 10*time.Second, time.Millisecond)
	cancel()
	require.ErrorIs(t, <-done, context.Canceled)
}

func TestConnPair_DeliversWhatWasSentBeforeTheClosing(t *testing.T) {
	a, b := synchronizer.ConnPair(4)
	write(t, a, "x")
	require.NoError(t, a.Close(synchronizer.CodePolicy, "y"))
	require.NoError(t, b.Close(synchronizer.CodeNormal, "too late"))
	require.Equal(t, "x", read(t, b))
	e := remoteError(t, b)
	require.Equal(t, synchronizer.CodePolicy, e.Code)
	require.Equal(t, "y", e.Reason)
	require.Error(t, b.Write(context.Background(), nil))
	_, err := a.Read(context.Background())
	require.ErrorAs(t, err, &e)
	require.False(t, e.Remote)
}

func TestCutReason_EndsWithAWholeCharacter(t *testing.T) {
	require.Equal(t, "aä", synchronizer.CutReason("aäö", 4))
	require.Equal(t, "aäö", synchronizer.CutReason("aäö", 5))
	require.Equal(t, "", synchronizer.CutReason("ö", 1))
}
