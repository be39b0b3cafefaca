#include "domed/plugin.h"
#include "host_collector.h"

DOMED_PLUGIN(Collector, domed::host::HostCollector)
