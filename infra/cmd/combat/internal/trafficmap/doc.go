// Package trafficmap draws what a set of manifests does with requests: as a page that answers questions, as an SVG, and as
// Mermaid. The graph is that of infra/traffic/engine. The page and the SVG are drawn by the same script, in a browser and
// here, so that they agree.
package trafficmap
