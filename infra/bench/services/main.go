// Command services makes the manifests of many services, three objects each. It is what package bench measures.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/imports/tree/native"
	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

func main() {
	count := flag.Int("services", 1, "`NUMBER` of services")
	treeName := flag.String("tree", "native", "`TREE` to make them with: native or cdk8s")
	plain := flag.Bool("plain", false, "make objects alone, without constructs")
	outdir := flag.String("out", "dist", "`FOLDER` to write to")
	cpuProfile := flag.String("cpuprofile", "", "`FILE` to write a CPU profile to")
	memoryProfile := flag.String("memprofile", "", "`FILE` to write a profile of allocations to")
	flag.Parse()

	err := profiled(*cpuProfile, *memoryProfile, func() error {
		app := native.NewApp(&cdk8s.AppProps{Outdir: outdir})
		if *treeName == "cdk8s" {
			var err error
			if app, err = tree.NewOfficialApp(*outdir); err != nil {
				return err
			}
		}
		add := addServices
		if *plain {
			add = addPlainServices
		}
		add(tree.NewChart(app, "services", tree.ChartProps{}), *count)
		return tree.Synth(app)
	})
	tree.Close()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// addServices adds a ConfigMap, a Deployment and a Service for each service.
func addServices(chart cdk8s.Chart, count int) {
	for i := range count {
		name := fmt.Sprintf("service-%d", i)
		config := infra.NewConfig(chart, name+"-config", infra.ConfigProps{Name: name, Data: map[string]string{"LEVEL": "info"}})
		infra.NewWebService(chart, name, infra.WebServiceProps{
			Name: name,
			Workload: infra.ProbedDeploymentProps{
				Image:   "example.com/service:1",
				EnvFrom: []pod.EnvFrom{{Source: config}},
				Probes:  pod.Probes{Readiness: pod.Probe{Handler: pod.HTTPGet("/readyz", 8080)}},
			},
			Ports: []infra.ServicePort{{Name: "http", Port: 80, TargetPort: 8080}, {Name: "grpc", Port: 50051}},
		})
	}
}

// profiled calls work and writes those profiles that have a file name.
func profiled(cpu, memory string, work func() error) error {
	if memory == "" {
		runtime.MemProfileRate = 0
	}
	if cpu != "" {
		file, err := os.Create(cpu)
		if err != nil {
			return err
		}
		defer func() { _ = file.Close() }()
		if err := pprof.StartCPUProfile(file); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	err := work()
	if memory != "" && err == nil {
		var file *os.File
		if file, err = os.Create(memory); err != nil {
			return err
		}
		defer func() { _ = file.Close() }()
		err = pprof.Lookup("allocs").WriteTo(file, 0)
	}
	return err
}
