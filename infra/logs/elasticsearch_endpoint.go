package logs

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"

	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
	"github.com/crossoverJie/k8s-combat/infra/internal/ref"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

// The users that Elasticsearch knows, which are the keys of their passwords too.
const (
	// superuser is Elasticsearch's own, for people and for its probes.
	superuser = "elastic"
	// kibanaServer is Kibana's. Kibana refuses the superuser, and the name kibana_system is
	// reserved for a user whose password can be set through the API alone.
	kibanaServer = "kibana_server"
	// kibanaSystem is Kibana's in an Elasticsearch that is made elsewhere.
	kibanaSystem = "kibana_system"
	// logWriter is the log collector's.
	logWriter = "filebeat"
)

// elasticsearchClientLabel is on the pods that may reach an Elasticsearch; its value is the name of
// that.
const elasticsearchClientLabel = "elasticsearch-client"

// passwordVariable is how Kibana, and the configuration of Filebeat, call the password.
const passwordVariable = "ELASTICSEARCH_PASSWORD"

// ElasticsearchEndpoint is an Elasticsearch as its clients see it: where it is, and who they are
// there. The method Endpoint of an *Elasticsearch makes one, or ExistingElasticsearch.
type ElasticsearchEndpoint struct {
	url         string
	credentials *infra.Credentials
	kibanaUser  string
	// object is that of an Elasticsearch of this program, zero for one that is made elsewhere.
	object ref.Object
}

// ExistingElasticsearch is an Elasticsearch that is made elsewhere, at a URL such as
// "https://logs.example.com:9200". Of the credentials, Kibana uses the key kibana_system, the
// password of the built-in user of that name, and the LogCollector the key filebeat, that of a user
// who may write and set up indices called filebeat-*.
func ExistingElasticsearch(url string, credentials *infra.Credentials) ElasticsearchEndpoint {
	return ElasticsearchEndpoint{url: url, credentials: credentials, kibanaUser: kibanaSystem}
}

func (e ElasticsearchEndpoint) validate(p *problem.List, field *problem.Path, user string) {
	if e == (ElasticsearchEndpoint{}) {
		p.Missing(field, "give the Endpoint of an *Elasticsearch, or ExistingElasticsearch")
		return
	}
	if e.isMade() {
		// It reports what is wrong with it itself.
		return
	}
	shown := e.url
	if strings.Contains(shown, "@") {
		// What stands before it may be a password.
		shown = infra.Sensitive(shown).String()
	}
	location, err := url.Parse(e.url)
	switch {
	case err != nil || location.Host == "" || location.Scheme != "http" && location.Scheme != "https":
		p.Add(field.Child("URL"), shown,
			"is not the URL of a server; use for example \"https://logs.example.com:9200\"")
	case location.User != nil:
		p.Add(field.Child("URL"), shown,
			"holds a user, whose password everybody could read in the manifest; leave it out, and give Credentials")
	case location.RawQuery != "" || location.Fragment != "":
		p.Add(field.Child("URL"), shown,
			"has a query or a fragment, which a server's address does not; leave it out")
	}
	if e.credentials == nil {
		p.Missing(field.Child("Credentials"),
			fmt.Sprintf("give *Credentials that hold the password of the user %s under the key %s", user, user))
		return
	}
	e.credentials.Key(user).Validate(p, field.Child("Credentials"))
}

// isMade reports whether it is an Elasticsearch of this program.
func (e ElasticsearchEndpoint) isMade() bool { return !e.object.IsZero() }

// validateNamespace records that a client cannot use the Elasticsearch, or cannot read its
// password: both are to be in the namespace of the client's object by.
func (e ElasticsearchEndpoint) validateNamespace(p *problem.List, field *problem.Path, by cdk8s.ApiObject) {
	before := len(*p)
	e.object.Beside(p, field, by)
	if data := e.credentials.Data(); data != nil && len(*p) == before {
		data.Beside(p, field.Child("Credentials"), by)
	}
}

// password is the variable that holds the user's password. Where there is none, validate tells.
func (e ElasticsearchEndpoint) password(user string) []pod.EnvVar {
	return passwordOf(e.credentials, user, passwordVariable)
}

func passwordOf(credentials *infra.Credentials, user, variable string) []pod.EnvVar {
	key := credentials.Key(user)
	if !isThere(key) {
		return nil
	}
	return []pod.EnvVar{{Name: variable, ValueFrom: key}}
}

// isThere reports whether a key is there, or may be.
func isThere(key pod.KeyRef) bool {
	data := key.Source()
	return data != nil && (data.AnyKey || slices.Contains(data.Keys, key.Key()))
}

// clientLabels are the labels of a pod that is to reach Elasticsearch.
func (e ElasticsearchEndpoint) clientLabels() map[string]string {
	if !e.isMade() {
		return nil
	}
	return map[string]string{elasticsearchClientLabel: e.object.Name()}
}
