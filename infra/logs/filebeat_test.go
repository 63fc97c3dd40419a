package logs_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/internal/synthtest"
	"github.com/crossoverJie/k8s-combat/infra/logs"
)

// TestFilebeat has the real one read lines, with the configuration of a collector, and write them to what answers and
// refuses as Elasticsearch does. Of each line comes what the other tests take Filebeat to make of it. FILEBEAT names the
// program; without it filebeat is looked for in PATH, and without that the test is skipped aloud:
//
//	FILEBEAT=$HOME/filebeat-8.11.3-linux-x86_64/filebeat go test -v -run TestFilebeat ./infra/logs/
//
// Where there is nothing but a module proxy, version 7.17.15 can be built, in a module that requires
// github.com/elastic/beats/v7 and has the replace directives of its go.mod: CGO_ENABLED=0 go build
// github.com/elastic/beats/v7/filebeat.
func TestFilebeat(t *testing.T) {
	t.Parallel()
	program := os.Getenv("FILEBEAT")
	if program == "" {
		var err error
		if program, err = exec.LookPath("filebeat"); err != nil {
			t.Skip("SKIPPED: no filebeat in PATH, and FILEBEAT names none; it is in the archives of https://www.elastic.co/downloads/beats/filebeat")
		}
	}
	version, err := exec.CommandContext(t.Context(), program, "version").CombinedOutput()
	require.NoError(t, err, "%s", version)
	t.Logf("%s", version)
	args := []string{"-e", "--strict.perms=false"}
	if strings.Contains(string(version), "version 7.") {
		// What version 8 does anyway.
		args = append(args, "-E", "setup.template.type=index", "-E", "setup.ilm.enabled=false")
	}
	lines := linesToCollect(t)
	for _, form := range []struct {
		form       logs.LogCollectorForm
		folder     string
		asWritten  func(line string) string
		kubernetes map[string]any
	}{
		{logs.SidecarCollector, "/logs", func(line string) string { return line }, entry{
			"namespace": "shop", "pod": entry{"name": "web"}, "node": entry{"name": "node"},
		}},
		{logs.NodeCollector, "/pods/shop_web-7d9f8c7b6d-x7k2p_0b1c/web", asContainerRuntime, entry{
			"namespace": "shop", "pod": entry{"name": "web-7d9f8c7b6d-x7k2p", "uid": "0b1c"}, "container": entry{"name": "web"}, "node": entry{"name": "node"},
		}},
	} {
		t.Run(string(form.form), func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			elasticsearch := &standIn{t: t}
			server := httptest.NewServer(elasticsearch)
			t.Cleanup(server.Close)
			build := collectorWith(func(chart cdk8s.Chart, props *logs.LogCollectorProps) {
				credentials := infra.NewCredentials(chart, "login", infra.CredentialsProps{Name: "login", Existing: true})
				props.Elasticsearch = logs.ExistingElasticsearch(server.URL, credentials)
				props.Form, props.LogFile = form.form, folder+"/logs/0.log"
			})
			elasticsearch.index = newIndex(t, indexTemplate(t, build))

			var content strings.Builder
			for _, line := range lines {
				content.WriteString(form.asWritten(line) + "\n")
			}
			require.NoError(t, os.MkdirAll(folder+form.folder, 0o700))
			require.NoError(t, os.WriteFile(folder+form.folder+"/0.log", []byte(content.String()), 0o600))
			output := startFilebeat(t, program, args, folder, build)
			assertCollected(t, elasticsearch, build, lines, output)
			assert.Equal(t, form.kubernetes, elasticsearch.documents[0]["kubernetes"])
		})
	}
}

// asContainerRuntime writes a line as containerd and CRI-O do, in pieces where it is long.
func asContainerRuntime(line string) string {
	const prefix, piece = "2025-01-02T03:04:05.000000001Z stdout ", 16 << 10
	var written strings.Builder
	for len(line) > piece {
		written.WriteString(prefix + "P " + line[:piece] + "\n")
		line = line[piece:]
	}
	return written.String() + prefix + "F " + line
}

// assertCollected waits until all lines are there, and expects of each what the other tests do.
func assertCollected(t *testing.T, elasticsearch *standIn, build func(cdk8s.Chart), lines []string, output fmt.Stringer) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for elasticsearch.count() < len(lines) && time.Now().Before(deadline) {
		time.Sleep(100 * time.Millisecond)
	}
	require.Equal(t, len(lines), elasticsearch.count(), "lines that arrive; Filebeat says:\n%s", output)

	config := filebeatConfig(t, build)
	var want []string
	for _, line := range lines {
		want = append(want, comparison(t, filebeatEvent(t, config, line)))
	}
	var got []string
	refused := 0
	for _, document := range elasticsearch.documents {
		if reason, isRefused := document["error.message"]; isRefused {
			refused++
			assert.NotEmpty(t, reason)
			assert.InDelta(t, http.StatusBadRequest, document["error.type"], 0)
			at := document["@timestamp"]
			require.NoError(t, json.Unmarshal([]byte(document["message"].(string)), &document))
			document["@timestamp"] = at
		}
		got = append(got, comparison(t, document))
	}
	slices.Sort(want)
	slices.Sort(got)
	assert.Equal(t, want, got)
	assert.JSONEq(t, synthtest.Only[corev1.ConfigMap](t, "ConfigMap", build).Data["template.json"], elasticsearch.put("/_index_template/filebeat-logs"))
	t.Logf("%d lines, of which Elasticsearch refused %d at first", len(lines), refused)
}

