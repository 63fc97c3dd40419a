// Package bench measures how long it takes to make manifests, and in how much memory. Each case is a process of its
// own, from start to exit, so that what starts with it counts: Node.js for the official tree.
//
//	make bench > before.txt
//	make bench > after.txt
//	go run golang.org/x/perf/cmd/benchstat@latest before.txt after.txt
package bench
