// Command baregrpc is the Greeter on the least that a server of grpc-go can be.
package main

import (
	"log"
	"net"
	"os"

	"google.golang.org/grpc"

	"github.com/crossoverJie/k8s-combat/app/helloworld"
	"github.com/crossoverJie/k8s-combat/app/internal/greeter"
)

func main() {
	listener, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer()
	helloworld.RegisterGreeterServer(server, &greeter.Service{Hostname: "bare"})
	log.Fatal(server.Serve(listener))
}
