package logs_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/internal/synthtest"
	"github.com/crossoverJie/k8s-combat/infra/logs"
)

// ecsObjects are the names at the root of an event that the Elastic Common Schema has as objects, and kubernetes. See
// https://www.elastic.co/guide/en/ecs/8.11/ecs-field-reference.html.
var ecsObjects = strings.Fields(`agent as client cloud code_signature container data_stream destination device dll dns ecs
	elf email error event faas file geo group hash host http interface kubernetes labels log macho network observer
	orchestrator organization os package pe process registry related risk rule server service source span threat tls trace
	transaction url user user_agent vlan volume vulnerability x509`)

// filebeatObjects are those that the index template of Filebeat has beside, most of them for its modules.
var filebeatObjects = strings.Fields(`apache auditd azure docker elasticsearch fields fileset haproxy icinga icmp igmp iis input
	jolokia kafka kibana logstash mongodb mysql nats nginx osquery pensando postgresql redis santa syslog system timeseries
	traefik`)

// ecsValues are those that both have as values.
var ecsValues = []string{"@timestamp", "message", "tags", "stream"}

// elasticsearchIndex refuses a document as Elasticsearch does by the mapping of its index: an object where it has a value,
// a value where it has an object, and what a flattened field cannot hold. What has no mapping gets one from the first
// document that has it.
type elasticsearchIndex struct {
	mapping    map[string]string
	parameters map[string]map[string]any
}

// newIndex makes the index of a template. It has the Elastic Common Schema too, which whoever shares the Elasticsearch may
// add.
func newIndex(t *testing.T, template map[string]any) *elasticsearchIndex {
	t.Helper()
	index := &elasticsearchIndex{mapping: map[string]string{"log.file": "object"}, parameters: map[string]map[string]any{}}
	for _, name := range slices.Concat(ecsObjects, filebeatObjects) {
		index.mapping[name] = "object"
	}
	for _, name := range ecsValues {
		index.mapping[name] = "value"
	}
	if template != nil {
		assert.NotContains(t, index.mapping, "app")
		inner := template["template"].(map[string]any)
		index.declare("", inner["mappings"].(map[string]any)["properties"].(map[string]any))
	}
	return index
}

func (i *elasticsearchIndex) declare(prefix string, properties map[string]any) {
	for name, each := range properties {
		parameters := each.(map[string]any)
		switch below, isObject := parameters["properties"].(map[string]any); {
		case isObject:
			i.mapping[prefix+name] = "object"
			i.declare(prefix+name+".", below)
		case parameters["type"] == "flattened":
			i.mapping[prefix+name], i.parameters[prefix+name] = "flattened", parameters
		default:
			i.mapping[prefix+name] = "value"
		}
	}
}

func (i *elasticsearchIndex) add(document map[string]any) error { return i.fields("", document) }

func (i *elasticsearchIndex) fields(prefix string, document map[string]any) error {
	for key, value := range document {
		if err := i.field(prefix+key, value); err != nil {
			return err
		}
	}
	return nil
}

func (i *elasticsearchIndex) field(name string, value any) error {
	object, isObject := value.(map[string]any)
	mapping, isMapped := i.mapping[name]
	switch {
	case value == nil:
		return nil
	case mapping == "flattened" && isObject:
		return i.flattened(i.parameters[name], nil, object)
	case mapping == "flattened":
		return fmt.Errorf("document_parsing_exception: failed to parse field [%s] of type [flattened]", name)
	}
	if list, ok := value.([]any); ok {
		for _, item := range list {
			if err := i.field(name, item); err != nil {
				return err
			}
		}
		return nil
	}
	kind := "value"
	if isObject {
		kind = "object"
	}
	if isMapped && mapping != kind {
		return fmt.Errorf("document_parsing_exception: [%s] is mapped as %s, and found is %T", name, mapping, value)
	}
	i.mapping[name] = kind
	return i.fields(name+".", object)
}

// maxTerm is Lucene's limit of a term, in bytes.
const maxTerm = 32766

