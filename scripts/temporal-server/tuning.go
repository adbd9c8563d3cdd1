package main

import (
	"strconv"
	"strings"

	"go.temporal.io/server/common/dynamicconfig"
)

// historyShards is fixed for the life of the data. One shard would put every workflow behind one lock.
const historyShards = 4

// dynamicConfig: one machine serves one product, so the limits that protect a shared cluster are lifted.
func dynamicConfig(overrides []string) dynamicconfig.StaticClient {
	settings := dynamicconfig.StaticClient{}
	set := func(key string, value any) { settings[dynamicconfig.MakeKey(key)] = value }

	// The default of 20 polls per second and shard costs an exact 50 ms per workflow task.
	for _, key := range []string{"history.transferProcessorMaxPollRPS", "history.timerProcessorMaxPollRPS", "history.visibilityProcessorMaxPollRPS",
		"frontend.namespaceRPS", "frontend.rps", "history.rps", "matching.rps",
		"frontend.persistenceMaxQPS", "history.persistenceMaxQPS", "matching.persistenceMaxQPS"} {
		set(key, 100000)
	}
	set("frontend.namespaceCount", 10000)

	// Partitions spread a task queue over machines; here they would only cost forwarding.
	set("matching.numTaskqueueReadPartitions", 1)
	set("matching.numTaskqueueWritePartitions", 1)

	set("matching.enableFairness", true) // one account's burst does not stand before the others
	set("frontend.WorkflowPauseEnabled", true)
	set("history.enableStandaloneActivityOperatorCommands", true)
	set("system.forceSearchAttributesCacheRefreshOnRead", true) // usable right after they are registered

	for _, override := range overrides {
		key, value, _ := strings.Cut(override, "=")
		if number, err := strconv.Atoi(value); err == nil {
			set(key, number)
		} else if truth, err := strconv.ParseBool(value); err == nil {
			set(key, truth)
		} else {
			set(key, value)
		}
	}
	return settings
}
