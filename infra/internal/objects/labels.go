package objects

import "slices"

// HasLabels reports whether labels have all that are wanted.
func HasLabels(labels, wanted map[string]string) bool {
	for name, text := range wanted {
		if found, ok := labels[name]; !ok || found != text {
			return false
		}
	}
	return true
}

// Selects reports whether a LabelSelector, as JSON has it, takes labels. One that is empty or missing takes all.
func Selects(selector any, labels map[string]string) bool {
	fields, _ := selector.(map[string]any)
	if !HasLabels(labels, Texts(fields["matchLabels"])) {
		return false
	}
	expressions, _ := fields["matchExpressions"].([]any)
	for _, one := range expressions {
		if expression, _ := one.(map[string]any); !fits(expression, labels) {
			return false
		}
	}
	return true
}

// fits reports whether labels are as an expression of a LabelSelector says.
func fits(expression map[string]any, labels map[string]string) bool {
	key, _ := expression["key"].(string)
	values, _ := expression["values"].([]any)
	found, there := labels[key]
	in := there && slices.Contains(values, any(found))
	switch expression["operator"] {
	case "In":
		return in
	case "NotIn":
		return !in
	case "Exists":
		return there
	case "DoesNotExist":
		return !there
	}
	return true
}
