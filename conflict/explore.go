package conflict

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/rowloom/rowloom/store"
)

// Exploration is the outcomes of one scenario in many orders of delivery.
type Exploration struct {
	Scenario *Scenario
	First    *Outcome
	Orders   int
	// Differs is an outcome in which the replicas do not agree, or that is not the content of First. Nil is what is wanted.
	Differs *Outcome
}

// maxOrders bounds how many orders Explore plays; beyond, it takes a sample.
const maxOrders = 720

// Explore plays a scenario with the first deliveries in every order, followed by a round in which everybody tells everybody. If
// there are more than 720 orders it plays as many, drawn from the seed.
func Explore(e Engine, s *Scenario, seed uint64) (*Exploration, error) {
	x := &Exploration{Scenario: s}
	all := AllToAll(len(s.Replicas))
	pairs := all[:len(all)/2]
	for order := range orders(pairs, seed) {
		o, err := Play(e, s, slices.Concat(order, all))
		if err != nil {
			return nil, err
		}
		if x.First == nil {
			x.First = o
		}
		x.Orders++
		if !o.Agree || !store.Diff(x.First.Content, o.Content).IsEmpty() {
			x.Differs = o
			return x, nil
		}
	}
	return x, nil
}

// orders yields the permutations of a list, or a sample of them.
func orders(list []Delivery, seed uint64) func(func([]Delivery) bool) {
	return func(yield func([]Delivery) bool) {
		if len(list) > 6 { // 6! = 720
			r := rand.New(rand.NewPCG(seed, 0))
			for range maxOrders {
				p := slices.Clone(list)
				r.Shuffle(len(p), func(i, j int) { p[i], p[j] = p[j], p[i] })
				if !yield(p) {
					return
				}
			}
			return
		}
		permute(slices.Clone(list), 0, yield)
	}
}

func permute(list []Delivery, from int, yield func([]Delivery) bool) bool {
	if from >= len(list)-1 {
		return yield(slices.Clone(list))
	}
	for i := from; i < len(list); i++ {
		list[from], list[i] = list[i], list[from]
		if !permute(list, from+1, yield) {
			return false
		}
		list[from], list[i] = list[i], list[from]
	}
	return true
}

// Swapped returns the scenario with the ids of the replicas in the opposite order, so that who wins by id loses.
func (s *Scenario) Swapped() *Scenario {
	t := *s
	t.Replicas = slices.Clone(s.Replicas)
	slices.Reverse(t.Replicas)
	return &t
}

// Shrink returns the smallest scenario it can find, by leaving edits out, for which fails still returns true.
func Shrink(s *Scenario, fails func(*Scenario) bool) *Scenario {
	for {
		smaller := false
		for i := len(s.Base) + len(s.Edits) - 1; i >= 0; i-- {
			t := *s
			if i < len(s.Base) {
				t.Base = slices.Delete(slices.Clone(s.Base), i, i+1)
			} else {
				j := i - len(s.Base)
				t.Edits = slices.Delete(slices.Clone(s.Edits), j, j+1)
			}
			if fails(&t) {
				s, smaller = &t, true
				break
			}
		}
		if !smaller {
			return s
		}
	}
}

// Table prints what became of each contested place, an engine a column: the value that stands and the replica that set it.
func Table(list []*Exploration) string {
	var b strings.Builder
	b.WriteString("| place |")
	for _, x := range list {
		fmt.Fprintf(&b, " %s |", x.First.Engine)
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(list)) + "\n")
	for _, at := range contested(list) {
		fmt.Fprintf(&b, "| %v |", at)
		for _, x := range list {
			b.WriteString(" " + x.cell(at) + " |")
		}
		b.WriteByte('\n')
	}
	b.WriteString("| in every order |")
	for _, x := range list {
		if x.Differs != nil {
			fmt.Fprintf(&b, " no: %v |", x.Differs.Order)
		} else {
			fmt.Fprintf(&b, " the same (%d) |", x.Orders)
		}
	}
	return b.String() + "\n"
}

func contested(list []*Exploration) (out []store.Path) {
	for _, x := range list {
		for _, v := range x.First.Verdicts {
			if !slices.Contains(out, v.At) {
				out = append(out, v.At)
			}
		}
	}
	slices.SortFunc(out, func(a, b store.Path) int { return strings.Compare(a.String(), b.String()) })
	return out
}

func (x *Exploration) cell(at store.Path) string {
	for _, v := range x.First.Verdicts {
		if v.At == at && v.Winner >= 0 {
			return fmt.Sprintf("%v by %d", v.Stands, x.Scenario.Replicas[v.Winner])
		} else if v.At == at {
			return v.Stands.String()
		}
	}
	return "not contested"
}
