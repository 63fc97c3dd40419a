package check

import (
	"maps"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// podKinds are the kinds that make pods, those that are not known too.
var podKinds = []string{anyKind}

// podRule makes a rule on pods of a function that looks at their template.
func podRule(run func(c *checker, w *workload)) func(c *checker, o *object) {
	return func(c *checker, o *object) {
		if o.pods != nil && !o.pods.partial {
			run(c, o.pods)
		}
	}
}

// containerAt is a container with its path.
type containerAt struct {
	*corev1.Container
	at   string
	init bool
}

func (w *workload) containers() []containerAt {
	var all []containerAt
	for i := range w.spec.InitContainers {
		all = append(all, containerAt{&w.spec.InitContainers[i], at("%sspec.initContainers[%d]", w.at, i), true})
	}
	for i := range w.spec.Containers {
		all = append(all, containerAt{&w.spec.Containers[i], at("%sspec.containers[%d]", w.at, i), false})
	}
	return all
}

var envExample = webExample + `          env:
            - name: MODE
              valueFrom: {configMapKeyRef: {name: settings, key: MODE}}
            - name: PASSWORD
              valueFrom: {secretKeyRef: {name: login, key: password}}
            - {name: GREETING, value: "mode $(MODE)"}
`

var volumeExample = webExample + `          volumeMounts: [{name: settings, mountPath: /srv/settings}]
      volumes:
        - name: settings
          configMap: {name: settings}
`

var podReferenceRules = []Rule{
	{
		Code: "KC104", Title: "a ConfigMap that is not there", Severity: Error, Kinds: podKinds,
		Doc: "A container whose environment or volume comes from a ConfigMap does not start before that is there: the pod " +
			"stays in CreateContainerConfigError or ContainerCreating.",
		Wrong:  documents(edited(envExample, "name: settings", "name: setings"), configExample, secretExample),
		Right:  documents(envExample, configExample, secretExample),
		object: podRule(dataRule("ConfigMap", false)),
	},
	{
		Code: "KC105", Title: "a Secret that is not there", Severity: Error, Kinds: podKinds,
		Doc: "A container whose environment or volume comes from a Secret does not start before that is there. Secrets that " +
			"controllers make (Certificate, ExternalSecret, SealedSecret and the like) are known; name others with --assume.",
		Wrong:  documents(edited(envExample, "name: login", "name: logins"), configExample, secretExample),
		Right:  documents(envExample, configExample, secretExample),
		object: podRule(dataRule("Secret", false)),
	},
	{
		Code: "KC106", Title: "a key that a ConfigMap or Secret does not have", Severity: Error, Kinds: podKinds,
		Doc: "A container that asks for one key of a ConfigMap or Secret does not start without it: CreateContainerConfigError, " +
			"or a volume that cannot be mounted.",
		Wrong: documents(edited(envExample, "key: MODE", "key: MODUS"), configExample, secretExample),
		Right: documents(envExample, configExample, secretExample),
		object: podRule(func(c *checker, w *workload) {
			dataRule("ConfigMap", true)(c, w)
			dataRule("Secret", true)(c, w)
		}),
	},
	{
		Code: "KC107", Title: "a mount of a volume that the pod does not have", Severity: Error, Kinds: podKinds,
		Doc:    "The API server refuses a pod with a mount whose volume is not among its volumes.",
		Wrong:  documents(edited(volumeExample, "[{name: settings,", "[{name: setting,"), configExample),
		Right:  documents(volumeExample, configExample),
		object: podRule(checkMounts),
	},
	{
		Code: "KC109", Title: "$(VAR) of a variable that is not defined before", Severity: Warning, Kinds: podKinds,
		Doc: "Kubernetes replaces $(VAR) in values, commands and arguments by variables that stand before it in the same " +
			"container; of others the text $(VAR) itself reaches the program. Write $$(VAR) for the text.",
		Wrong:  edited(webExample, "          ports", "          env: [{name: URL, value: \"http://$(HOST)/\"}, {name: HOST, value: db}]\n          ports"),
		Right:  edited(webExample, "          ports", "          env: [{name: HOST, value: db}, {name: URL, value: \"http://$(HOST)/\"}]\n          ports"),
		object: podRule(checkExpansions),
	},
	{
		Code: "KC110", Title: "a ServiceAccount that is not there", Severity: Error, Kinds: podKinds,
		Doc:   "The pods are not created: the admission of ServiceAccounts refuses each, and the rollout stands still.",
		Wrong: edited(webExample, "    spec:\n", "    spec:\n      serviceAccountName: web\n"),
		Right: documents(edited(webExample, "    spec:\n", "    spec:\n      serviceAccountName: web\n"),
			"apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: web}\n"),
		object: podRule(func(c *checker, w *workload) {
			name, field := w.spec.ServiceAccountName, w.at+"spec.serviceAccountName"
			if name == "" {
				name, field = w.spec.DeprecatedServiceAccount, w.at+"spec.serviceAccount"
			}
			if name == "" {
				return
			}
			if _, state := c.find("ServiceAccount", w.namespace, name); state != found {
				c.missing(w.object, field, state, "no pod is created: "+in(w.namespace)+" has no ServiceAccount "+name+
					c.elsewhere("ServiceAccount", w.namespace, name), "add the ServiceAccount, or name one that exists")
			}
		}),
	},
	{
		Code: "KC111", Title: "a claim that is not there", Severity: Error, Kinds: podKinds,
		Doc:   "A pod whose volume is a PersistentVolumeClaim that does not exist stays Pending.",
		Wrong: documents(edited(volumeExample, "configMap: {name: settings}", "persistentVolumeClaim: {claimName: dat}"), claimExample),
		Right: documents(edited(volumeExample, "replicas: 2", "replicas: 1\n  strategy: {type: Recreate}", "configMap: {name: settings}", "persistentVolumeClaim: {claimName: data}"), claimExample),
		object: podRule(func(c *checker, w *workload) {
			for i, volume := range w.spec.Volumes {
				if volume.PersistentVolumeClaim == nil {
					continue
				}
				name := volume.PersistentVolumeClaim.ClaimName
				if _, state := c.find("PersistentVolumeClaim", w.namespace, name); state != found {
					c.missing(w.object, at("%sspec.volumes[%d].persistentVolumeClaim.claimName", w.at, i), state,
						"the pods stay Pending: "+in(w.namespace)+" has no PersistentVolumeClaim "+name+
							c.elsewhere("PersistentVolumeClaim", w.namespace, name), "add the claim, or name one that exists")
				}
			}
		}),
	},
	{
		Code: "KC112", Title: "a pull secret that is not there", Severity: Note, Kinds: podKinds,
		Doc: "Without its pull secret a pod asks the registry as nobody, and where that is refused stays in ImagePullBackOff. " +
			"Such secrets usually are made by hand, so this is a note, which --strict shows.",
		Wrong: edited(webExample, "    spec:\n", "    spec:\n      imagePullSecrets: [{name: registry}]\n"),
		Right: webExample,
		object: podRule(func(c *checker, w *workload) {
			for i, secret := range w.spec.ImagePullSecrets {
				if _, state := c.find("Secret", w.namespace, secret.Name); state != found {
					c.report(w.object, at("%sspec.imagePullSecrets[%d].name", w.at, i),
						"images are pulled as nobody: "+in(w.namespace)+" has no Secret "+secret.Name, "add the Secret, or assume it")
				}
			}
		}),
	},
}

const claimExample = `apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec:
  accessModes: [ReadWriteOnce]
  resources: {requests: {storage: 1Gi}}
`

// dataUse is a use of a ConfigMap or Secret by a pod.
type dataUse struct {
	kind, name, key string
	optional        bool
	field           string
}

func (w *workload) dataUses(kind string) []dataUse {
	var uses []dataUse
	use := func(name, key string, optional *bool, field string) {
		if name != "" {
			uses = append(uses, dataUse{kind, name, key, optional != nil && *optional, field})
		}
	}
	config := kind == "ConfigMap"
	for _, container := range w.containers() {
		for i, env := range container.Env {
			from := env.ValueFrom
			switch {
			case from == nil:
			case config && from.ConfigMapKeyRef != nil:
				use(from.ConfigMapKeyRef.Name, from.ConfigMapKeyRef.Key, from.ConfigMapKeyRef.Optional,
					at("%s.env[%d].valueFrom.configMapKeyRef", container.at, i))
			case !config && from.SecretKeyRef != nil:
				use(from.SecretKeyRef.Name, from.SecretKeyRef.Key, from.SecretKeyRef.Optional,
					at("%s.env[%d].valueFrom.secretKeyRef", container.at, i))
			}
		}
		for i, from := range container.EnvFrom {
			if config && from.ConfigMapRef != nil {
				use(from.ConfigMapRef.Name, "", from.ConfigMapRef.Optional, at("%s.envFrom[%d].configMapRef", container.at, i))
			}
			if !config && from.SecretRef != nil {
				use(from.SecretRef.Name, "", from.SecretRef.Optional, at("%s.envFrom[%d].secretRef", container.at, i))
			}
		}
	}
	items := func(name string, items []corev1.KeyToPath, optional *bool, field string) {
		use(name, "", optional, field)
		for i, item := range items {
			use(name, item.Key, optional, at("%s.items[%d]", field, i))
		}
	}
	for i, volume := range w.spec.Volumes {
		field := at("%sspec.volumes[%d]", w.at, i)
		if config && volume.ConfigMap != nil {
			items(volume.ConfigMap.Name, volume.ConfigMap.Items, volume.ConfigMap.Optional, field+".configMap")
		}
		if !config && volume.Secret != nil {
			items(volume.Secret.SecretName, volume.Secret.Items, volume.Secret.Optional, field+".secret")
		}
		if volume.Projected == nil {
			continue
		}
		for j, source := range volume.Projected.Sources {
			if config && source.ConfigMap != nil {
				items(source.ConfigMap.Name, source.ConfigMap.Items, source.ConfigMap.Optional, at("%s.projected.sources[%d].configMap", field, j))
			}
			if !config && source.Secret != nil {
				items(source.Secret.Name, source.Secret.Items, source.Secret.Optional, at("%s.projected.sources[%d].secret", field, j))
			}
		}
	}
	return uses
}

// dataRule looks for ConfigMaps or Secrets that pods use, or for the keys of those that are there.
func dataRule(kind string, keys bool) func(c *checker, w *workload) {
	return func(c *checker, w *workload) {
		for _, use := range w.dataUses(kind) {
			o, state := c.find(kind, w.namespace, use.name)
			if state != found {
				if keys || use.key != "" && strings.Contains(use.field, ".items[") {
					continue
				}
				if use.optional {
					state = external
				}
				c.missing(w.object, use.field+nameField(use.field), state, "the pods do not start: "+in(w.namespace)+" has no "+kind+" "+use.name+
					c.elsewhere(kind, w.namespace, use.name), "add the "+kind+", or name one that exists")
				continue
			}
			if !keys || use.key == "" || o == nil || use.optional {
				continue
			}
			if has := dataKeys(o); has != nil && !has[use.key] {
				c.report(w.object, use.field+".key", "the pods do not start: "+o.String()+" has no key "+use.key,
					"use one of its keys: "+listOf(slices.Sorted(maps.Keys(has))))
			}
		}
	}
}

func nameField(field string) string {
	if strings.HasSuffix(field, ".secret") && !strings.Contains(field, "projected") {
		return ".secretName"
	}
	return ".name"
}

func listOf(names []string) string {
	if len(names) == 0 {
		return "it has none"
	}
	if len(names) > 8 {
		names = append(slices.Clip(names[:8]), "...")
	}
	return strings.Join(names, ", ")
}

// dataKeys are the keys of a ConfigMap or Secret, nil where they are not known.
func dataKeys(o *object) map[string]bool {
	keys := map[string]bool{}
	switch typed := o.typed.(type) {
	case *corev1.ConfigMap:
		for key := range typed.Data {
			keys[key] = true
		}
		for key := range typed.BinaryData {
			keys[key] = true
		}
	case *corev1.Secret:
		for key := range typed.Data {
			keys[key] = true
		}
		for key := range typed.StringData {
			keys[key] = true
		}
		if typed.Type == corev1.SecretTypeServiceAccountToken {
			return nil
		}
	default:
		return nil
	}
	if len(keys) == 0 && o.filledElsewhere() {
		return nil
	}
	return keys
}

// filledElsewhere reports whether somebody else writes into the object, as those say that make it for that.
func (o *object) filledElsewhere() bool {
	for name := range o.annotations {
		if strings.Contains(name, "cert-manager.io/") || strings.Contains(name, "reflector.") ||
			strings.Contains(name, "replicator.") || strings.Contains(name, "vault") {
			return true
		}
	}
	return len(o.labels) > 0 && (o.labels["argocd.argoproj.io/secret-type"] != "" || o.labels["config.openshift.io/inject-trusted-cabundle"] != "")
}

func checkMounts(c *checker, w *workload) {
	volumes := map[string]bool{}
	for _, volume := range w.spec.Volumes {
		volumes[volume.Name] = true
	}
	if set, ok := w.typed.(*appsv1.StatefulSet); ok {
		for _, claim := range set.Spec.VolumeClaimTemplates {
			volumes[claim.Name] = true
		}
	}
	if w.typed == nil {
		// Of a kind that is not known, its controller may add volumes.
		return
	}
	names := slices.Sorted(maps.Keys(volumes))
	for _, container := range w.containers() {
		for i, mount := range container.VolumeMounts {
			if !volumes[mount.Name] {
				c.report(w.object, at("%s.volumeMounts[%d].name", container.at, i),
					"the pods are refused: they have no volume "+mount.Name, "use one of its volumes: "+listOf(names))
			}
		}
		for i, device := range container.VolumeDevices {
			if !volumes[device.Name] {
				c.report(w.object, at("%s.volumeDevices[%d].name", container.at, i),
					"the pods are refused: they have no volume "+device.Name, "use one of its volumes: "+listOf(names))
			}
		}
	}
}

func checkExpansions(c *checker, w *workload) {
	for _, container := range w.containers() {
		known := map[string]bool{}
		anyName := false
		for _, from := range container.EnvFrom {
			// The keys of what is not in the set are not known.
			keys := map[string]bool(nil)
			switch {
			case from.ConfigMapRef != nil:
				if o, _ := c.find("ConfigMap", w.namespace, from.ConfigMapRef.Name); o != nil {
					keys = dataKeys(o)
				}
			case from.SecretRef != nil:
				if o, _ := c.find("Secret", w.namespace, from.SecretRef.Name); o != nil {
					keys = dataKeys(o)
				}
			}
			anyName = anyName || keys == nil
			for key := range keys {
				known[from.Prefix+key] = true
			}
		}
		if anyName {
			continue
		}
		all := maps.Clone(known)
		for _, env := range container.Env {
			all[env.Name] = true
		}
		for i, env := range container.Env {
			if env.ValueFrom == nil {
				for _, name := range references(env.Value) {
					switch {
					case known[name] || isServiceVariable(name):
					case all[name]:
						c.report(w.object, at("%s.env[%d].value", container.at, i), "$("+name+") stays as it is: "+name+
							" is defined after "+env.Name, "define "+name+" before "+env.Name)
					case isVariableName(name):
						c.report(w.object, at("%s.env[%d].value", container.at, i), "$("+name+") stays as it is: the container has no variable "+
							name, "define it before "+env.Name+", or write $$("+name+")")
					}
				}
			}
			known[env.Name] = true
		}
		for field, words := range map[string][]string{"command": container.Command, "args": container.Args} {
			if isShell(container.Command) || isShell(container.Args) {
				// $(name) is a command of the shell there.
				continue
			}
			for i, word := range words {
				for _, name := range references(word) {
					if !known[name] && !isServiceVariable(name) && isVariableName(name) {
						c.report(w.object, at("%s.%s[%d]", container.at, field, i), "$("+name+") stays as it is: the container has no variable "+
							name, "define it, or write $$("+name+")")
					}
				}
			}
		}
	}
}

func isShell(words []string) bool {
	for _, word := range words {
		if slices.Contains([]string{"sh", "bash", "ash", "dash"}, word[strings.LastIndex(word, "/")+1:]) || word == "-c" || word == "-ec" {
			return true
		}
	}
	return false
}

// isVariableName reports whether somebody would name a variable so: $(date) is something else.
func isVariableName(name string) bool {
	return name != "" && strings.ToUpper(name) == name && strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == ""
}

// isServiceVariable reports whether Kubernetes itself sets such variables, for Services.
func isServiceVariable(name string) bool {
	return strings.HasSuffix(name, "_SERVICE_HOST") || strings.HasSuffix(name, "_SERVICE_PORT") || strings.Contains(name, "_SERVICE_PORT_") ||
		strings.Contains(name, "_PORT_")
}

// references are the names in $(NAME), without $$(NAME).
func references(text string) []string {
	var names []string
	for i := 0; i+1 < len(text); i++ {
		if text[i] != '$' {
			continue
		}
		if text[i+1] == '$' {
			i++
			continue
		}
		if text[i+1] == '(' {
			if end := strings.IndexByte(text[i:], ')'); end > 0 {
				names = append(names, text[i+2:i+end])
				i += end
			}
		}
	}
	return names
}

// secretValue is a value of a Secret, decoded.
func secretValue(o *object, key string) ([]byte, bool) {
	secret, ok := o.typed.(*corev1.Secret)
	if !ok {
		return nil, false
	}
	if text, ok := secret.StringData[key]; ok {
		return []byte(text), true
	}
	value, ok := secret.Data[key]
	return value, ok
}