// flattened checks what stands at a path of a flattened field, as Elasticsearch's FlattenedFieldParser does.
func (i *elasticsearchIndex) flattened(parameters map[string]any, path []string, value any) error {
	if depth, _ := parameters["depth_limit"].(float64); len(path) > int(depth) {
		return fmt.Errorf("the provided [flattened] field exceeds the maximum depth limit of %v", depth)
	}
	switch value := value.(type) {
	case map[string]any:
		for key, below := range value {
			if err := i.flattened(parameters, append(path, key), below); err != nil {
				return err
			}
		}
		return nil
	case []any:
		for _, item := range value {
			if err := i.flattened(parameters, path, item); err != nil {
				return err
			}
		}
		return nil
	case nil:
		return nil
	}
	key, text := strings.Join(path, "."), fmt.Sprint(value)
	if strings.Contains(key, "\x00") {
		return errors.New("keys in [flattened] fields cannot contain the reserved character \\0")
	}
	if ignoreAbove, ok := parameters["ignore_above"].(float64); ok && len(utf16.Encode([]rune(text))) > int(ignoreAbove) {
		return nil
	}
	if len(key)+1+len(text) > maxTerm {
		return errors.New("flattened field contains one immense field")
	}
	return nil
}

func TestElasticsearchRefusesAnApplicationsKeysAtTheRoot(t *testing.T) {
	t.Parallel()
	for _, name := range slices.Concat(ecsObjects, filebeatObjects) {
		require.ErrorContains(t, newIndex(t, nil).add(map[string]any{name: "text"}), name)
		require.NoError(t, newIndex(t, nil).add(map[string]any{name: map[string]any{"x": "text"}}))
	}
	for _, name := range ecsValues {
		require.ErrorContains(t, newIndex(t, nil).add(map[string]any{name: map[string]any{"x": 1.0}}), name)
	}
	index := newIndex(t, nil)
	require.NoError(t, index.add(map[string]any{"mine": map[string]any{"id": 1.0}}))
	require.Error(t, index.add(map[string]any{"mine": map[string]any{"id": map[string]any{"x": 1.0}}}), "the first line decides")
}

// filebeatEvent is what the processors of the configuration leave of a line, by what
// https://www.elastic.co/guide/en/beats/filebeat/8.11/filtering-and-enhancing-data.html says of each, and their source.
// TestFilebeat compares it with the real one.
func filebeatEvent(t *testing.T, config map[string]any, line string) map[string]any {
	t.Helper()
	event := map[string]any{
		"@timestamp": "read", "message": line,
		"log": map[string]any{"file": map[string]any{"path": "/var/log"}, "offset": 0.0}, "input": map[string]any{"type": "filestream"},
		"agent": map[string]any{"type": "filebeat"}, "ecs": map[string]any{"version": "8.0.0"}, "host": map[string]any{"name": "node"},
	}
	for _, each := range config["processors"].([]any) {
		require.Len(t, each, 1)
		for kind, options := range each.(map[string]any) {
			options := options.(map[string]any)
			switch kind {
			case "add_kubernetes_metadata", "add_fields", "dissect":
				event["kubernetes"] = map[string]any{"pod": map[string]any{"name": "web"}}
			case "decode_json_fields":
				decodeJSONFields(t, event, options)
			case "convert":
				convertFields(t, event, options)
			case "drop_fields":
				dropFields(t, event, options)
			case "timestamp":
				setTimestamp(t, event, options)
			default:
				require.Fail(t, "this test does not know the processor "+kind)
			}
		}
	}
	return event
}

// field finds the object that holds a field, and the key there; a key with dots in it comes before a path.
func field(object map[string]any, path string) (map[string]any, string, bool) {
	if _, ok := object[path]; ok {
		return object, path, true
	}
	head, rest, nested := strings.Cut(path, ".")
	if below, ok := object[head].(map[string]any); ok && nested {
		return field(below, rest)
	}
	return object, path, false
}

func decodeJSONFields(t *testing.T, event, options map[string]any) {
	t.Helper()
	assert.Equal(t, []any{"message"}, options["fields"])
	assert.NotEmpty(t, options["target"], "none would be the root")
	if !matches(event, options["when.regexp"]) {
		return
	}
	decoder := json.NewDecoder(strings.NewReader(event["message"].(string)))
	decoder.UseNumber()
	var decoded any
	if decoder.Decode(&decoded) != nil || !errors.Is(decoder.Decode(new(any)), io.EOF) {
		return
	}
	event[options["target"].(string)] = numbers(decoded)
}

