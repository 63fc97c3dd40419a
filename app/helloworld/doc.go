// Package helloworld is the gRPC API of the sample service: client and server
// code generated from helloworld.proto.
//
// go generate makes it anew. It needs protoc (Debian's protobuf-compiler).
package helloworld

//go:generate sh generate.sh
