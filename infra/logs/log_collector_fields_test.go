package logs_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crossoverJie/k8s-combat/infra/logs"
)

// ecsObjects are the names at the root of an event that the Elastic Common Schema has as objects, and that of what
// Filebeat adds. See https://www.elastic.co/guide/en/ecs/8.11/ecs-field-reference.html.
var ecsObjects = strings.Fields(`agent as client cloud code_signature container data_stream destination device dll dns ecs
	elf email error event faas file geo group hash host http interface kubernetes labels log macho network observer
	orchestrator organization os package pe process registry related risk rule server service source span threat tls trace
	transaction url user user_agent vlan volume vulnerability x509`)

// ecsValues are those that it has as values.
var ecsValues = []string{"@timestamp", "message", "tags"}

// elasticsearchIndex refuses a document as Elasticsearch does by the mapping of Filebeat's index: an object where it has
// a value, a value where it has an object. What has no mapping gets one from the first document that has it.
type elasticsearchIndex struct{ mapping map[string]string }

func newIndex(t *testing.T, config map[string]any) *elasticsearchIndex {
	t.Helper()
	index := &elasticsearchIndex{mapping: map[string]string{"log.level": "value", "log.file": "object"}}
	for _, name := range ecsObjects {
		index.mapping[name] = "object"
	}
	for _, name := range ecsValues {
		index.mapping[name] = "value"
	}
	appended, _ := config["setup.template.append_fields"].([]any)
	for _, field := range appended {
		name, kind := field.(map[string]any)["name"].(string), field.(map[string]any)["type"].(string)
		require.NotContains(t, index.mapping, name, "Filebeat refuses a second field of that name")
		index.mapping[name] = kind
	}
	return index
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
		return nil
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

func TestElasticsearchRefusesAnApplicationsKeysAtTheRoot(t *testing.T) {
	t.Parallel()
	for _, name := range ecsObjects {
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
// https://www.elastic.co/guide/en/beats/filebeat/8.11/filtering-and-enhancing-data.html says of each.
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
			case "add_kubernetes_metadata", "add_fields":
				event["kubernetes"] = map[string]any{"pod": map[string]any{"name": "web"}}
			case "decode_json_fields":
				decodeJSONFields(t, event, options)
			case "convert":
				convertFields(t, event, options)
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
	text := event["message"].(string)
	if !regexp.MustCompile(options["when.regexp"].(map[string]any)["message"].(string)).MatchString(text) {
		return
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	var decoded any
	if decoder.Decode(&decoded) != nil || !errors.Is(decoder.Decode(new(any)), io.EOF) {
		return
	}
	event[options["target"].(string)] = decoded
}

func convertFields(t *testing.T, event, options map[string]any) {
	t.Helper()
	assert.Equal(t, "rename", options["mode"])
	assert.Equal(t, false, options["fail_on_error"], "else the fields after the first failure are left alone")
	for _, each := range options["fields"].([]any) {
		each := each.(map[string]any)
		require.Equal(t, "string", each["type"])
		holder, key, ok := field(event, each["from"].(string))
		if !ok {
			continue
		}
		var text string
		switch value := holder[key].(type) {
		case string, float64, bool:
			text = fmt.Sprint(value)
		default:
			continue
		}
		delete(holder, key)
		to, name := event, each["to"].(string)
		if head, rest, nested := strings.Cut(name, "."); nested {
			to, name = event[head].(map[string]any), rest
		}
		to[name] = text
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
func forms(t *testing.T) map[string]map[string]any {
	t.Helper()
	return map[string]map[string]any{"node": filebeatConfig(t, collectorWith(nil)), "sidecar": filebeatConfig(t, collectorWith(asSidecar))}
}

// TestLogCollectorLosesNoLine: whatever an application calls its keys, and whatever they hold from line to line.
func TestLogCollectorLosesNoLine(t *testing.T) {
	t.Parallel()
	values := []any{"text", 7.0, true, nil, []any{"a", map[string]any{"b": "c"}}, map[string]any{"id": "x"}, map[string]any{"id": map[string]any{"y": 1.0}}}
	own := []string{"app", "msg", "level", "time", "status", "a.b", "input", "stream"}
	for form, config := range forms(t) {
		index := newIndex(t, config)
		for _, names := range [][]string{ecsObjects, ecsValues, own} {
			for _, name := range names {
				for _, value := range values {
					entry := map[string]any{"msg": "hello", "level": "WARN", "code": 418.0}
					entry[name] = value
					line, err := json.Marshal(entry)
					require.NoError(t, err)
					event := filebeatEvent(t, config, string(line))
					require.NoError(t, index.add(event), "%s: %s", form, line)
					assert.Equal(t, 418.0, event["app"].(map[string]any)["code"])
					if name != "msg" {
						assert.Equal(t, "hello", event["message"], "%s: %s", form, line)
					}
					if name != "level" {
						assert.Equal(t, "WARN", event["log"].(map[string]any)["level"], "%s: %s", form, line)
					}
					if name != "msg" && name != "level" {
						assert.Equal(t, value, event["app"].(map[string]any)[name], "%s: %s", form, line)
					}
				}
			}
		}
	}
}

func TestLogCollectorFieldsOfALine(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]struct {
		message, at string
		level       any
		app         any
	}{
		`{"time":"2026-01-02T03:04:05.0015+01:00","level":"INFO","msg":"request","status":200}`: {
			message: "request", at: "2026-01-02T02:04:05.001Z", level: "INFO",
			app: map[string]any{"time": "2026-01-02T03:04:05.0015+01:00", "status": 200.0},
		},
		`{"level":30,"msg":12,"time":1767322800}`: {message: "12", at: "read", level: "30", app: map[string]any{"time": 1767322800.0}},
		`{"error":"no msg"}`:                      {message: `{"error":"no msg"}`, at: "read", app: map[string]any{"error": "no msg"}},
		`{"msg":{"text":"nested"}}`:               {message: `{"msg":{"text":"nested"}}`, at: "read", app: map[string]any{"msg": map[string]any{"text": "nested"}}},
		`panic: runtime error`:                    {message: `panic: runtime error`, at: "read"},
		`{"cut off`:                               {message: `{"cut off`, at: "read"},
		`{"msg":"a"} {"msg":"b"}`:                 {message: `{"msg":"a"} {"msg":"b"}`, at: "read"},
		`[1,2]`:                                   {message: `[1,2]`, at: "read"},
		`42`:                                      {message: `42`, at: "read"},
		``:                                        {at: "read"},
	} {
		for form, config := range forms(t) {
			event := filebeatEvent(t, config, line)
			require.NoError(t, newIndex(t, config).add(event), "%s: %s", form, line)
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
	} {
		config := filebeatConfig(t, collectorWith(func(_ cdk8s.Chart, props *logs.LogCollectorProps) { props.MessageKey = key }))
		for _, line := range lines {
			event := filebeatEvent(t, config, line)
			assert.Equal(t, "hello", event["message"], line)
			require.NoError(t, newIndex(t, config).add(maps.Clone(event)), line)
		}
	}
}
