#include "domed/plugin.h"
#include "git_collector.h"

DOMED_PLUGIN(Collector, domed::git::GitCollector)
