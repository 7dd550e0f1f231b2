package amchange

// opWriter writes operations to columns the way every Automerge encoder does. It begins with init.
type opWriter struct {
	objActor, objCounter, keyActor, action, valueMeta, predCount, predActor runWriter[uint64]
	keyCounter, predCounter                                                 deltaWriter
	keyString, markName                                                     runWriter[string]
	insert, expand                                                          boolWriter
	valueRaw                                                                []byte
	count                                                                   int
}

// init makes room for the columns of a small change, as most are.
func (w *opWriter) init() {
	memory := new([columnCount][16]byte)
	for i, out := range [...]*[]byte{&w.objActor.out, &w.objCounter.out, &w.keyActor.out, &w.action.out, &w.valueMeta.out,
		&w.predCount.out, &w.predActor.out, &w.keyCounter.out, &w.predCounter.out, &w.keyString.out, &w.markName.out, &w.insert.out,
		&w.expand.out, &w.valueRaw} {
		*out = memory[i][:0]
	}
}

func (w *opWriter) write(o *rawOp) {
	w.count++
	if o.obj.counter == 0 {
		w.objActor.null()
		w.objCounter.null()
	} else {
		w.objActor.value(o.obj.actor)
		w.objCounter.value(o.obj.counter)
	}
	switch {
	case !o.inSeq:
		w.keyActor.null()
		w.keyCounter.null()
		w.keyString.value(o.key)
	case o.elem.counter == 0:
		w.keyActor.null()
		w.keyCounter.number(0)
		w.keyString.null()
	default:
		w.keyActor.value(o.elem.actor)
		w.keyCounter.number(o.elem.counter)
		w.keyString.null()
	}
	w.insert.value(o.insert)
	w.action.value(uint64(o.action))
	var meta uint64
	meta, w.valueRaw = o.value.encode(w.valueRaw)
	w.valueMeta.value(meta)
	w.predCount.value(uint64(len(o.preds)))
	for _, p := range o.preds {
		w.predActor.value(p.actor)
		w.predCounter.number(p.counter)
	}
	w.expand.value(o.expand)
	if o.named {
		w.markName.value(o.name)
	} else {
		w.markName.null()
	}
}

// finish appends the column list and the columns.
func (w *opWriter) finish(out []byte) []byte {
	columns := [...]struct {
		spec uint64
		data []byte
	}{
		{colObjActor, w.objActor.finish()},
		{colObjCounter, w.objCounter.finish()},
		{colKeyActor, w.keyActor.finish()},
		{colKeyCounter, w.keyCounter.finish()},
		{colKeyString, w.keyString.finish()},
		{colInsert, w.insert.finish(false)},
		{colAction, w.action.finish()},
		{colValueMeta, w.valueMeta.finish()},
		{colValueRaw, w.valueRaw},
		{colPredCount, w.predCount.finish()},
		{colPredActor, w.predActor.finish()},
		{colPredCounter, w.predCounter.finish()},
		{colExpand, w.expand.finish(true)},
		{colMarkName, w.markName.finish()},
	}
	n := 0
	for _, c := range columns {
		if len(c.data) > 0 {
			n++
		}
	}
	out = appendUleb(out, uint64(n))
	for _, c := range columns {
		if len(c.data) > 0 {
			out = appendUleb(appendUleb(out, c.spec), uint64(len(c.data)))
		}
	}
	for _, c := range columns {
		out = append(out, c.data...)
	}
	return out
}
