package conflict

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/rowloom/rowloom/store"
)

// Outcome is what came out of a scenario.
type Outcome struct {
	Engine   string
	Order    []Delivery // who told whom, in this order
	Content  *store.Snapshot
	Agree    bool // whether all replicas hold Content
	Others   []*store.Snapshot
	Verdicts []Verdict // one for each place that more than one replica wrote
}

// Delivery says that one replica gave its whole state to another; both are indexes in Scenario.Replicas.
type Delivery struct{ From, To int }

// Verdict says what became of a contested cell or value.
type Verdict struct {
	At     store.Path
	Claims []Edit // what each replica had made of it in the end; deletions of rows and tables count for their cells
	Stands store.Value
	Winner int    // the replica whose claim stands; -1 if none does
	Rule   string // why
}

// String prints the verdict on one line.
func (v Verdict) String() string { return fmt.Sprintf("%v %v: %s", v.At, v.Stands, v.Rule) }

// AllToAll is the order in which everybody tells everybody, once around and again, so that all know everything.
func AllToAll(replicas int) (order []Delivery) {
	for range 2 {
		for from := range replicas {
			for to := range replicas {
				if from != to {
					order = append(order, Delivery{from, to})
				}
			}
		}
	}
	return order
}

// Play plays a scenario once: the base, the edits, the deliveries in order.
func Play(e Engine, s *Scenario, order []Delivery) (o *Outcome, err error) {
	replicas := make([]Replica, len(s.Replicas))
	defer func() {
		for _, r := range replicas {
			if r != nil {
				err = errors.Join(err, r.Close())
			}
		}
	}()
	for i, id := range s.Replicas {
		if replicas[i], err = e.New(id); err != nil {
			return nil, fmt.Errorf("conflict: %s replica %d: %w", e.Name, id, err)
		}
	}
	if err := write(replicas[0], s.Base); err != nil {
		return nil, fmt.Errorf("conflict: base: %w", err)
	}
	for i := 1; i < len(replicas); i++ {
		if err := deliver(replicas, Delivery{0, i}); err != nil {
			return nil, err
		}
	}
	before := replicas[0].Store().Snapshot()
	claims := map[store.Path][]Edit{}
	for i, r := range replicas {
		var mine []Edit
		for _, edit := range s.Edits {
			if edit.Replica == i {
				mine = append(mine, edit)
			}
		}
		if err := write(r, mine); err != nil {
			return nil, fmt.Errorf("conflict: replica %d: %w", s.Replicas[i], err)
		}
		d := store.Diff(before, r.Store().Snapshot())
		for _, c := range d.Cells {
			claims[c.Path()] = append(claims[c.Path()], Edit{i, c.Path(), c.New})
		}
		for _, v := range d.Values {
			claims[v.Path()] = append(claims[v.Path()], Edit{i, v.Path(), v.New})
		}
	}
	for _, d := range order {
		if err := deliver(replicas, d); err != nil {
			return nil, err
		}
	}
	o = &Outcome{Engine: e.Name, Order: order, Content: replicas[0].Store().Snapshot(), Agree: true}
	for _, r := range replicas[1:] {
		got := r.Store().Snapshot()
		o.Others = append(o.Others, got)
		o.Agree = o.Agree && store.Diff(o.Content, got).IsEmpty()
	}
	o.judge(e, s, claims)
	return o, nil
}

func write(r Replica, edits []Edit) error {
	for _, e := range edits {
		if err := r.Store().Update(e.apply); err != nil {
			return err
		}
	}
	return nil
}

func deliver(replicas []Replica, d Delivery) error {
	state, err := replicas[d.From].State()
	if err == nil {
		err = replicas[d.To].Merge(state)
	}
	if err != nil {
		return fmt.Errorf("conflict: delivery from replica %d to %d: %w", d.From+1, d.To+1, err)
	}
	return nil
}

// judge says what became of the places that more than one replica wrote.
func (o *Outcome) judge(e Engine, s *Scenario, claims map[store.Path][]Edit) {
	for at, list := range claims {
		if len(list) < 2 {
			continue
		}
		table, row, cell := at.IDs()
		v := Verdict{At: at, Claims: list, Winner: -1, Stands: o.Content.Cell(table, row, cell)}
		if at.Level() == store.AtValue {
			v.Stands = o.Content.Value(cell)
		}
		same := true
		deletions := 0
		for _, c := range list {
			same = same && c.Value == list[0].Value
			if !c.Value.Exists() {
				deletions++
			}
			if c.Value == v.Stands && (v.Winner < 0 || s.Replicas[c.Replica] > s.Replicas[v.Winner]) {
				v.Winner = c.Replica
			}
		}
		switch {
		case same:
			v.Rule = "all wrote the same"
		case v.Winner < 0:
			v.Rule = "no claim stands"
		case deletions > 0 && v.Stands.Exists() && deletions == len(list)-1 && e.Deletion != "":
			v.Rule = e.Deletion
		default:
			v.Rule = e.Rule
		}
		o.Verdicts = append(o.Verdicts, v)
	}
	slices.SortFunc(o.Verdicts, func(a, b Verdict) int { return strings.Compare(a.At.String(), b.At.String()) })
}
