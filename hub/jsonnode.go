package hub

import "github.com/rowloom/rowloom/internal/jsjson"

// jsonNode is a JSON value, as far as a merge patch looks into it: objects member by member, anything else as text.
type jsonNode struct {
	object  bool
	text    []byte // unless object
	members []jsonMember
	index   map[string]int // of members, when there are many
}

type jsonMember struct {
	key  string
	node jsonNode
}

// parseNode reads the next value of r. Errors stay in r. Of equal keys the last one counts.
func parseNode(r *jsjson.Reader) (n jsonNode) {
	if r.Peek() != jsjson.Object {
		n.text = r.AppendCanonical(nil)
		return n
	}
	n.object = true
	for r.BeginObject(); r.NextKey(); {
		key := string(r.Key())
		n.set(key, parseNode(r))
	}
	return n
}

// isNull says whether n is null.
func (n *jsonNode) isNull() bool { return !n.object && string(n.text) == "null" }

// find returns the place of a key, or -1.
func (n *jsonNode) find(key string) int {
	if n.index != nil {
		if i, ok := n.index[key]; ok {
			return i
		}
		return -1
	}
	for i := range n.members {
		if n.members[i].key == key {
			return i
		}
	}
	return -1
}

func (n *jsonNode) set(key string, v jsonNode) {
	if i := n.find(key); i >= 0 {
		n.members[i].node = v
		return
	}
	n.members = append(n.members, jsonMember{key, v})
	if n.index != nil {
		n.index[key] = len(n.members) - 1
	} else if len(n.members) > 16 {
		n.index = make(map[string]int, 2*len(n.members))
		for i, m := range n.members {
			n.index[m.key] = i
		}
	}
}

// merge is MergePatch of RFC 7396, section 2.
func (n jsonNode) merge(patch jsonNode) jsonNode {
	if !patch.object {
		return patch
	}
	if !n.object {
		n = jsonNode{object: true}
	}
	gone := map[string]bool{}
	for _, m := range patch.members {
		if m.node.isNull() {
			gone[m.key] = true
			continue
		}
		var old jsonNode
		if i := n.find(m.key); i >= 0 {
			old = n.members[i].node
		}
		n.set(m.key, old.merge(m.node))
	}
	if len(gone) > 0 {
		kept := jsonNode{object: true}
		for _, m := range n.members {
			if !gone[m.key] {
				kept.set(m.key, m.node)
			}
		}
		n = kept
	}
	return n
}

// append writes n as JSON.
func (n *jsonNode) append(dst []byte) []byte {
	if !n.object {
		return append(dst, n.text...)
	}
	dst = append(dst, '{')
	for i := range n.members {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(jsjson.AppendString(dst, n.members[i].key), ':')
		dst = n.members[i].node.append(dst)
	}
	return append(dst, '}')
}
