//! What every page and every API operation of the console works with.

import type { Host } from '../base/host.ts'
import type { Backups } from '../backup/backups.ts'
import type { Files } from '../files/files.ts'
import type { Cluster } from '../cluster/cluster.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { Store } from '../store/store.ts'
import type { Access } from './access.ts'
import type { DrainControl } from './drain-control.ts'
import type { SystemView } from './system-view.ts'

export type ConsoleContext = {
  readonly host: Host
  readonly store: Store
  readonly view: SystemView
  readonly metrics: Metrics
  readonly access: Access
  readonly backups: Backups
  readonly files: Files
  /** Name of this server. */
  readonly name: string
  readonly version: string
  /** Known once the doors are open. */
  readonly httpsPort: () => number
  /** Undefined of a system that is alone. */
  readonly cluster: Cluster | undefined
  readonly drain: DrainControl
  /** Of a backup that stands still on its way; a minute where it is left out. */
  readonly patienceMs?: number
}
