package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
)

// renderer makes the manifests of any number of services.
type renderer struct {
	name string
	// missing is why it cannot be measured here, empty if it can.
	missing string
	// most is for how many services it is measured at most: more take too long.
	most int
	// goal is by how many times native is to be faster for 1,000 services.
	goal float64
	// command writes the manifests of services into a folder.
	command func(services int, folder string) (*exec.Cmd, error)
}

// nativeName is what the others are compared with.
const nativeName = "native"

// renderers returns all, the one that others are compared with first. The official tree makes a call to Node.js for each
// construct and object, and so is at its best with objects alone.
func (w *workshop) renderers() []renderer {
	return []renderer{
		{name: nativeName, most: 10_000, command: w.services("-tree=native")},
		{name: "native, objects alone", most: 10_000, command: w.services("-tree=native", "-plain")},
		{name: "helm template", most: 10_000, goal: 3, missing: w.needs("helm"), command: w.helm},
		{name: "cdk8s JavaScript", most: 10_000, goal: 8, missing: cmp.Or(needsNode(), w.needs("node_modules/cdk8s")), command: w.javaScript},
		{name: "official Go tree", most: 1_000, goal: 15, missing: needsNode(), command: w.services("-tree=cdk8s")},
		{name: "official, objects alone", most: 1_000, goal: 15, missing: needsNode(), command: w.services("-tree=cdk8s", "-plain")},
	}
}

// needs returns what is wrong when a tool is not there.
func (w *workshop) needs(tool string) string {
	if _, err := os.Stat(filepath.Join(w.tools, tool)); err != nil {
		return fmt.Sprintf("%v; make bench-tools installs it", err)
	}
	return ""
}

func needsNode() string {
	if _, err := exec.LookPath("node"); err != nil {
		return "no program node is on the PATH"
	}
	return ""
}

func (w *workshop) services(options ...string) func(int, string) (*exec.Cmd, error) {
	return func(services int, folder string) (*exec.Cmd, error) {
		options := append(slices.Clone(options), "-services", strconv.Itoa(services), "-out", folder)
		return exec.Command(w.program("services"), options...), nil
	}
}

func (w *workshop) javaScript(services int, folder string) (*exec.Cmd, error) {
	command := exec.Command("node", filepath.Join(w.sources, "cdk8s", "services.js"), strconv.Itoa(services), folder)
	command.Env = append(os.Environ(), "NODE_PATH="+filepath.Join(w.tools, "node_modules"))
	return command, nil
}

// helm gives Helm a chart that goes through a list of services, and the list.
func (w *workshop) helm(services int, folder string) (*exec.Cmd, error) {
	values := filepath.Join(w.folder, fmt.Sprintf("values-%d.yaml", services))
	if _, err := os.Stat(values); err != nil {
		if err := w.writeValues(values, services); err != nil {
			return nil, err
		}
	}
	manifests, err := os.Create(filepath.Join(folder, "services.yaml"))
	if err != nil {
		return nil, err
	}
	command := exec.Command(filepath.Join(w.tools, "helm"), "template", "bench", filepath.Join(w.sources, "helm"), "--values", values)
	command.Stdout = manifests
	return command, nil
}

// writeValues writes the chart's own values with the one service in it as often as asked for.
func (w *workshop) writeValues(path string, services int) error {
	text, err := os.ReadFile(filepath.Join(w.sources, "helm", "values.yaml"))
	if err != nil {
		return err
	}
	const list = "services:\n"
	_, one, ok := bytes.Cut(text, []byte(list))
	if !ok {
		return errors.New("values.yaml of the chart has no list of services")
	}
	values := []byte(list)
	for i := range services {
		values = append(values, bytes.ReplaceAll(one, []byte("service-0"), fmt.Appendf(nil, "service-%d", i))...)
	}
	return os.WriteFile(path, values, 0o644)
}
