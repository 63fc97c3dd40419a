package traffic_test

import (
	"testing"

	"github.com/crossoverJie/k8s-combat/infra/internal/synthtest"
)

func TestMain(m *testing.M) { synthtest.Main(m) }