// numbers makes whole numbers of JSON's, and others where they are none.
func numbers(value any) any {
	switch value := value.(type) {
	case json.Number:
		if whole, err := value.Int64(); err == nil {
			return whole
		}
		if other, err := value.Float64(); err == nil {
			return other
		}
		return value.String()
	case map[string]any:
		for key := range value {
			value[key] = numbers(value[key])
		}
	case []any:
		for i := range value {
			value[i] = numbers(value[i])
		}
	}
	return value
}

// matches reports whether a condition holds: a text matches, or one in a list does. Nothing else ever matches.
func matches(event map[string]any, condition any) bool {
	for path, expression := range condition.(map[string]any) {
		holder, key, _ := field(event, path)
		values, isList := holder[key].([]any)
		if !isList {
			values = []any{holder[key]}
		}
		if !slices.ContainsFunc(values, func(value any) bool {
			text, isText := value.(string)
			return isText && regexp.MustCompile(expression.(string)).MatchString(text)
		}) {
			return false
		}
	}
	return true
}

func convertFields(t *testing.T, event, options map[string]any) {
	t.Helper()
	assert.Equal(t, "copy", options["mode"], "what is no text stays in the entry")
	assert.Equal(t, false, options["fail_on_error"], "else the fields after the first failure are left alone")
	for _, each := range options["fields"].([]any) {
		each := each.(map[string]any)
		require.Equal(t, "string", each["type"])
		holder, key, ok := field(event, each["from"].(string))
		if !ok || holder[key] == nil {
			continue
		}
		to, name := event, each["to"].(string)
		if head, rest, nested := strings.Cut(name, "."); nested {
			to, name = event[head].(map[string]any), rest
		}
		to[name] = fmt.Sprint(holder[key])
	}
}

func dropFields(t *testing.T, event, options map[string]any) {
	t.Helper()
	if !matches(event, options["when.regexp"]) {
		return
	}
	for _, path := range options["fields"].([]any) {
		holder, key, _ := field(event, path.(string))
		delete(holder, key)
	}
}

func setTimestamp(t *testing.T, event, options map[string]any) {
	t.Helper()
	assert.Equal(t, true, options["ignore_failure"], "an application's time may be anything")
	holder, key, _ := field(event, options["field"].(string))
	text, _ := holder[key].(string)
	for _, layout := range options["layouts"].([]any) {
		if at, err := time.Parse(layout.(string), text); err == nil {
			event["@timestamp"] = at.UTC().Format("2006-01-02T15:04:05.000Z")
		}
	}
}

// forms are the configurations that a collector can have.
func forms() map[string]func(cdk8s.Chart) {
	return map[string]func(cdk8s.Chart){"node": collectorWith(nil), "sidecar": collectorWith(asSidecar)}
}

// write sends the event as Filebeat does: what Elasticsearch refuses goes on as one text.
func (i *elasticsearchIndex) write(event map[string]any) (written map[string]any, err error) {
	if err = i.add(event); err == nil {
		return event, nil
	}
	text, jsonErr := json.Marshal(event)
	written = map[string]any{"@timestamp": event["@timestamp"], "message": string(text), "error.type": 400.0, "error.message": err.Error()}
	return written, errors.Join(jsonErr, i.add(written))
}

// entryValues are what an application may mean by one of its keys, from line to line.
var entryValues = []any{
	"text", int64(7), 7.5, true, nil, []any{"a", map[string]any{"b": "c"}}, map[string]any{"id": "x"}, map[string]any{"id": map[string]any{"y": int64(1)}},
}

// entryOf is a line in which a key has a value.
func entryOf(t *testing.T, name string, value any) string {
	t.Helper()
	entry := map[string]any{"msg": "hello", "level": "WARN", "code": 418}
	entry[name] = value
	line, err := json.Marshal(entry)
	require.NoError(t, err)
	return string(line)
}

// entryNames are all that have a meaning to somebody.
var entryNames = slices.Concat(ecsObjects, filebeatObjects, ecsValues, []string{"app", "msg", "level", "time", "status", "a.b"})

