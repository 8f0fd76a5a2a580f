//! Files, composed: the log of the node that serves is kept as files, on all nodes.

import { millis } from '../base/time.ts'
import type { Host } from '../base/host.ts'
import type { Cluster } from '../cluster/cluster.ts'
import type { Config } from '../config/config.ts'
import type { Files } from '../files/files.ts'
import type { LogKeeper } from '../files/log-keeper.ts'
import type { Metrics } from '../observe/metrics.ts'

export type KeepOptions = {
  readonly config: Config
  readonly host: Host
  readonly cluster: Cluster | undefined
  readonly metrics: Metrics
  readonly logs: LogKeeper
  readonly files: Files
}

const COLLECT_EVERY_MS = 60_000
const GRACE = millis(600_000)

/** From now on this node serves. */
export function keepLogs(options: KeepOptions): Pick<LogKeeper, 'end'> {
  const { config, host, cluster, metrics, logs, files } = options
  logs.begin({ files, host, node: config.name })
  metrics.gaugeBy('files_missing_chunks', 'Chunks not there yet, by node.', 'of', () => {
    const standings = [...(cluster?.files ?? [])]
    return Object.fromEntries(standings.map(([node, { missing }]) => [node, missing]))
  })
  // In a cluster the thread that fetches chunks does that.
  const collecting = cluster === undefined ? collectAlone(files, host) : undefined
  return {
    async end(how) {
      clearInterval(collecting)
      await logs.end(how)
    },
  }
}

function collectAlone(files: Files, { log }: Host): NodeJS.Timeout {
  const collect = (): void => {
    files.collect(GRACE).catch((error: unknown) => {
      log('error', 'files.failed', { why: String(error) })
    })
  }
  return setInterval(collect, COLLECT_EVERY_MS).unref()
}
