package helloworld_test

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/crossoverJie/k8s-combat/app/helloworld"
)

// What a tool such as grpcurl takes to make a call.
func Example() {
	var request helloworld.HelloRequest
	err := protojson.Unmarshal([]byte(`{"name": "world"}`), &request)
	fmt.Println(helloworld.Greeter_SayHello_FullMethodName, request.GetName(), err)
	// Output: /helloworld.Greeter/SayHello world <nil>
}
