package awareness

import "time"

// Options bounds an Awareness. nil, and every zero field, means the default.
type Options struct {
	Clients    int           // clients that are known, those that have gone included; default 10,000
	PerMessage int           // clients in one message; default 10,000
	StateBytes int           // JSON text of one state; default 64 KiB
	Timeout    time.Duration // after which a silent client is gone; default 30 s. Half of it renews the own state
}

func (o *Options) resolve() Options {
	var out Options
	if o != nil {
		out = *o
	}
	if out.Clients <= 0 {
		out.Clients = 10_000
	}
	if out.PerMessage <= 0 {
		out.PerMessage = 10_000
	}
	if out.StateBytes <= 0 {
		out.StateBytes = 64 << 10
	}
	if out.Timeout <= 0 {
		out.Timeout = 30 * time.Second
	}
	return out
}
