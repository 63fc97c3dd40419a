#!/bin/sh
# Generates the Go code of helloworld.proto into this folder.
#
# The plugins are built for this run alone, so that whatever the developer has
# on their PATH does not matter: protoc-gen-go at the version of protobuf in
# go.mod, protoc-gen-go-grpc, which is a module of its own, at the one below.
set -eu

protoc_gen_go_grpc=v1.6.2

bin=$(mktemp -d)
trap 'rm -rf "$bin"' EXIT

GOBIN=$bin go install google.golang.org/protobuf/cmd/protoc-gen-go
GOBIN=$bin go install "google.golang.org/grpc/cmd/protoc-gen-go-grpc@$protoc_gen_go_grpc"
PATH=$bin:$PATH protoc \
	--go_out=. --go_opt=paths=source_relative \
	--go-grpc_out=. --go-grpc_opt=paths=source_relative \
	helloworld.proto
