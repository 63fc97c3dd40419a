package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/infra/check"
	"github.com/crossoverJie/k8s-combat/infra/cmd/combat/internal/trafficmap"
)

// mapFlags are the options of the command.
type mapFlags struct {
	output, listen, title, config string
	serve, withoutEngine          bool
	options                       check.Options
}

func newMapCommand() *cobra.Command {
	var flags mapFlags
	command := &cobra.Command{
		Use:   "map [PATH|-]... -o FILE",
		Short: "Draw what manifests do with requests",
		Long: `Draw what manifests do with requests: gateways and hosts on the left, rules, Services,
subsets and workloads on the right, with what combat check finds. A PATH is a file, a
folder, or - for standard input; without one, standard input is read. All are one set, but
for files that the configuration of combat check says stand alone.

The end of FILE says what is written: .html is a page by itself, without need of a network,
in which a request is followed as it is typed; .svg is a picture; .mmd is text for Mermaid.
Values of Secrets, ConfigMaps and environment variables are in none of them.

The page follows requests by the engine of combat explain, which is compiled for it by the
go command; without that, the page has the map alone, and says so.`,
		RunE: func(command *cobra.Command, paths []string) error { return runMap(command, flags, paths) },
	}
	f := command.Flags()
	f.StringVarP(&flags.output, "output", "o", "", "`FILE` to write: its name ends in .html, .svg or .mmd; - writes a page to standard output")
	f.BoolVar(&flags.serve, "serve", false, "serve the page on this machine alone, and load it again when the input changes")
	f.StringVar(&flags.listen, "listen", "127.0.0.1:8086", "`ADDRESS` on loopback to serve the page on; port 0 takes a free one")
	f.BoolVar(&flags.withoutEngine, "without-engine", false, "leave the engine out of the page")
	f.StringVar(&flags.title, "title", "", "`TITLE` of the page (default Traffic map)")
	f.StringVar(&flags.config, "config", "", "`FILE` of the configuration of combat check (default: the closest "+check.ConfigFile+")")
	f.StringVarP(&flags.options.Namespace, "namespace", "n", "", "`NAMESPACE` where objects go that name none")
	f.StringVar(&flags.options.ClusterDomain, "cluster-domain", "",
		"`DOMAIN` of the cluster's Services (default "+tree.DefaultClusterDomain+")")
	return command
}

func runMap(command *cobra.Command, flags mapFlags, paths []string) error {
	extension := filepath.Ext(flags.output)
	switch {
	case flags.serve && flags.output != "":
		return usageError{errors.New("--serve and --output exclude each other")}
	case !flags.serve && flags.output == "":
		return usageError{errors.New("--output: name a file whose name ends in .html, .svg or .mmd")}
	case !flags.serve && flags.output != check.Stdin && !slices.Contains([]string{".html", ".svg", ".mmd"}, extension):
		return usageError{fmt.Errorf("--output: %q is no kind of map; use a name that ends in .html, .svg or .mmd", flags.output)}
	}
	if err := flags.options.Validate(); err != nil {
		return usageError{err}
	}
	if len(paths) == 0 {
		paths = []string{check.Stdin}
	}
	if flags.serve {
		if slices.Contains(paths, check.Stdin) {
			return usageError{errors.New("--serve: name files or folders, standard input does not change")}
		}
		return serveMap(command, flags, paths)
	}
	drawn, err := drawMap(command.InOrStdin(), flags, paths)
	if err != nil {
		return err
	}
	var content []byte
	switch extension {
	case ".svg":
		content, err = drawn.SVG()
	case ".mmd":
		content = drawn.Mermaid()
	default:
		page := trafficmap.PageOptions{Title: flags.title}
		addEngine(command, flags, &page)
		content, err = drawn.HTML(page)
	}
	if err != nil {
		return err
	}
	if flags.output == check.Stdin {
		_, err := command.OutOrStdout().Write(content)
		return err
	}
	if err := replace(filepath.Dir(flags.output), []file{{name: filepath.Base(flags.output), content: content}}); err != nil {
		return fmt.Errorf("--output: %q cannot be written: %w; name a file in a folder that is there or can be made", flags.output, err)
	}
	return nil
}