// TestLogCollectorLosesNoLine: whatever an application calls its keys, and whatever they hold from line to line.
func TestLogCollectorLosesNoLine(t *testing.T) {
	t.Parallel()
	for form, build := range forms() {
		config := filebeatConfig(t, build)
		index := newIndex(t, indexTemplate(t, build))
		for _, name := range entryNames {
			for _, value := range entryValues {
				line := entryOf(t, name, value)
				event := filebeatEvent(t, config, line)
				require.NoError(t, index.add(event), "%s: %s", form, line)
				assert.Equal(t, int64(418), event["app"].(map[string]any)["code"])
				if name != "msg" {
					assert.Equal(t, "hello", event["message"], "%s: %s", form, line)
					assert.Equal(t, value, event["app"].(map[string]any)[name], "%s: %s", form, line)
				}
				if name != "level" {
					assert.Equal(t, "WARN", event["log"].(map[string]any)["level"], "%s: %s", form, line)
				}
			}
		}
	}
}

// linesThatAreRefused are of what a flattened field does not take as it is, and how Elasticsearch says so. Of a long text
// it says nothing: that is not indexed.
func linesThatAreRefused() map[string]string {
	long := strings.Repeat("é", maxTerm)
	deep := strings.Repeat(`{"a":`, 200) + "1" + strings.Repeat("}", 200)
	return map[string]string{
		`{"msg":"short","stack":"` + long + `"}`:   "",
		`{"msg":"` + long + `"}`:                   "",
		`{"msg":"short","level":"` + long + `"}`:   "",
		`{"msg":"short","list":["` + long + `"]}`:  "",
		`{"msg":"short","a":{"b":"` + long + `"}}`: "",
		`{"msg":"short","` + long + `":1}`:         "immense",
		`{"msg":"short","deep":` + deep + `}`:      "depth",
		`{"msg":"short","a\u0000b":1}`:             "reserved",
	}
}

// TestLogCollectorLosesNoLineThatElasticsearchRefuses: it is kept as a text.
func TestLogCollectorLosesNoLineThatElasticsearchRefuses(t *testing.T) {
	t.Parallel()
	for form, build := range forms() {
		config := filebeatConfig(t, build)
		output := config["output.elasticsearch"].(map[string]any)
		assert.Equal(t, map[string]any{"index": output["index"]}, output["non_indexable_policy.dead_letter_index"])
		for line, refused := range linesThatAreRefused() {
			written, err := newIndex(t, indexTemplate(t, build)).write(filebeatEvent(t, config, line))
			require.NoError(t, err, form)
			if refused == "" {
				assert.NotContains(t, written, "error.message", "%s: %.40s", form, line)
				continue
			}
			assert.Contains(t, written["error.message"], refused, "%s: %.40s", form, line)
			assert.Contains(t, written["message"], "short", "%s: %.40s", form, line)
		}
	}
}

type entry = map[string]any

// fieldsOfLines are what a line becomes.
var fieldsOfLines = map[string]struct {
	message, at string
	level       any
	app         any
}{
	`{"time":"2026-01-02T03:04:05.0015+01:00","level":"INFO","msg":"request","status":200}`: {
		message: "request", at: "2026-01-02T02:04:05.001Z", level: "INFO",
		app: entry{"time": "2026-01-02T03:04:05.0015+01:00", "level": "INFO", "status": int64(200)},
	},
	`{"level":30,"msg":12,"time":1767322800}`: {
		message: "12", at: "read", level: "30", app: entry{"level": int64(30), "msg": int64(12), "time": int64(1767322800)},
	},
	`{"error":"no msg"}`:            {message: `{"error":"no msg"}`, at: "read", app: entry{"error": "no msg"}},
	`{"msg":null,"level":null}`:     {message: `{"msg":null,"level":null}`, at: "read", app: entry{"msg": nil, "level": nil}},
	`{"msg":{"text":"nested"}}`:     {message: `map[text:nested]`, at: "read", app: entry{"msg": entry{"text": "nested"}}},
	`{"msg":"a","level":{"n":"b"}}`: {message: `a`, at: "read", level: "map[n:b]", app: entry{"level": entry{"n": "b"}}},
	`{"msg":["a",1]}`:               {message: `[a 1]`, at: "read", app: entry{}},
	`{"msg":""}`:                    {message: ``, at: "read", app: entry{}},
	`panic: runtime error`:          {message: `panic: runtime error`, at: "read"},
	`{"cut off`:                     {message: `{"cut off`, at: "read"},
	`{"msg":"a"} {"msg":"b"}`:       {message: `{"msg":"a"} {"msg":"b"}`, at: "read"},
	`[1,2]`:                         {message: `[1,2]`, at: "read"},
	`42`:                            {message: `42`, at: "read"},
	``:                              {at: "read"},
}

