package logs

import (
	"fmt"
	"path"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/crossoverJie/k8s-combat/infra/internal/ref"
)

// The keys of the ConfigMap, which are the names of the files.
const (
	filebeatConfig  = "filebeat.yml"
	lifecyclePolicy = "ilm.json"
	indexTemplate   = "template.json"
)

// configuration are the files of Filebeat. What is not in the program, the names of the node and
// the pod and the password, it takes from its environment.
func (props LogCollectorProps) configuration() map[string]string {
	input := props.nodeInput()
	if props.Form == SidecarCollector {
		input = props.sidecarInput()
	}
	return map[string]string{
		filebeatConfig:  input + props.output(),
		lifecyclePolicy: props.lifecycle(),
		indexTemplate:   props.template(),
	}
}

// entryField is the one field below which the keys of an entry stand. At the root of the event,
// those that Filebeat has as objects (error, host, log, ...) would be refused by Elasticsearch
// wherever an application means a text, and the whole line with them. The Elastic Common Schema has
// no field of this name, nor has Filebeat.
const entryField = "app"

func (props LogCollectorProps) nodeInput() string {
	var paths []string
	for _, workload := range props.From {
		if made := ref.WorkloadOf(workload); made != nil && len(made.Template.Spec.Containers) > 0 {
			container := made.Template.Spec.Containers[0].Name
			paths = append(paths, fmt.Sprintf("%s/${POD_NAMESPACE}_%s*/%s/*.log", podLogs,
				podPrefix(made.Name()), container))
		}
	}
	exclude := ""
	if len(props.From) == 0 {
		paths = []string{podLogs + "/${POD_NAMESPACE}_*/*/*.log"}
		exclude = fmt.Sprintf(`    # The collector's own log: an entry for each entry would never end.
    prospector.scanner.exclude_files: ['_%s[^/]+/%s/[^/]+\.log$']
`, podPrefix(props.Name), props.Name)
	}
	return fmt.Sprintf(`filebeat.inputs:
  - type: filestream
    id: containers
    paths:
%s%s    parsers:
      - container:
          stream: all
          format: auto
processors:
  - add_kubernetes_metadata:
      host: ${NODE_NAME}
      namespace: ${POD_NAMESPACE}
      use_kubeadm: false
      # What would need more than the permission to read pods.
      add_resource_metadata:
        namespace:
          enabled: false
        node:
          enabled: false
        deployment: false
        cronjob: false
      default_indexers.enabled: false
      default_matchers.enabled: false
      indexers:
        - pod_uid:
      matchers:
        - logs_path:
            logs_path: %s/
            resource_type: pod
  # The path has the names too: Filebeat 8.11 waits for ever for the leave to list nodes, and later
  # ones for the first answer.
  - dissect:
      field: log.file.path
      tokenizer: "%%{}/pods/%%{namespace}_%%{pod.name}_%%{pod.uid}/%%{container.name}/%%{}"
      target_prefix: kubernetes
      ignore_failure: true
      when.not.has_fields: [kubernetes.pod.name]
  - add_fields:
      target: kubernetes
      fields:
        node.name: ${NODE_NAME}
      when.not.has_fields: [kubernetes.node.name]
`, pathList(paths), exclude, podLogs)
}

// podPrefix is what the names of a workload's pods begin with. The API server cuts it to make room
// for five random characters (names.SimpleNameGenerator).
func podPrefix(workload string) string {
	const longest = validation.DNS1123LabelMaxLength - 5
	prefix := workload + "-"
	return prefix[:min(len(prefix), longest)]
}

func (props LogCollectorProps) sidecarInput() string {
	return fmt.Sprintf(`filebeat.inputs:
  - type: filestream
    id: workload
    paths:
%s    # Look often: when the workload ends, there is not much time.
    backoff.init: 100ms
    backoff.max: 1s
processors:
  - add_fields:
      target: kubernetes
      fields:
        namespace: ${POD_NAMESPACE}
        node.name: ${NODE_NAME}
        pod.name: ${POD_NAME}
`, pathList([]string{path.Dir(props.LogFile) + "/*.log"}))
}

func pathList(paths []string) string {
	var list strings.Builder
	for _, p := range paths {
		fmt.Fprintf(&list, "      - %q\n", p)
	}
	return list.String()
}

