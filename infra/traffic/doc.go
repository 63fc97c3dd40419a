// Package traffic answers from manifests what happens to a request: where it goes, why, how many of a hundred go where,
// and how long its caller can wait. Nothing has to be applied.
//
// Of is for unit tests of charts, New for whatever else. Package engine decides, and says what it takes for granted.
//
//	traffic.Of(t, chart).Get("/ping").Host("www.service1.io").Header("version", "200").Reaches("web-v2")
package traffic
