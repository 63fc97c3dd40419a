package infra

import (
	"github.com/distribution/reference"
	"k8s.io/apimachinery/pkg/util/validation"
)

// imageVersion returns the tag of an image as the value of the label version, or nothing where the image has none, or one
// that is no label value.
func imageVersion(image string) string {
	parsed, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		return ""
	}
	tagged, ok := parsed.(reference.Tagged)
	if !ok || len(validation.IsValidLabelValue(tagged.Tag())) > 0 {
		return ""
	}
	return tagged.Tag()
}

// versionLabels are the label by which a mesh tells the version of a pod.
func versionLabels(image string) map[string]string {
	if version := imageVersion(image); version != "" {
		return map[string]string{versionLabel: version}
	}
	return nil
}
