package infra_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/internal/synthtest"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

func TestCredentials(t *testing.T) {
	t.Parallel()
	synthtest.Golden(t, "credentials", func(chart cdk8s.Chart) {
		infra.NewCredentials(chart, "credentials", infra.CredentialsProps{
			Name:   "login",
			Values: map[string]infra.Sensitive{"user": "root", "password": "abc\n", "blob": "\xff\x00"},
			Labels: map[string]string{"tier": "web"},
			Patch:  func(s *corev1.Secret) { s.Immutable = new(true) },
		})
	})
}

func TestExistingCredentialsAreNotWritten(t *testing.T) {
	t.Parallel()
	got := synthtest.Objects[corev1.Secret](t, "Secret", func(chart cdk8s.Chart) {
		existing := infra.NewCredentials(chart, "existing", infra.CredentialsProps{Name: "login", Existing: true})
		workload(func(props *infra.ProbedDeploymentProps) {
			props.Env = []pod.EnvVar{{Name: "A", ValueFrom: existing.Key("nobody-knows")}}
		})(chart)
	})
	assert.Empty(t, got)
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"
	props := infra.CredentialsProps{Name: "login", Values: map[string]infra.Sensitive{"password": secret, "bad key": secret}}
	var credentials *infra.Credentials
	_, messages := synthtest.Synth(t, func(chart cdk8s.Chart) {
		credentials = infra.NewCredentials(chart, "credentials", props)
	})
	require.NotEmpty(t, messages)

	var seen []any
	for _, message := range messages {
		seen = append(seen, message)
	}
	for _, value := range []any{props, &props, props.Values, props.Values["password"], credentials, credentials.Key("password")} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			seen = append(seen, fmt.Sprintf(verb, value))
		}
	}
	asJSON, err := json.Marshal(props.Values)
	require.NoError(t, err)
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("made", "password", props.Values["password"], "credentials", credentials)
	seen = append(seen, string(asJSON), log.String())
	for _, text := range seen {
		assert.NotContains(t, text, secret)
		assert.NotContains(t, text, fmt.Sprintf("%x", secret))
	}
	assert.Equal(t, "Secret login with the keys [bad key password]", credentials.String())
}

func TestCredentialsLeaveNoDigestInThePods(t *testing.T) {
	t.Parallel()
	got := synthtest.Only[appsv1.Deployment](t, "Deployment", func(chart cdk8s.Chart) {
		c := infra.NewCredentials(chart, "credentials", infra.CredentialsProps{
			Name: "login", Values: map[string]infra.Sensitive{"password": "abc"},
		})
		workload(func(props *infra.ProbedDeploymentProps) {
			props.EnvFrom = []pod.EnvFrom{{Source: c}}
			props.Files = []pod.File{{Path: "/run/login/password", From: c.Key("password")}}
		})(chart)
	})
	assert.Empty(t, got.Spec.Template.Annotations)
}

func TestCredentialsBadInput(t *testing.T) {
	t.Parallel()
	credentials := func(props infra.CredentialsProps) func(cdk8s.Chart) {
		return func(chart cdk8s.Chart) { infra.NewCredentials(chart, "credentials", props) }
	}
	synthtest.BadInput{
		"no name": {credentials(infra.CredentialsProps{}), []string{
			`[chart/credentials] Name: is not set; give the object a name, for example "web"`,
		}},
		"key": {credentials(infra.CredentialsProps{Name: "c", Values: map[string]infra.Sensitive{"a/b": "x"}}), []string{
			`[chart/credentials] Values: "a/b" is not a key; use at most 253 letters, digits, '-', '_' or '.', other than "." and ".."`,
		}},
		"more than 1 MiB": {credentials(infra.CredentialsProps{Name: "c", Values: map[string]infra.Sensitive{"a": infra.Sensitive(strings.Repeat("x", 1<<20+1))}}), []string{
			`[chart/credentials] Values: "1048577 bytes" is more than a Secret may hold, 1048576 bytes; split it, or put large files into the image or a volume`,
		}},
		"values of an existing one": {credentials(infra.CredentialsProps{Name: "c", Existing: true, Values: map[string]infra.Sensitive{"a": "x"}, Patch: func(*corev1.Secret) {}}), []string{
			`[chart/credentials] Values: [a] cannot be given for an Existing Secret; leave out one of them`,
			`[chart/credentials] Patch: "func" has nothing to patch: an Existing Secret is not written; leave out one of them`,
		}},
		"TLS without any": {credentials(infra.CredentialsProps{Name: "c", Type: "kubernetes.io/tls"}), []string{
			`[chart/credentials] Values["tls.crt"]: is not set; a Secret of the type kubernetes.io/tls needs it`,
			`[chart/credentials] Values["tls.key"]: is not set; a Secret of the type kubernetes.io/tls needs it`,
		}},
		"registry login that is no JSON": {credentials(infra.CredentialsProps{Name: "c", Type: "kubernetes.io/dockerconfigjson", Values: map[string]infra.Sensitive{".dockerconfigjson": "hunter2"}}), []string{
			`[chart/credentials] Values[".dockerconfigjson"]: "***" is not JSON, which the type kubernetes.io/dockerconfigjson asks for`,
		}},
		"token of no account": {credentials(infra.CredentialsProps{Name: "c", Type: "kubernetes.io/service-account-token"}), []string{
			`[chart/credentials] Annotations["kubernetes.io/service-account.name"]: is not set; a Secret of the type kubernetes.io/service-account-token needs it`,
		}},
		"keys of one that is written": {credentials(infra.CredentialsProps{Name: "c", Keys: []string{"b"}, Values: map[string]infra.Sensitive{"a": "x"}}), []string{
			`[chart/credentials] Keys: [b] is for an Existing Secret, whose values are not here; leave it out`,
		}},
		"TLS without its keys": {credentials(infra.CredentialsProps{Name: "c", Type: "kubernetes.io/tls", Values: map[string]infra.Sensitive{"tls.crt": "x"}}), []string{
			`[chart/credentials] Values["tls.key"]: is not set; a Secret of the type kubernetes.io/tls needs it`,
		}},
		"secret key that does not exist": {func(chart cdk8s.Chart) {
			literal := infra.NewCredentials(chart, "literal", infra.CredentialsProps{Name: "l", Values: map[string]infra.Sensitive{"a": "x"}})
			existing := infra.NewCredentials(chart, "existing", infra.CredentialsProps{Name: "e", Existing: true, Keys: []string{"b", "a"}})
			workload(func(props *infra.ProbedDeploymentProps) {
				props.Env = []pod.EnvVar{{Name: "L", ValueFrom: literal.Key("z")}, {Name: "E", ValueFrom: existing.Key("z")}}
			})(chart)
		}, []string{
			`[chart/web] Env[0].ValueFrom: "z" is not a key of Secret l; use a`,
			`[chart/web] Env[1].ValueFrom: "z" is not a key of Secret e; use a or b`,
		}},
	}.Run(t)
}
