package tree

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	jsiiruntime "github.com/aws/jsii-runtime-go/runtime"
	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	cdk8sjsii "github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2/jsii"

	"github.com/crossoverJie/k8s-combat/imports/tree/manifest"
)

// The jsii module that makes an ApiObject from one JSON string: one call across jsii for an object instead of three. It
// is named after this Go module, since jsii panics where two modules of one name meet in a program.
const (
	moduleName    = "k8s-combat-tree"
	moduleVersion = "1.0.0"
	objectClass   = moduleName + ".JsonObject"
	orderClass    = moduleName + ".Order"
	outputClass   = moduleName + ".Output"
	processClass  = moduleName + ".Process"
	// patchInterface is what cdk8s takes for one of its patches.
	patchInterface = moduleName + ".IPatch"
)

//go:embed module
var moduleFiles embed.FS

// jsonObject is the Go side of the module's class.
type jsonObject interface{ cdk8s.ApiObject }

// The prefix tells jsii that this is a proxy, not somebody's subclass.
type jsiiProxy_JsonObject struct{ cdk8s.ApiObject } //nolint:revive // jsii asks for this name

func init() {
	// The methods are those that may be overridden.
	members := []jsiiruntime.Member{
		jsiiruntime.MemberMethod{JsiiMethod: "toJson", GoMethod: "ToJson"}, jsiiruntime.MemberMethod{JsiiMethod: "toString", GoMethod: "ToString"},
	}
	jsiiruntime.RegisterClass(objectClass, reflect.TypeFor[jsonObject](), members, func() any {
		object := &jsiiProxy_JsonObject{}
		jsiiruntime.InitJsiiProxy(&object.ApiObject)
		return object
	})
}

// official is the one jsii client of the program.
var official = &officialTree{scopes: map[constructs.IConstruct]struct{}{}}

type officialTree struct {
	mu sync.Mutex
	// scopes are known to be official: asking one for its node is a call across jsii, so it is asked once. They are kept
	// until Close, as jsii itself keeps them.
	scopes map[constructs.IConstruct]struct{}
	// reported are the problems of the synth that is under way.
	reported []Problem
	// loaded is whether the module was given to the kernel, which therefore runs.
	loaded bool
}

// report keeps what a construct of the official tree has found, since no more than its text comes back from Node.js.
func (o *officialTree) report(construct constructs.Construct, problems []Problem) {
	if len(problems) == 0 {
		return
	}
	path := *construct.Node().Path()
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, problem := range problems {
		problem.Construct = path
		o.reported = append(o.reported, problem)
	}
}

// take returns what was reported, and forgets it.
func (o *officialTree) take() []Problem {
	o.mu.Lock()
	defer o.mu.Unlock()
	reported := o.reported
	o.reported = nil
	return reported
}