// linesToCollect are those of the other tests.
func linesToCollect(t *testing.T) []string {
	t.Helper()
	var lines []string
	for _, name := range entryNames {
		for _, value := range entryValues {
			lines = append(lines, entryOf(t, name, value))
		}
	}
	for line := range fieldsOfLines {
		// Filebeat leaves out empty lines.
		if line != "" {
			lines = append(lines, line)
		}
	}
	return slices.AppendSeq(lines, maps.Keys(linesThatAreRefused()))
}

// comparison writes what does not depend on when and where a line was read.
func comparison(t *testing.T, event map[string]any) string {
	t.Helper()
	log, _ := event["log"].(map[string]any)
	chosen := map[string]any{"message": event["message"], "level": log["level"], "app": event["app"]}
	if at := fmt.Sprint(event["@timestamp"]); strings.HasPrefix(at, "2026-01-02") {
		chosen["at"] = at
	}
	text, err := json.Marshal(chosen)
	require.NoError(t, err)
	return string(text)
}

// startFilebeat runs it in a folder until the test ends, and returns what it writes of itself.
func startFilebeat(t *testing.T, program string, args []string, folder string, build func(chart cdk8s.Chart)) fmt.Stringer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	port := listener.Addr().(*net.TCPAddr).Port
	require.NoError(t, listener.Close())
	inFolder := strings.NewReplacer("/usr/share/filebeat", folder, "/var/log/pods/${", folder+"/pods/${", "port: 5066", "port: "+strconv.Itoa(port))
	for name, content := range synthtest.Only[corev1.ConfigMap](t, "ConfigMap", build).Data {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(inFolder.Replace(content)), 0o600))
	}
	args = append(slices.Clone(args), "-c", folder+"/filebeat.yml", "--path.home", folder)
	command := exec.Command(program, args...)
	command.Env = append(os.Environ(), "POD_NAMESPACE=shop", "POD_NAME=web", "NODE_NAME=node", "ELASTICSEARCH_PASSWORD=secret",
		// There is nobody to ask for the labels of the pods.
		"KUBECONFIG=")
	output := &lockedBuffer{}
	command.Stdout, command.Stderr = output, output
	require.NoError(t, command.Start())
	t.Cleanup(func() {
		assert.NoError(t, command.Process.Signal(os.Interrupt))
		assert.NoError(t, command.Wait())
	})
	return output
}

// lockedBuffer is what a process has written so far.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// standIn answers as Elasticsearch does to what Filebeat asks.
type standIn struct {
	t         *testing.T
	mu        sync.Mutex
	index     *elasticsearchIndex
	documents []map[string]any
	written   map[string]string
}

func (s *standIn) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.documents)
}

// put returns what was put there.
func (s *standIn) put(path string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.written[path]
}

func (s *standIn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, err := readBody(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("X-Elastic-Product", "Elasticsearch")
	w.Header().Set("Content-Type", "application/json")
	var answer any = map[string]any{}
	switch {
	case r.Method == http.MethodPut:
		if s.written == nil {
			s.written = map[string]string{}
		}
		s.written[r.URL.Path] = string(body)
		answer = map[string]any{"acknowledged": true}
	case r.URL.Path == "/":
		answer = map[string]any{"version": map[string]any{"number": "8.11.3", "build_flavor": "default"}, "tagline": "You Know, for Search"}
	case r.URL.Path == "/_license":
		answer = map[string]any{"license": map[string]any{"status": "active", "type": "basic"}}
	case r.URL.Path == "/_bulk":
		answer = map[string]any{"items": s.bulk(body)}
	case s.written[r.URL.Path] == "":
		w.WriteHeader(http.StatusNotFound)
	}
	assert.NoError(s.t, json.NewEncoder(w).Encode(answer))
}

func readBody(r *http.Request) ([]byte, error) {
	if r.Header.Get("Content-Encoding") != "gzip" {
		return io.ReadAll(r.Body)
	}
	reader, err := gzip.NewReader(r.Body)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(reader)
}

// bulk takes documents, each after a line that says what to do with it.
func (s *standIn) bulk(body []byte) []any {
	items := []any{}
	decoder := json.NewDecoder(bytes.NewReader(body))
	for {
		var action map[string]map[string]any
		var document map[string]any
		err := decoder.Decode(&action)
		if errors.Is(err, io.EOF) {
			return items
		}
		if !assert.NoError(s.t, errors.Join(err, decoder.Decode(&document))) {
			return items
		}
		assert.Equal(s.t, "filebeat-logs", action["create"]["_index"])
		if err := s.index.add(document); err != nil {
			items = append(items, map[string]any{"create": map[string]any{
				"status": http.StatusBadRequest, "error": map[string]any{"type": "document_parsing_exception", "reason": err.Error()},
			}})
			continue
		}
		s.documents = append(s.documents, document)
		items = append(items, map[string]any{"create": map[string]any{"status": http.StatusCreated}})
	}
}
