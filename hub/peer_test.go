package hub_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/synchronizer"
)

// peer is what the clients of all families have in common: a Store, and a connection.
type peer struct {
	t     testing.TB
	store *store.Store

	cancel context.CancelFunc
	done   chan error
}

// run drives a session until disconnect is called.
func (p *peer) run(session synchronizer.Session, conn synchronizer.Conn) {
	ctx, cancel := context.WithCancel(ctx)
	p.cancel, p.done = cancel, make(chan error, 1)
	go func() { p.done <- synchronizer.Run(ctx, session, conn) }()
}

// disconnect is safe to call again.
func (p *peer) disconnect() {
	if p.cancel != nil {
		p.cancel()
		<-p.done
		p.cancel = nil
	}
}

func (p *peer) set(table, row, cell string, v store.Value) {
	p.t.Helper()
	require.NoError(p.t, p.store.Update(func(tx *store.Tx) error { return tx.SetCell(table, row, cell, v) }))
}

// holds waits until the Store prints as it should.
func (p *peer) holds(want string) {
	p.t.Helper()
	require.Eventually(p.t, func() bool { return store.Diff(nil, p.store.Snapshot()).String() == want }, 20*time.Second, 2*time.Millisecond, "wanted %q", want)
}
