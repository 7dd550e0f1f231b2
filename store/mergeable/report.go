package mergeable

import (
	"fmt"

	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/hlc"
)

// MaxReported is how many refused cells a [Report] lists.
const MaxReported = 100

// Report says what a merge did. What it refused has not stopped the rest.
type Report struct {
	Applied int // cells and values that were taken, with their stamps

	// Refused lists what was not taken although it is later than what stands, at most MaxReported of RefusedCount.
	Refused      []Refusal
	RefusedCount int

	// Clashes lists cells that had one stamp and two contents: two replicas use one id. The greater content has been
	// stamped anew, on this replica and any other, so that all agree again.
	Clashes []Clash
	// NewClient is the id that this replica stamps with from now on, when it was its own that is in use elsewhere.
	NewClient *hlc.Client

	// Ahead is set when content was loaded although stamps in it are too far ahead of the clock: it tells of the latest.
	Ahead *hlc.AheadError
}

// Refusal says why a cell was not taken. The reason is a [*hlc.AheadError] when its stamp is too far ahead of the clock;
// what a [store.Participant] returned when it refused the cell; or a [*store.SetError] when no Store can hold the content.
// In the last two cases what stands has been stamped anew, so that the other replicas return to it.
type Refusal struct {
	At    store.Path
	Stamp hlc.Stamp
	Err   error
}

// Error says what was refused, and why.
func (r Refusal) Error() string { return fmt.Sprintf("mergeable: %v refused: %v", r.At, r.Err) }

// Unwrap returns the reason.
func (r Refusal) Unwrap() error { return r.Err }

// Clash is a cell of which two replicas made two contents with one stamp.
type Clash struct {
	At    store.Path
	Stamp hlc.Stamp
}

// Error says whose id is in use twice.
func (c Clash) Error() string {
	return fmt.Sprintf("mergeable: %v has two contents with the stamp %v: client %v is in use twice", c.At, c.Stamp, c.Stamp.Client())
}

func (r *Report) refuse(at store.Path, s hlc.Stamp, err error) {
	if r.RefusedCount++; len(r.Refused) < MaxReported {
		r.Refused = append(r.Refused, Refusal{at, s, err})
	}
}

func (r *Report) clash(at store.Path, s hlc.Stamp) {
	if len(r.Clashes) < MaxReported {
		r.Clashes = append(r.Clashes, Clash{at, s})
	}
}

func (r *Report) add(s Report) {
	r.Applied += s.Applied
	r.RefusedCount += s.RefusedCount
	r.Refused = append(r.Refused, s.Refused[:min(len(s.Refused), max(0, MaxReported-len(r.Refused)))]...)
	r.Clashes = append(r.Clashes, s.Clashes[:min(len(s.Clashes), max(0, MaxReported-len(r.Clashes)))]...)
	if s.NewClient != nil {
		r.NewClient = s.NewClient
	}
}
