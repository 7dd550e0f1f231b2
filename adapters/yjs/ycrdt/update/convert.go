package update

// Convert returns the update in the other format or, if from and to are the same, as Yjs would write it.
func Convert(b []byte, from, to Version, limits *Limits) ([]byte, error) {
	r := NewReader(from, b, limits)
	w := NewWriter(to)
	for r.Next() {
		if err := w.Write(r.Struct()); err != nil {
			return nil, err
		}
	}
	ds, err := r.DeleteSet()
	if err != nil {
		return nil, err
	}
	return w.Finish(ds.byClient())
}

// V1ToV2 is Convert from V1 to V2.
func V1ToV2(b []byte) ([]byte, error) { return Convert(b, V1, V2, nil) }

// V2ToV1 is Convert from V2 to V1.
func V2ToV1(b []byte) ([]byte, error) { return Convert(b, V2, V1, nil) }
