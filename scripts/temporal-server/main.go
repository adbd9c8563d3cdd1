// A real Temporal server in one binary: frontend, history, matching, worker and the web UI. It
// keeps its data on PostgreSQL, in two databases that it creates and migrates at every start.
//
// This file is the process: flags, how it starts and how it ends. stores.go is the data, tuning.go
// the settings.
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"go.temporal.io/server/common/cluster"
	"go.temporal.io/server/common/config"
	tlog "go.temporal.io/server/common/log"
	"go.temporal.io/server/temporal"

	uiserver "github.com/temporalio/ui-server/v2/server"
	uiconfig "github.com/temporalio/ui-server/v2/server/config"
	uioptions "github.com/temporalio/ui-server/v2/server/server_options"
)

// stopSecondsMax bounds a graceful stop: with its database gone the server would wait for ever.
const stopSecondsMax = 5

func main() {
	port := flag.Int("port", 7233, "gRPC frontend on loopback; every other port is chosen by the system")
	uiPort := flag.Int("ui-port", 8233, "web UI on loopback, 0 = none")
	store := flag.String("store-database", "bark_temporal", "database for histories and tasks")
	visibility := flag.String("visibility-database", "bark_temporal_visibility", "database for lists and searches")
	logLevel := flag.String("log-level", "error", "debug, info, warn, error")
	parentPipe := flag.Bool("parent-pipe", false, "end when standard input ends, so that no server outlives its parent")
	var overrides list
	flag.Var(&overrides, "dynamic", "dynamic config key=value, repeatable")
	flag.Parse()

	// In the environment and not a flag: the URL holds a password, and flags show in the process list.
	postgres := os.Getenv("TEMPORAL_POSTGRES_URL")
	if postgres == "" {
		log.Fatal("TEMPORAL_POSTGRES_URL is not set: postgres://user:password@host:port/")
	}

	stop := make(chan any, 1)
	go endOnSignal(stop)
	if *parentPipe {
		go endWithParent(stop)
	}

	address := fmt.Sprintf("127.0.0.1:%d", *port)
	stores := [2]*config.SQL{openStore(postgres, *store, "temporal"), openStore(postgres, *visibility, "visibility")}
	forgetDeadMembers(postgres, *store)
	server, err := temporal.NewServer(
		temporal.WithConfig(serverConfig(address, *port, stores[0], stores[1])),
		temporal.ForServices(temporal.DefaultServices),
		temporal.WithLogger(tlog.NewZapLogger(tlog.BuildZapLogger(tlog.Config{Stdout: true, Level: *logLevel}))),
		temporal.WithDynamicConfigClient(dynamicConfig(overrides)),
		temporal.InterruptOn(stop))
	must(err)
	if *uiPort > 0 {
		ui := uiserver.NewServer(uioptions.WithConfigProvider(&uiconfig.Config{
			Host: "127.0.0.1", Port: *uiPort, TemporalGRPCAddress: address, EnableUI: true, DefaultNamespace: "default",
			DisableNewsFetch: true, CORS: uiconfig.CORS{CookieInsecure: true}}))
		go func() { must(ui.Start()) }()
	}
	must(server.Start()) // until stopped
}

func serverConfig(address string, port int, store, visibility *config.SQL) *config.Config {
	return &config.Config{
		Global: config.Global{Membership: config.Membership{MaxJoinDuration: 30 * time.Second, BroadcastAddress: "127.0.0.1"}},
		Persistence: config.Persistence{DefaultStore: "store", VisibilityStore: "visibility", NumHistoryShards: historyShards,
			DataStores: map[string]config.DataStore{"store": {SQL: store}, "visibility": {SQL: visibility}}},
		ClusterMetadata: &cluster.Config{FailoverVersionIncrement: 10, MasterClusterName: "active", CurrentClusterName: "active",
			ClusterInformation: map[string]cluster.ClusterInformation{"active": {Enabled: true, InitialFailoverVersion: 1, RPCAddress: address}}},
		DCRedirectionPolicy: config.DCRedirectionPolicy{Policy: "noop"},
		Services: map[string]config.Service{
			"frontend": service(port), "history": service(freePort()), "matching": service(freePort()), "worker": service(freePort())},
		Archival:     config.Archival{History: config.HistoryArchival{State: "disabled"}, Visibility: config.VisibilityArchival{State: "disabled"}},
		PublicClient: config.PublicClient{HostPort: address},
		NamespaceDefaults: config.NamespaceDefaults{Archival: config.ArchivalNamespaceDefaults{
			History: config.HistoryArchivalNamespaceDefaults{State: "disabled"}, Visibility: config.VisibilityArchivalNamespaceDefaults{State: "disabled"}}},
	}
}

func service(port int) config.Service {
	return config.Service{RPC: config.RPC{GRPCPort: port, MembershipPort: freePort(), BindOnLocalHost: true}}
}

// freePort finds a port for the parts to talk to each other, so that two servers on one machine never
// meet. The membership table keeps ports in 16 bits with a sign, so the system's own choice (from
// 32768) does not fit.
func freePort() int {
	for tries := 0; tries < 200; tries++ {
		port := 20000 + rand.IntN(12768)
		if listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			must(listener.Close())
			return port
		}
	}
	log.Fatal("no port from 20000 to 32767 is free on 127.0.0.1")
	return 0
}

func endOnSignal(stop chan<- any) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	end(stop, <-signals)
}

// endWithParent waits for the end of standard input, which the parent holds open as long as it lives.
func endWithParent(stop chan<- any) {
	_, err := io.Copy(io.Discard, os.Stdin)
	end(stop, fmt.Sprintf("standard input ended: %v", err))
}

func end(stop chan<- any, reason any) {
	time.AfterFunc(stopSecondsMax*time.Second, func() { os.Exit(0) })
	stop <- reason
}

type list []string

func (l *list) String() string     { return "" }
func (l *list) Set(s string) error { *l = append(*l, s); return nil }

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
