package manifest

import (
	"fmt"
	"strconv"
	"strings"
)

// fieldError is an error at a place in a value. The place is collected on the way out, so that it costs nothing while
// all is well.
type fieldError struct {
	// steps lead from the value that is wrong outwards: [0], .containers, .spec.
	steps []string
	err   error
}

// maxSteps bounds what is shown of the path into a value that contains itself.
const maxSteps = 20

func (e *fieldError) Error() string {
	var path strings.Builder
	for i := range e.steps {
		if i == maxSteps {
			path.WriteString("...")
			break
		}
		path.WriteString(e.steps[len(e.steps)-1-i])
	}
	return fmt.Sprintf("%s: %v", strings.TrimPrefix(path.String(), "."), e.err)
}

func (e *fieldError) Unwrap() error { return e.err }

func inField(name string, err error) error { return within("."+name, err) }

func inElement(index int, err error) error { return within("["+strconv.Itoa(index)+"]", err) }

func inKey(key string, err error) error { return within("["+key+"]", err) }

func within(step string, err error) error {
	// Not errors.As: a marshaler may itself have encoded something, whose path is its own affair.
	if at, ok := err.(*fieldError); ok { //nolint:errorlint // see above
		at.steps = append(at.steps, step)
		return at
	}
	return &fieldError{steps: []string{step}, err: err}
}
