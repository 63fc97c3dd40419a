package contract_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/crossoverJie/k8s-combat/app/contract"
	"github.com/crossoverJie/k8s-combat/app/helloworld"
)

// The probe of a Pod template, as anybody may write it.
func Example() {
	fmt.Printf("readinessProbe: {httpGet: {path: %s, port: %d}}\n", contract.PathReady, contract.AdminPort)
	// Output: readinessProbe: {httpGet: {path: /readyz, port: 8082}}
}

func TestDefaultsAgreeWithPorts(t *testing.T) {
	assert.Equal(t, contract.DefaultHTTPAddress, fmt.Sprintf(":%d", contract.HTTPPort))
	assert.Equal(t, contract.DefaultGRPCAddress, fmt.Sprintf(":%d", contract.GRPCPort))
	assert.Equal(t, contract.DefaultAdminAddress, fmt.Sprintf(":%d", contract.AdminPort))
	assert.Equal(t, contract.DefaultProviderURL, fmt.Sprintf("http://k8s-combat-service:%d", contract.HTTPPort))
}

func TestGreeterAgreesWithItsProto(t *testing.T) {
	assert.Equal(t, contract.GreeterService, helloworld.Greeter_ServiceDesc.ServiceName)
	assert.Equal(t, helloworld.Greeter_SayHello_FullMethodName, contract.PathSayHello)
}
