package file

// OnStep has fn called before each step of a write.
func (t *Target) OnStep(fn func(step string)) { t.step = fn }
