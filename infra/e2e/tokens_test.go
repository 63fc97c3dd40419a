package e2e

import (
	"encoding/json"
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/crossoverJie/k8s-combat/infra/e2e/echo/wire"
)

const (
	// tokenIssuer and tokenAudience are whose tokens are believed, and whom they are for.
	tokenIssuer   = "https://accounts.example.com"
	tokenAudience = "shop"
)

// issuer signs tokens.
type issuer struct {
	t   *testing.T
	key jose.JSONWebKey
}

func newIssuer(t *testing.T) issuer {
	t.Helper()
	return issuer{t, jose.JSONWebKey{Key: newKey(t), KeyID: "e2e", Algorithm: string(jose.ES256), Use: "sig"}}
}

// keys are where an echo shows the public key.
func (i issuer) keys(pod corev1.Pod) string {
	i.t.Helper()
	content, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{i.key.Public()}})
	require.NoError(i.t, err)
	return fmt.Sprintf("http://%s:%d%s?%s=%s", pod.Status.PodIP, wire.ControlPort, wire.PathSay, wire.Content, url.QueryEscape(string(content)))
}

// token is the header of a request with a token of a subject, which lives so long.
func (i issuer) token(subject, audience string, life time.Duration) headers {
	i.t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: i.key}, nil)
	require.NoError(i.t, err)
	token, err := jwt.Signed(signer).Claims(jwt.Claims{
		Issuer: tokenIssuer, Subject: subject, Audience: jwt.Audience{audience}, Expiry: jwt.NewNumericDate(time.Now().Add(life)),
	}).Claims(map[string]any{"group": subject + "s"}).Serialize()
	require.NoError(i.t, err)
	return headers{"Authorization": "Bearer " + token}
}
