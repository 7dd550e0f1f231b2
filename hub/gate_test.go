package hub

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// entering calls enter in a goroutine and returns a channel that is closed when it is inside.
func entering(g *gate, elsewhere bool) chan struct{} {
	in := make(chan struct{})
	go func() {
		g.enter(elsewhere)
		close(in)
	}()
	return in
}

// waits says whether a channel stays open for a while.
func waits(c <-chan struct{}) bool {
	select {
	case <-c:
		return false
	case <-time.After(20 * time.Millisecond):
		return true
	}
}

// settling calls settle in a goroutine, and returns when it waits.
func settling(t *testing.T, g *gate, ctx context.Context) (done chan struct{}, err *error) {
	done, err = make(chan struct{}), new(error)
	go func() {
		*err = g.settle(ctx)
		close(done)
	}()
	require.Eventually(t, func() bool {
		g.mu.Lock()
		defer g.mu.Unlock()
		return g.wanted
	}, 20*time.Second, time.Millisecond)
	return done, err
}

func TestGate_ComesToRestWhenTheLastOneLeaves(t *testing.T) {
	rests := 0
	g := &gate{rest: func() { rests++ }}
	require.NoError(t, g.settle(context.Background()))
	g.enter(false)
	g.enter(false)
	require.False(t, g.atRest(func() { t.Error("two are inside") }))
	g.leave()
	require.Zero(t, rests)
	g.leave()
	require.Equal(t, 1, rests)
	called := false
	require.True(t, g.atRest(func() { called = true }))
	require.True(t, called)
}

func TestGate_LetsNobodyInWhileSomebodyWaitsForRestButWhoIsInsideAnotherRoom(t *testing.T) {
	g := &gate{}
	g.enter(false)
	rest, failed := settling(t, g, context.Background())
	polite, busy := entering(g, false), entering(g, true)
	<-busy
	require.True(t, waits(polite))
	g.leave()
	require.True(t, waits(rest), "the one from the other room is inside")
	g.leave()
	<-rest
	require.NoError(t, *failed)
	<-polite
	g.leave()
}

func TestGate_OpensAgainWhenWhoWaitedForRestHasGivenUp(t *testing.T) {
	g := &gate{}
	g.enter(false)
	ctx, cancel := context.WithCancelCause(context.Background())
	rest, failed := settling(t, g, ctx)
	enough := errors.New("enough")
	cancel(enough)
	<-rest
	require.ErrorIs(t, *failed, enough)
	in := entering(g, false)
	g.leave()
	<-in
	g.leave()
}

func TestGate_IsShutForEverybodyUntilItIsOpened(t *testing.T) {
	g := &gate{}
	g.enter(false)
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	_, err := g.close(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	g.leave()

	open, err := g.close(context.Background())
	require.NoError(t, err)
	in, other := entering(g, false), entering(g, true)
	require.True(t, waits(in))
	require.True(t, waits(other))
	require.NoError(t, g.settle(context.Background()))
	open()
	<-in
	<-other
	g.leave()
	g.leave()
}
