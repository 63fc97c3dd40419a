package traffic_test

import (
	"fmt"

	"github.com/crossoverJie/k8s-combat/infra/traffic"
)

func ExampleNew() {
	objects, err := traffic.Charts(shop())
	if err != nil {
		panic(err)
	}
	model := traffic.New(objects, traffic.Options{})
	explanation, err := model.Explain(traffic.Request{Host: "web", Path: "/slow"})
	if err != nil {
		panic(err)
	}
	fmt.Println(explanation.Summary)
	fmt.Println(explanation.Wait.Text)
	// Output:
	// answered by Deployment web-v1
	// a caller waits at most 5s, and then is told 504 (up to 2 retries on connect-failure, refused-stream, unavailable, cancelled, retriable-status-codes; a timeout of 5s for all together)
}
