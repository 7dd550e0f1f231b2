package amchange

// Limits bounds what foreign bytes may cost. The zero value of a field means its default, and so does a nil *Limits.
type Limits struct {
	// Chunk is the greatest size of one chunk in bytes, after inflating. The default is 64 MiB.
	Chunk int
	// Inflate is how many bytes a deflated chunk may grow to in any case; beyond that it may grow to 64 times its size.
	// The default is 8 MiB.
	Inflate int
	// Operations is the greatest number of deletions in one change, beyond two per byte of it. Deletions of a long text
	// take next to no bytes, so they need room. The default is 1,048,576.
	Operations int
	// Empty is the greatest number of operations that add something to the document without costing bytes, such as a run
	// of nulls in a list, beyond two per byte of the change. The default is 1,024.
	Empty int
	// Depth is how deep objects may be nested. The default is 1,024.
	Depth int
	// Conflict is the greatest number of concurrent values of one place. The default is 4,096.
	Conflict int
	// Touched is the greatest number of places a Delta lists; beyond it, the Delta says that everything changed.
	// The default is 65,536.
	Touched int
}

// or returns the limits with defaults in place of zeros.
func (l *Limits) or() Limits {
	var out Limits
	if l != nil {
		out = *l
	}
	set := func(p *int, n int) {
		if *p <= 0 {
			*p = n
		}
	}
	set(&out.Chunk, 64<<20)
	set(&out.Inflate, 8<<20)
	set(&out.Operations, 1<<20)
	set(&out.Empty, 1<<10)
	out.Depth = min(out.Depth, 1<<15)
	set(&out.Depth, 1<<10)
	set(&out.Conflict, 1<<12)
	set(&out.Touched, 1<<16)
	return out
}