func TestLogCollectorFieldsOfALine(t *testing.T) {
	t.Parallel()
	for line, want := range fieldsOfLines {
		for form, build := range forms() {
			event := filebeatEvent(t, filebeatConfig(t, build), line)
			require.NoError(t, newIndex(t, indexTemplate(t, build)).add(event), "%s: %s", form, line)
			assert.Equal(t, want.message, event["message"], "%s: %s", form, line)
			assert.Equal(t, want.at, event["@timestamp"], "%s: %s", form, line)
			assert.Equal(t, want.level, event["log"].(map[string]any)["level"], "%s: %s", form, line)
			assert.Equal(t, want.app, event["app"], "%s: %s", form, line)
		}
	}
}

func TestLogCollectorMessageKeys(t *testing.T) {
	t.Parallel()
	for key, lines := range map[string][]string{
		"message":     {`{"message":"hello"}`},
		"@message":    {`{"@message":"hello"}`},
		"log.text":    {`{"log":{"text":"hello"}}`, `{"log.text":"hello"}`},
		"event.text":  {`{"event":{"text":"hello","kind":"x"}}`},
		"app.message": {`{"app":{"message":"hello"}}`},
		"level":       {`{"level":"hello"}`},
	} {
		build := collectorWith(func(_ cdk8s.Chart, props *logs.LogCollectorProps) { props.MessageKey = key })
		for _, line := range lines {
			event := filebeatEvent(t, filebeatConfig(t, build), line)
			assert.Equal(t, "hello", event["message"], line)
			require.NoError(t, newIndex(t, indexTemplate(t, build)).add(event), line)
		}
	}
}

// indexTemplate decodes what Elasticsearch is told of the data stream.
func indexTemplate(t *testing.T, build func(chart cdk8s.Chart)) map[string]any {
	t.Helper()
	var template map[string]any
	require.NoError(t, json.Unmarshal([]byte(synthtest.Only[corev1.ConfigMap](t, "ConfigMap", build).Data["template.json"]), &template))
	return template
}

func TestLogCollectorSetsUpItsDataStream(t *testing.T) {
	t.Parallel()
	existing := collectorWith(func(chart cdk8s.Chart, props *logs.LogCollectorProps) {
		credentials := infra.NewCredentials(chart, "login", infra.CredentialsProps{Name: "login", Existing: true})
		props.Elasticsearch = logs.ExistingElasticsearch("https://logs.example.com:9200", credentials)
	})
	for name, build := range map[string]func(cdk8s.Chart){"made": collectorWith(nil), "existing": existing} {
		config, template := filebeatConfig(t, build), indexTemplate(t, build)
		stream := config["output.elasticsearch"].(map[string]any)["index"]
		assert.Equal(t, []any{stream}, template["index_patterns"])
		assert.Contains(t, template, "data_stream")
		setup := config["setup.template"].(map[string]any)
		assert.Equal(t, stream, setup["name"])
		assert.Equal(t, stream, setup["pattern"])
		assert.Equal(t, map[string]any{"enabled": true, "name": stream, "path": "/usr/share/filebeat/template.json"}, setup["json"])
		index := template["template"].(map[string]any)["settings"].(map[string]any)["index"].(map[string]any)
		assert.Equal(t, map[string]any{"name": config["setup.ilm"].(map[string]any)["policy_name"]}, index["lifecycle"])
		if name == "made" {
			assert.InDelta(t, 0, index["number_of_replicas"], 0)
		} else {
			assert.NotContains(t, index, "number_of_replicas")
		}
	}
}
