package chapters

import (
	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"

	"github.com/crossoverJie/k8s-combat/app/contract"
	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

const (
	databaseURL = "postgres://postgres:postgres@localhost:5432/postgres?sslmode=disable"

	appFile = `name: k8s-combat
pulsar:
  url: "pulsar://localhost:6650"
  token: "abc"
`
)

func config(chart cdk8s.Chart) {
	configMap := infra.NewConfig(chart, "k8s-combat-configmap", infra.ConfigProps{
		Name: "k8s-combat-configmap",
		Data: map[string]string{contract.EnvPGURL: databaseURL, "APP": appFile},
	})
	secret := infra.NewCredentials(chart, "k8s-combat-secret", infra.CredentialsProps{
		Name: "k8s-combat-secret",
		// The tutorial's `echo 'abc' | base64` encodes the line break too.
		Values: map[string]infra.Sensitive{"PWD": "abc\n"},
	})

	props := caller("100Mi")
	props.EnvFrom = []pod.EnvFrom{{Source: configMap}}
	props.Env = []pod.EnvVar{{Name: contract.EnvPGPassword, ValueFrom: secret.Key("PWD")}}
	props.Files = []pod.File{{Path: contract.DefaultConfigFile, From: configMap.Key("APP")}}
	infra.NewProbedDeployment(chart, callerName, props)
}
