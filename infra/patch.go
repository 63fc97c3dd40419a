package infra

// patched lets the hook have the last word on a copy of the object, so that it cannot reach into anybody's props.
func patched[T any, P interface {
	*T
	DeepCopy() *T
}](object P, patch func(*T)) *T {
	if patch == nil {
		return object
	}
	copied := object.DeepCopy()
	patch(copied)
	return copied
}
