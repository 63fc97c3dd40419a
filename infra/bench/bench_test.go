package bench_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/native"
)

// The process under measurement is this test binary, told by the environment what to do.
const (
	treeVariable     = "BENCH_TREE"
	servicesVariable = "BENCH_SERVICES"
)

var newApp = map[string]func(*cdk8s.AppProps) cdk8s.App{"official": cdk8s.NewApp, "native": native.NewApp}

func TestMain(m *testing.M) {
	code := 0
	if name := os.Getenv(treeVariable); name != "" {
		code = synthesize(newApp[name])
	} else {
		code = m.Run()
	}
	tree.Close()
	if os.Getenv(treeVariable) != "" {
		reportMemory()
	}
	os.Exit(code)
}

// synthesize makes services of three objects each: a ConfigMap, a Deployment and a Service.
func synthesize(newApp func(*cdk8s.AppProps) cdk8s.App) int {
	services, err := strconv.Atoi(os.Getenv(servicesVariable))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	outdir, err := os.MkdirTemp("", "bench-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(outdir) }()
	app := newApp(&cdk8s.AppProps{Outdir: &outdir})
	chart := tree.NewChart(app, "services", tree.ChartProps{})
	for i := range services {
		name := fmt.Sprintf("service-%d", i)
		config := infra.NewConfig(chart, name+"-config", infra.ConfigProps{Name: name, Data: map[string]string{"LEVEL": "info"}})
		infra.NewWebService(chart, name, infra.WebServiceProps{
			Name: name,
			Workload: infra.ProbedDeploymentProps{
				Image:   "example.com/service:1",
				EnvFrom: []infra.EnvFrom{{Source: config}},
				Probes:  infra.Probes{Readiness: infra.Probe{Handler: infra.HTTPGet("/readyz", 8080)}},
			},
			Ports: []infra.ServicePort{{Name: "http", Port: 80, TargetPort: 8080}, {Name: "grpc", Port: 50051}},
		})
	}
	if err := tree.Synth(app); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// reportMemory prints the peak memory of this process and of its child, which has ended by now, in KiB.
func reportMemory() {
	var self, child syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &self) == nil && syscall.Getrusage(syscall.RUSAGE_CHILDREN, &child) == nil {
		fmt.Printf("peak %d %d\n", self.Maxrss, child.Maxrss)
	}
}

func BenchmarkSynth(b *testing.B) {
	for _, name := range []string{"native", "official"} {
		for _, services := range []int{10, 100, 1000} {
			b.Run(fmt.Sprintf("tree=%s/services=%d", name, services), func(b *testing.B) {
				needsNode(b, name)
				var goPeak, nodePeak int
				for b.Loop() {
					command := exec.Command(os.Args[0])
					command.Env = append(os.Environ(), treeVariable+"="+name, servicesVariable+"="+strconv.Itoa(services))
					output, err := command.Output()
					if err != nil {
						b.Fatalf("%v: %s", err, output)
					}
					if _, err := fmt.Sscanf(lastLine(output), "peak %d %d", &goPeak, &nodePeak); err != nil {
						b.Fatalf("%v: %s", err, output)
					}
				}
				b.ReportMetric(float64(goPeak)/1024, "go-peak-MiB")
				b.ReportMetric(float64(nodePeak)/1024, "node-peak-MiB")
			})
		}
	}
}

func lastLine(output []byte) string {
	lines := strings.Split(strings.TrimSpace(string(output)), "\n")
	return lines[len(lines)-1]
}

// BenchmarkCombatSynth is the whole command on all chapters, compiled.
func BenchmarkCombatSynth(b *testing.B) {
	combat := filepath.Join(b.TempDir(), "combat")
	if output, err := exec.Command("go", "build", "-o", combat, "../cmd/combat").CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, output)
	}
	outdir := b.TempDir()
	for b.Loop() {
		if output, err := exec.Command(combat, "synth", "--out", outdir).CombinedOutput(); err != nil {
			b.Fatalf("%v: %s", err, output)
		}
	}
}

func needsNode(b *testing.B, name string) {
	if _, err := exec.LookPath("node"); name == "official" && err != nil {
		b.Skip("SKIPPED: the official tree needs Node.js, and no program node is on the PATH")
	}
}
