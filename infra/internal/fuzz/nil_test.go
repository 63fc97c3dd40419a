package fuzz

import (
	"reflect"
	"runtime"
	"testing"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/stretchr/testify/assert"
)

// TestMethodsOfNil calls every exported method of a construct on one that is nil, with arguments that are zero. What a
// construct has as a construct is left out: the embedded one has that. A method may refuse, in a sentence.
func TestMethodsOfNil(t *testing.T) {
	embedded := reflect.TypeFor[constructs.Construct]()
	called := 0
	for _, c := range constructors {
		if c.product == reflect.TypeFor[*own]() {
			continue // a user's
		}
		for i := range c.product.NumMethod() {
			method := c.product.Method(i)
			if _, ok := embedded.MethodByName(method.Name); ok {
				continue
			}
			called++
			t.Run(c.product.String()+"."+method.Name, func(t *testing.T) {
				arguments := []reflect.Value{reflect.Zero(c.product)}
				for n := 1; n < method.Type.NumIn(); n++ {
					arguments = append(arguments, reflect.Zero(method.Type.In(n)))
				}
				defer func() {
					cause, isMistake := recover().(runtime.Error)
					assert.False(t, isMistake, "%v", cause)
				}()
				if method.Type.IsVariadic() {
					method.Func.CallSlice(arguments)
				} else {
					method.Func.Call(arguments)
				}
			})
		}
	}
	assert.Greater(t, called, 50)
}
