// Command bench measures how long it takes to make manifests, and in how much memory, side by side: the native tree, the
// official one, helm template, and cdk8s in JavaScript, which is what cdk8s in TypeScript runs as. All of them make the
// same objects, which is checked first. What is not installed is skipped, with the reason.
//
//	make bench-tools   # installs Helm and cdk8s into .bench
//	make bench
//
// Each run is a process of its own, from start to exit, so that what starts with it counts. The runs of the renderers take
// turns, so that what else the machine does falls on all of them, and medians are compared.
//
// It also measures what the command combat costs beyond its imports, and shows where the native tree spends its time and
// memory. Each run is printed as a line that benchstat reads:
//
//	make bench > before.txt
//	make bench > after.txt
//	go run golang.org/x/perf/cmd/benchstat@latest before.txt after.txt
package main
