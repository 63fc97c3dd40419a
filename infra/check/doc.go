// Package check looks at a set of finished objects together and says what will go wrong: whether traffic arrives,
// whether the pods start, and whether the next rollout is safe. It reads no cluster: what is not in the set is taken
// for somebody else's where that can be, and is no error by itself.
//
// Objects checks a set, Chart and Charts those of a construct tree, Install makes them a part of an app's synth, and
// Read reads manifests. Rules is the table of all that is known; docs/check.md is its page.
//
// # What is decided where
//
// A reference by name is decided where the namespace that it means has any object in the set: a name that is missing
// there is an error. Of a namespace that has none, of the namespaces of the system (kube-system, istio-system and the
// like), and of what Options.Assume names, nothing is known: a missing name is a note, which Options.Strict shows. The
// same holds for a Service in a namespace of which the set has neither Services nor pods, and for labels of pods in a
// namespace of which it has no pods: a set of routes or policies alone is for what another one has. And it
// holds where an operator may make the object: a kind that is not known here, of which the name begins alike.
//
// An object without a namespace goes where the others go: to Options.Namespace, else to the one namespace that the
// set names, else to "default" where the set names that, else to one that is called "".
//
// # Silence
//
// The annotation combat.check/silence on an object silences findings on it, each with a reason:
//
//	metadata:
//	  annotations:
//	    combat.check/silence: |
//	      KC306: the image has no versions yet
//
// A silencer without a reason, or that silences nothing, is a finding.
package check
