package main

import (
	"bytes"
	"log/slog"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/assert"

	"github.com/crossoverJie/k8s-combat/app/internal/config"
	"github.com/crossoverJie/k8s-combat/app/internal/logging"
)

// TestMain makes this test binary the program as well: for scripts under its
// name, and for the tests that send it signals by asMain.
func TestMain(m *testing.M) {
	if os.Getenv(asMain) != "" {
		main()
	}
	testscript.Main(m, map[string]func(){"k8s-combat": main})
}

const asMain = "K8S_COMBAT_TEST_AS_MAIN"

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script"})
}

func TestAwaitGivesUpOnAShutdownThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		s := service{
			Config: config.Config{ShutdownSettle: time.Second, ShutdownDrain: 15 * time.Second, ShutdownFlush: 2 * time.Second},
			sinks:  logging.Sinks{logging.NewSink(&out)},
		}
		s.log = logging.New(s.sinks, slog.LevelInfo, logging.NewIdentity("pod-1", "app"))
		signals := make(chan os.Signal, 1)
		signals <- syscall.SIGTERM
		start := time.Now()
		assert.Equal(t, exitFailure, await(make(chan int), signals, func() {}, &s))
		assert.Equal(t, 20*time.Second, time.Since(start))
		assert.Contains(t, out.String(), `"msg":"shutdown takes too long, exiting"`)
	})
}
