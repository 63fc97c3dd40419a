package logs

import (
	"fmt"
	"path"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

// The keys of the ConfigMap, which are the names of the files.
const (
	filebeatConfig  = "filebeat.yml"
	lifecyclePolicy = "ilm.json"
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
	}
}

// entryField is the one field below which the keys of an entry stand. At the root of the event,
// those that the Elastic Common Schema has as objects (error, host, source, ...) would be refused
// by Elasticsearch wherever an application means a text, and the whole line with them.
// The schema has no field of this name, nor has Filebeat.
const entryField = "app"

func (props LogCollectorProps) nodeInput() string {
	var paths []string
	for _, workload := range props.From {
		if made := refOf(workload); made != nil && len(made.Template.Spec.Containers) > 0 {
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

// output goes on with the list of processors. Convert, unlike rename, takes texts and numbers alone,
// which is what message and log.level can be, and leaves an object where it is. In the index, the
// field of the entry is flattened: there a key is a text today and an object tomorrow, and no
// number of keys is too large; with a mapping for each key, the first line would decide for all.
func (props LogCollectorProps) output() string {
	config := fmt.Sprintf(`  # What is not an object stays as it is in message.
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
      mode: rename
      ignore_missing: true
      fail_on_error: false
  - timestamp:
      field: %[1]s.time
      layouts: ['2006-01-02T15:04:05Z07:00']
      ignore_missing: true
      ignore_failure: true
output.elasticsearch:
  hosts: [%[3]q]
  username: %[4]s
  password: ${%[5]s}
setup.ilm:
  policy_file: %[6]s/%[7]s
  overwrite: true
setup.template.overwrite: true
setup.template.append_fields:
  - name: %[1]s
    type: flattened
    # A longer text is kept and shown, but not found; beyond 32 KiB it would be refused.
    ignore_above: 1024
`, entryField, entryField+"."+props.MessageKey, props.Elasticsearch.url, logWriter, passwordVariable, filebeatHome, lifecyclePolicy)
	if props.Elasticsearch.isMade() {
		// A replica on a second node would wait for ever, and the index would never be healthy.
		config += `setup.template.settings:
  index.number_of_shards: 1
  index.number_of_replicas: 0
`
	}
	return config + fmt.Sprintf(`# At the end, what has been read is still delivered.
filebeat.shutdown_timeout: 5s
# For the liveness probe, inside of the pod alone.
http:
  enabled: true
  host: 127.0.0.1
  port: %d
`, filebeatPort)
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