// addEngine gives a page its engine, or the reason why it has none.
func addEngine(command *cobra.Command, flags mapFlags, page *trafficmap.PageOptions) {
	if flags.withoutEngine {
		page.Without = "It was left out by --without-engine."
		return
	}
	version := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		version = info.Main.Version
	}
	engine, err := trafficmap.BuildEngine(command.Context(), version)
	if err != nil {
		page.Without = "There was no way to compile it: see what combat map has printed."
		_, _ = fmt.Fprintf(command.ErrOrStderr(), "combat: warning: the page follows no requests: %v\n", err)
		return
	}
	page.Engine = engine
}

// drawMap reads sets and draws them.
func drawMap(stdin io.Reader, flags mapFlags, paths []string) (*trafficmap.Map, error) {
	config, err := findConfig(flags.config, paths[0])
	if err != nil {
		return nil, unusableError{err}
	}
	objects, err := readSets(stdin, config, paths)
	if err != nil {
		return nil, unusableError{err}
	}
	sets := make([]trafficmap.Set, 0, len(objects))
	for _, set := range objects {
		sets = append(sets, trafficmap.Set{Name: nameOf(set, len(objects) > 1), Objects: set})
	}
	return trafficmap.New(sets, config.Options().With(flags.options)), nil
}

// nameOf is the name of a set: that of its file, or of the folder of its files.
func nameOf(set []check.Object, several bool) string {
	file := ""
	for i, object := range set {
		if i > 0 && object.Place.File != file {
			if several {
				return "all others"
			}
			return filepath.Base(filepath.Dir(file))
		}
		file = object.Place.File
	}
	if file == check.Stdin || file == "" {
		return "standard input"
	}
	base := filepath.Base(file)
	for _, end := range []string{".yaml", ".yml", ".json", ".k8s"} {
		base = strings.TrimSuffix(base, end)
	}
	return base
}

// serveMap serves the page until it is interrupted.
func serveMap(command *cobra.Command, flags mapFlags, paths []string) error {
	host, _, err := net.SplitHostPort(flags.listen)
	if err != nil {
		return usageError{fmt.Errorf("--listen: %w", err)}
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return usageError{fmt.Errorf("--listen: %q is no address on loopback; use 127.0.0.1:PORT", flags.listen)}
	}
	if _, err := drawMap(nil, flags, paths); err != nil {
		return err
	}
	page := trafficmap.PageOptions{Title: flags.title, Reload: "/changes"}
	addEngine(command, flags, &page)
	listener, err := net.Listen("tcp", flags.listen)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(command.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	server := &http.Server{Handler: mapHandler(ctx, listener.Addr().String(), flags, paths, page), ReadHeaderTimeout: 5 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	_, _ = fmt.Fprintf(command.OutOrStdout(), "http://%s/\n", listener.Addr())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// lookEvery is how often the input is looked at.
const lookEvery = 500 * time.Millisecond

func mapHandler(ctx context.Context, address string, flags mapFlags, paths []string, page trafficmap.PageOptions) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		drawn, err := drawMap(nil, flags, paths)
		if err != nil {
			// The page shows the mistake, and itself again when it is mended.
			drawn = trafficmap.New([]trafficmap.Set{{Name: err.Error()}}, flags.options)
		}
		content, err := drawn.HTML(page)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		_, _ = w.Write(content)
	})
	mux.HandleFunc("GET /changes", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("Cache-Control", "no-store")
		flusher := http.NewResponseController(w)
		_, _ = io.WriteString(w, ": looking\n\n")
		_ = flusher.Flush()
		before := stateOf(paths)
		ticks := time.NewTicker(lookEvery)
		defer ticks.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-r.Context().Done():
				return
			case <-ticks.C:
			}
			if now := stateOf(paths); !bytes.Equal(before, now) {
				before = now
				_, _ = io.WriteString(w, "data: changed\n\n")
				if flusher.Flush() != nil {
					return
				}
			}
		}
	})
	// A page of elsewhere whose name leads to this machine must not read the map.
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, port, _ := net.SplitHostPort(address)
		if r.Host != address && r.Host != "localhost:"+port {
			http.Error(w, "this is not the address of the map", http.StatusMisdirectedRequest)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// stateOf is a sum of what tells whether files have changed.
func stateOf(paths []string) []byte {
	sum := sha256.New()
	for _, path := range paths {
		files := []string{path}
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			files, _ = check.Files(path)
		}
		for _, file := range files {
			if info, err := os.Stat(file); err == nil {
				_, _ = fmt.Fprintln(sum, file, info.Size(), info.ModTime().UnixNano())
			}
		}
	}
	return sum.Sum(nil)
}
