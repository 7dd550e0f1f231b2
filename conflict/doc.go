// Package conflict is a laboratory for what happens when several replicas edit one table at the same time: it plays a
// [Scenario] on replicas of any kind ([Yjs], [TinyBase], [Automerge]) and says who won, and why.
//
// A scenario is text:
//
//	replicas 1 2
//	base     pets/fido/species = "dog"
//	1        pets/fido/price = 4
//	2        pets/fido/price = 5
//
// The base is known to all. What the replicas do afterwards they do without hearing of each other; then everybody tells
// everybody. [Play] does so once, [Explore] in every order of delivery, and with the ids of the replicas exchanged. What comes
// out is an [Outcome]: the content, whether all replicas agree, and for each contested place the [Verdict].
//
// Everything is deterministic: ids are given, clocks stand still, orders are listed.
package conflict
