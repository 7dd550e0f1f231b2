package provider

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/rowloom/rowloom/adapters/yjs/ysync"
	"github.com/rowloom/rowloom/synchronizer"
	"github.com/rowloom/rowloom/synchronizer/ws"
)

// Options are the choices of a [Provider]. Nil and zero fields mean the defaults.
type Options struct {
	// Awareness is what this client says about itself and hears about others. Default: one without a client of its own.
	Awareness *ysync.Awareness
	// Params is appended to the URL of a y-websocket server, for example "auth=x". Default none.
	Params string
	// Token returns what a Hocuspocus server is shown, once for each connection. Default none.
	Token func(ctx context.Context) (string, error)
	// Session is for every session. Its callbacks are called once a connection.
	Session ysync.Options
	// OnStateless gets the application's own messages of a Hocuspocus server. It must not wait.
	OnStateless func(text string)
	// OnAuthenticated is told what a Hocuspocus server lets this client do. It must not wait.
	OnAuthenticated func(ysync.Access)
	// Client is how to dial and when to dial again.
	Client ws.ClientOptions
}

// Provider keeps a document in step with a server until it is closed.
type Provider struct {
	room   *ysync.Room
	client *ws.Client
	cancel context.CancelFunc
	ended  chan struct{} // closed when Run has returned
	err    error         // of Run; read it after ended

	mu     sync.Mutex
	synced chan struct{} // closed: what the server had has come
	hocus  *ysync.HocuspocusClient
}

// YWebsocket starts to keep doc in step with a room of a server that speaks as y-websocket's does. The URL is that which WebsocketProvider takes in JavaScript; the
// name of the room is added to it, escaped.
func YWebsocket(doc ysync.Document, url, room string, opts *Options) *Provider {
	target := strings.TrimRight(url, "/") + "/" + escape(room)
	if opts != nil && opts.Params != "" {
		target += "?" + opts.Params
	}
	return start(doc, target, opts, func(_ context.Context, p *Provider, o *Options) (synchronizer.Session, error) {
		return ysync.NewClient(p.room, &o.Session), nil
	})
}

// Hocuspocus starts to keep doc in step with the document of this name on a Hocuspocus server.
func Hocuspocus(doc ysync.Document, url, name string, opts *Options) *Provider {
	return start(doc, url, opts, func(ctx context.Context, p *Provider, o *Options) (synchronizer.Session, error) {
		token := ""
		if o.Token != nil {
			var err error
			if token, err = o.Token(ctx); err != nil {
				return nil, fmt.Errorf("provider: token: %w", err)
			}
		}
		s := ysync.NewHocuspocusClient(p.room, name, &ysync.HocuspocusClientOptions{
			Options: o.Session, Token: token, OnStateless: o.OnStateless, OnAuthenticated: o.OnAuthenticated,
		})
		p.mu.Lock()
		p.hocus = s
		p.mu.Unlock()
		return s, nil
	})
}

func start(doc ysync.Document, url string, opts *Options, session func(context.Context, *Provider, *Options) (synchronizer.Session, error)) *Provider {
	var o Options
	if opts != nil {
		o = *opts
	}
	p := &Provider{room: ysync.NewRoom(doc, o.Awareness), ended: make(chan struct{}), synced: make(chan struct{})}
	tellSynced, tellStatus := o.Session.OnSynced, o.Client.OnStatus
	o.Session.OnSynced = func() {
		if tellSynced != nil {
			tellSynced()
		}
		p.setSynced(true)
	}
	o.Client.OnStatus = func(s ws.Status) {
		if s.State != ws.Connected {
			p.setSynced(false)
		}
		if tellStatus != nil {
			tellStatus(s)
		}
	}
	p.client = ws.NewClient(url, func(ctx context.Context) (synchronizer.Session, error) { return session(ctx, p, &o) }, &o.Client)
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel = cancel
	go func() {
		defer close(p.ended)
		p.err = p.client.Run(ctx)
	}()
	return p
}

// Room returns the room that this provider connects; other sessions may join it.
func (p *Provider) Room() *ysync.Room { return p.room }

// Status returns the state of the connection.
func (p *Provider) Status() ws.Status { return p.client.Status() }

// Reconnect ends the pause before the next attempt, if there is one.
func (p *Provider) Reconnect() { p.client.Hurry() }

// Synced reports whether, on the present connection, everything has come that the server had at its beginning.
func (p *Provider) Synced() bool {
	select {
	case <-p.syncedNow():
		return true
	default:
		return false
	}
}

// Wait returns when Synced. It returns an error when ctx is done, when the server has refused for good, or when the provider is closed.
func (p *Provider) Wait(ctx context.Context) error {
	for {
		select {
		case <-p.syncedNow():
			return nil
		default:
		}
		select {
		case <-p.syncedNow():
		case <-p.ended:
			if p.err == nil || errors.Is(p.err, context.Canceled) {
				return errors.New("provider: closed")
			}
			return p.err
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Unconfirmed returns how many updates a Hocuspocus server has not confirmed yet. Zero for a y-websocket server, which confirms nothing.
func (p *Provider) Unconfirmed() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.hocus == nil {
		return 0
	}
	return p.hocus.Unconfirmed()
}

// SendStateless sends an application's own message to a Hocuspocus server, on the present connection.
func (p *Provider) SendStateless(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.hocus != nil {
		p.hocus.SendStateless(text)
	}
}

// Close ends the connection, in good order, and lets go of the document. It returns why the provider had stopped before, if it had.
func (p *Provider) Close() error {
	p.cancel()
	<-p.ended
	p.room.Close()
	if errors.Is(p.err, context.Canceled) {
		return nil
	}
	return p.err
}

func (p *Provider) syncedNow() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.synced
}

func (p *Provider) setSynced(yes bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	was := false
	select {
	case <-p.synced:
		was = true
	default:
	}
	switch {
	case yes && !was:
		close(p.synced)
	case !yes && was:
		p.synced = make(chan struct{})
	}
}

// escape percent-encodes a name as a browser does in the path of a URL, and also the characters that would end or divide it there.
func escape(name string) string {
	var b strings.Builder
	for i := range len(name) {
		c := name[i]
		if c <= ' ' || c >= 0x7f || strings.IndexByte("\"#%/<>?\\^`{|}", c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
