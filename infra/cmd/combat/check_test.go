package main

import (
	"bytes"
	"errors"
	"testing"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/chapters"
	"github.com/crossoverJie/k8s-combat/infra/check"
)

// brokenTogether is a chapter whose constructs are each in order.
func brokenTogether(chart cdk8s.Chart) {
	infra.NewProbedDeployment(chart, "web", infra.ProbedDeploymentProps{Name: "web", Image: "example.com/web:1.4.0",
		Patch: func(d *appsv1.Deployment) { d.Spec.Template.Spec.ServiceAccountName = "web" }})
}

func TestSynthChecksTheObjectsTogether(t *testing.T) {
	t.Parallel()
	book := []chapters.Chapter{{Name: "web", Build: brokenTogether}}
	var stdout, stderr bytes.Buffer
	assert.Equal(t, exitFailed, run([]string{"synth", "--out", t.TempDir()}, &stdout, &stderr, book))
	assert.Empty(t, stdout.String())
	assert.Contains(t, stderr.String(), "[web/web/Resource] spec.template.spec.serviceAccountName: KC110: no pod is created")
	assert.Equal(t, exitOK, run([]string{"synth", "--check=false", "--out", t.TempDir()}, &stdout, &stderr, book))
}

func TestInstallOnTheOfficialTree(t *testing.T) {
	app, err := tree.NewOfficialApp(t.TempDir())
	if errors.Is(err, tree.ErrNoNode) {
		t.Skip("the official tree needs Node.js")
	}
	require.NoError(t, err)
	chart := tree.NewChart(app, "web", tree.ChartProps{})
	check.Install(app, check.Options{})
	require.NoError(t, tree.Synth(app))
	brokenTogether(chart)
	err = tree.Synth(app)
	require.Error(t, err)
	assert.Contains(t, err.Error(), "[web/web/Resource] Deployment web: KC110: no pod is created")
}