func (o *officialTree) knows(scope constructs.IConstruct) bool {
	if !reflect.TypeOf(scope).Comparable() {
		return false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	_, ok := o.scopes[scope]
	return ok
}

func (o *officialTree) remember(scope constructs.IConstruct) {
	if !reflect.TypeOf(scope).Comparable() {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.scopes[scope] = struct{}{}
}

func (o *officialTree) newConstruct(self, scope constructs.Construct, id string) {
	constructs.NewConstruct_Override(self, scope, &id)
	o.remember(self)
}

func (o *officialTree) newChart(scope constructs.Construct, id string, props ChartProps) cdk8s.Chart {
	if props.GenerateObjectName == nil {
		chart := cdk8s.NewChart(scope, &id, props.official())
		o.remember(chart)
		return chart
	}
	naming := &namingChart{generate: props.GenerateObjectName}
	o.initChart(naming, scope, id, props)
	return naming
}

func (o *officialTree) initChart(self cdk8s.Chart, scope constructs.Construct, id string, props ChartProps) {
	cdk8s.NewChart_Override(self, scope, &id, props.official())
	o.remember(self)
}

// official is the form that cdk8s takes, without GenerateObjectName.
func (p ChartProps) official() *cdk8s.ChartProps {
	options := &cdk8s.ChartProps{DisableResourceNameHashes: &p.DisableResourceNameHashes}
	if p.Namespace != "" {
		options.Namespace = &p.Namespace
	}
	if len(p.Labels) > 0 {
		labels := make(map[string]*string, len(p.Labels))
		for key, value := range p.Labels {
			labels[key] = &value
		}
		options.Labels = &labels
	}
	return options
}

// namingChart is a chart that names its objects in its own way. jsii finds the method that it overrides by its name.
type namingChart struct {
	cdk8s.Chart
	generate func(object cdk8s.ApiObject) string
}

func (c *namingChart) GenerateObjectName(object cdk8s.ApiObject) *string {
	return new(c.generate(object))
}

func (o *officialTree) newObject(scope constructs.Construct, id string, content manifest.Object, clusterScoped bool) cdk8s.ApiObject {
	object := &jsiiProxy_JsonObject{}
	createObject(object, scope, id, content, clusterScoped)
	return object
}

func (o *officialTree) initObject(self cdk8s.ApiObject, scope constructs.Construct, id string, content manifest.Object, clusterScoped bool) {
	createObject(self, scope, id, content, clusterScoped)
	o.remember(self)
}

func createObject(self cdk8s.ApiObject, scope constructs.Construct, id string, content manifest.Object, clusterScoped bool) {
	text, err := json.Marshal(content)
	if err != nil {
		// Package manifest makes nothing but JSON values.
		panic(fmt.Sprintf("object %q: %v", id, err))
	}
	jsiiruntime.Create(objectClass, []any{scope, id, string(text), clusterScoped}, self)
}

func (o *officialTree) keepOrder(app cdk8s.App) {
	jsiiruntime.StaticInvokeVoid(orderClass, "keep", []any{app})
}

// inOrder calls work, in which cdk8s writes the objects of each chart in the order of application, unless the app of the
// construct keeps its own.
func (o *officialTree) inOrder(construct constructs.Construct, work func()) {
	jsiiruntime.StaticInvokeVoid(orderClass, "begin", []any{construct, ranksByName()})
	// Where work panics, Node.js may have ended with it.
	defer func() { _ = try("", func(string) { jsiiruntime.StaticInvokeVoid(orderClass, "end", nil) }) }()
	work()
}

// synth synthesizes an app of cdk8s, which does not mind that a file is written over. What has one path is a problem here;
// it panics with those, as it does with the rest.
func (o *officialTree) synth(app cdk8s.App) {
	jsiiruntime.StaticInvokeVoid(outputClass, "watch", []any{app})
	twice := func() (files []struct {
		File    string
		Writers []string
	}) {
		var text string
		jsiiruntime.StaticInvoke(outputClass, "writtenTwice", nil, &text)
		if err := json.Unmarshal([]byte(text), &files); err != nil {
			panic(fmt.Errorf("the module answers %q: %w", text, err))
		}
		return files
	}
	done := false
	defer func() {
		if !done {
			// It has failed already, and Node.js may have ended with it.
			_ = try("", func(string) { twice() })
		}
	}()
	o.inOrder(app, app.Synth)
	done = true
	var problems Problems
	for _, f := range twice() {
		problems = append(problems, SamePath(f.File, app.YamlOutputType(), f.Writers)...)
	}
	if len(problems) > 0 {
		panic(problems)
	}
}

// loadModule gives the module to the jsii kernel, which ignores a module that it has.
func loadModule() {
	cdk8sjsii.Initialize()
	jsiiruntime.Load(moduleName, moduleVersion, moduleTarball())
	official.mu.Lock()
	defer official.mu.Unlock()
	official.loaded = true
}

// moduleTarball packs the module's files as npm does.
var moduleTarball = sync.OnceValue(func() []byte {
	var buffer bytes.Buffer
	compressed := gzip.NewWriter(&buffer)
	archive := tar.NewWriter(compressed)
	err := fs.WalkDir(moduleFiles, "module", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := moduleFiles.ReadFile(name)
		if err != nil {
			return err
		}
		target := path.Join("package", name[len("module/"):])
		if path.Base(target) == "jsii.json" {
			// go:embed leaves out names that begin with a dot.
			target = path.Join("package", ".jsii")
		}
		if err := archive.WriteHeader(&tar.Header{Name: target, Mode: 0o644, Size: int64(len(content))}); err != nil {
			return err
		}
		_, err = archive.Write(content)
		return err
	})
	for _, end := range []func() error{archive.Close, compressed.Close} {
		if err == nil {
			err = end()
		}
	}
	if err != nil {
		// The files are compiled in and the buffer is memory: there is nothing that a caller could do.
		panic(err)
	}
	return buffer.Bytes()
})

// Close ends the Node.js process of the official tree and removes its runtime from the temporary folder. Constructs of
// the official tree are of no use afterwards. It may be called when no such tree was ever made, and more than once.
func Close() {
	official.mu.Lock()
	defer official.mu.Unlock()
	if official.loaded {
		endProcess()
	}
	jsii.Close()
	official.loaded = false
	clear(official.scopes)
}

func (o *officialTree) isLoaded() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.loaded
}

// endProcess ends Node.js before jsii does. jsii waits for its process in two places at once, of which the one that
// comes too late prints "Runtime process exited abnormally: waitid: no child processes". Where the process has ended by
// itself, only one of them waits.
func endProcess() {
	var ended string
	if try("", func(string) { jsiiruntime.StaticInvoke(processClass, "end", nil, &ended) }) != nil {
		return // it is gone already
	}
	const patience, pause = 2 * time.Second, time.Millisecond
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(pause) {
		if !slices.ContainsFunc(strings.Fields(ended), runs) {
			return
		}
	}
}

// runs reports whether a process is there, or has ended and was not waited for.
func runs(id string) bool {
	number, err := strconv.Atoi(id)
	if err != nil {
		return false
	}
	process, err := os.FindProcess(number)
	if err != nil {
		return false
	}
	defer func() { _ = process.Release() }()
	return process.Signal(syscall.Signal(0)) == nil
}
