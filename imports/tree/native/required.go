package native

// required panics for a parameter that is nil and must not be, with the sentence of the official tree.
func required(parameter string, given bool) {
	if !given {
		fail("parameter %s is required, but nil was provided", parameter)
	}
}
