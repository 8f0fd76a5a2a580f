//! `DATA/cluster`: what a node of a cluster has to know before its store opens. Made by
//! `pbx cluster init` and `pbx cluster join`; without it a system is alone.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { NodeId } from '../control/ids.ts'
import { readPrivately, writePrivately } from './files.ts'
import type { Identity } from '../x509/issue.ts'

/** For the other nodes, and for servers. */
export const PEER_PORT = 7480

export type Peer = {
  readonly id: NodeId
  readonly name: string
  readonly host: string
  readonly port: number
}

export type VipSettings = {
  /** One of IPv4, one of IPv6, or both; the first is the one that is shown. */
  readonly addresses: readonly VirtualAddress[]
  readonly interface: string
}

/** Numeric, as the kernel writes it; bits of its network. */
export type VirtualAddress = { readonly address: string; readonly prefix: number }

/** `fast` wants hosts that are never held up for long: `TIMINGS` in `timings.ts`. */
export type TimingName = 'default' | 'fast'

export type ClusterSettings = {
  /** How the others know this node. */
  readonly self: Peer
  /** That were there when this one joined; the store knows those of now. None for the first. */
  readonly peers: readonly Peer[]
  readonly vip: VipSettings | undefined
  readonly timing: TimingName
  /**
   * It has not run yet. Afterwards it has made promises, and without its database it would break
   * them.
   */
  readonly isNew: boolean
}

export type ClusterFiles = {
  readonly settings: ClusterSettings
  /** Of this node. */
  readonly identity: Identity
  /** Signs for nodes: every call manager has it, so that any of them can admit another. */
  readonly authority: Identity
}

const NAMES = {
  settings: 'cluster.json',
  certificate: 'node.pem',
  key: 'node.key',
  authority: 'authority.pem',
  authorityKey: 'authority.key',
} as const

/** From now on it counts on its database. */
export function settled(data: string, files: ClusterFiles): void {
  if (files.settings.isNew)
    writeCluster(data, { ...files, settings: { ...files.settings, isNew: false } })
}

/** What is there is of no use: this node cannot run. Its message says how to mend it. */
export class ClusterFault extends Error {
  override readonly name = 'ClusterFault'
  readonly exitCode = 2
}

/** Undefined when this node is in no cluster. Throws a `ClusterFault`. */
export function readCluster(data: string): ClusterFiles | undefined {
  if (!isInCluster(data)) return undefined
  const decode = (read: (file: string) => string): ClusterFiles => ({
    settings: JSON.parse(read(NAMES.settings)) as ClusterSettings,
    identity: { certificate: read(NAMES.certificate), key: read(NAMES.key) },
    authority: { certificate: read(NAMES.authority), key: read(NAMES.authorityKey) },
  })
  const mend = 'restore it, or remove this node elsewhere and join anew'
  return readPrivately(data, 'cluster', decode, (why) => new ClusterFault(`${why}: ${mend}`))
}

export function isInCluster(data: string): boolean {
  return existsSync(join(data, 'cluster', NAMES.settings))
}

/** The settings come last: without them nothing else counts. */
export function writeCluster(data: string, files: ClusterFiles): void {
  const { settings, identity, authority } = files
  writePrivately(data, 'cluster', [
    [NAMES.certificate, identity.certificate],
    [NAMES.key, identity.key],
    [NAMES.authority, authority.certificate],
    [NAMES.authorityKey, authority.key],
    [NAMES.settings, `${JSON.stringify(settings, undefined, 2)}\n`],
  ])
}
