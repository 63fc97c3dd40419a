package pod

import (
	"github.com/distribution/reference"
	"k8s.io/apimachinery/pkg/util/validation"
)

// ImageVersion returns the tag of an image as a Version, or nothing where the image has none, or
// one that is no label value.
func ImageVersion(image string) string {
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