// logStream is the data stream that entries are written to, and the name of what is set up for it.
// It is not Filebeat's own, filebeat-VERSION, with whose index template the fields of the Elastic
// Common Schema would come, and that others may write to.
const logStream = "filebeat-logs"

// output goes on with the list of processors. Convert, unlike rename, overwrites the message that
// is there, and makes a text of whatever it is given; what was no text stays in the entry as well.
func (props LogCollectorProps) output() string {
	return fmt.Sprintf(`  # What is not an object stays as it is in message.
  - decode_json_fields:
      fields: [message]
      target: %[1]s
      when.regexp:
        message: '^\s*\{'
  - convert:
      fields:
        - from: %[2]q
          to: message
          type: string
        - from: %[1]s.level
          to: log.level
          type: string
      mode: copy
      ignore_missing: true
      fail_on_error: false
  - drop_fields:
      fields: [%[2]q]
      ignore_missing: true
      when.regexp:
        %[2]q: '^'
  - timestamp:
      field: %[1]s.time
      layouts: ['2006-01-02T15:04:05Z07:00']
      ignore_missing: true
      ignore_failure: true
output.elasticsearch:
  hosts: [%[3]q]
  username: %[4]s
  password: ${%[5]s}
  index: %[8]s
  # What Elasticsearch refuses all the same is kept as one text, with the reason in error.message.
  non_indexable_policy.dead_letter_index:
    index: %[8]s
setup.ilm:
  policy_name: %[8]s
  policy_file: %[6]s/%[7]s
  overwrite: true
setup.template:
  name: %[8]s
  pattern: %[8]s
  overwrite: true
  json:
    enabled: true
    name: %[8]s
    path: %[6]s/%[9]s
# At the end, what has been read is still delivered.
filebeat.shutdown_timeout: 5s
# For the liveness probe, inside of the pod alone.
http:
  enabled: true
  host: 127.0.0.1
  port: %[10]d
`, entryField, entryField+"."+props.MessageKey, props.Elasticsearch.url, logWriter, passwordVariable,
		filebeatHome, lifecyclePolicy, logStream, indexTemplate, filebeatPort)
}

// template says how Elasticsearch keeps what is in the data stream. The field of the entry is
// flattened: there a key is a text today and an object tomorrow, and no number of keys is too
// large; with a mapping for each key, the first line would decide for all. A longer text than
// ignore_above is kept and shown, but not found; beyond 32 KiB it would be refused, and
// setup.template.append_fields of Filebeat 8.11 would leave that limit out.
func (props LogCollectorProps) template() string {
	shards := ""
	if props.Elasticsearch.isMade() {
		// A replica on a second node would wait for ever, and the index would never be healthy.
		shards = `,
        "number_of_shards": 1,
        "number_of_replicas": 0`
	}
	return fmt.Sprintf(`{
  "index_patterns": ["%[1]s"],
  "priority": 200,
  "data_stream": {},
  "template": {
    "settings": {
      "index": {
        "lifecycle": {"name": "%[1]s"},
        "mapping": {"total_fields": {"limit": 10000}},
        "refresh_interval": "5s"%[2]s
      }
    },
    "mappings": {
      "date_detection": false,
      "dynamic_templates": [
        {"texts": {"match_mapping_type": "string", "mapping": {"type": "keyword", "ignore_above": 1024}}}
      ],
      "properties": {
        "@timestamp": {"type": "date"},
        "message": {"type": "match_only_text"},
        "log": {"properties": {"level": {"type": "keyword", "ignore_above": 1024}}},
        "error": {
          "properties": {
            "message": {"type": "match_only_text"},
            "type": {"type": "keyword", "ignore_above": 1024}
          }
        },
        "%[3]s": {"type": "flattened", "ignore_above": 1024, "depth_limit": 100}
      }
    }
  }
}
`, logStream, shards, entryField)
}

// lifecycle is the policy by which Elasticsearch begins a new index each day, or at 5 GB, and
// deletes the old ones. The age of an index counts from its end.
func (props LogCollectorProps) lifecycle() string {
	return fmt.Sprintf(`{
  "policy": {
    "phases": {
      "hot": {"actions": {"rollover": {"max_age": "1d", "max_primary_shard_size": "5gb"}}},
      "delete": {"min_age": "%dd", "actions": {"delete": {}}}
    }
  }
}
`, props.Retention/day)
}
