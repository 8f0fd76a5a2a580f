//! A node whose state is of no use any more joins anew, in the place of what it was: under its name
//! and at its address, with a new id, because what it had promised as a voter is lost with its log
//! (dissertation §4, §11). It has the authority's key, as every node, and so signs for itself.

import { existsSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { NodeId } from '../../control/ids.ts'
import { DATABASE } from '../../store/replica/open-replica.ts'
import { SCHEMA_VERSION } from '../../store/schema/schema.ts'
import { newKey } from '../../x509/issue.ts'
import { privateDirectory } from '../files.ts'
import { readCluster, type ClusterFiles, type Peer } from '../settings.ts'
import { APART_MAX } from './clock.ts'
import { ask, JoinFault, placeOf, tryWriting, writeNode, writing, type Place } from './ask.ts'
import { nodesIn } from './known-nodes.ts'
import { fingerprint, makeToken } from './token.ts'

/** Long enough for a group that is changing, by any clock that is near enough. */
const TOKEN_LIFE_MS = APART_MAX + 120_000
const IF_LOST = [
  'join one with pbx cluster join; if this host was a node, and has lost its data, first run',
  'pbx cluster remove NAME and pbx cluster token on the host that serves',
].join(' ')
/** Below the data directory: what the node had before, until the next time. */
export const SET_ASIDE = 'before-rejoin'

export type Rejoining = {
  readonly data: string
  /** Any other node, `HOST` or `HOST:PORT`; undefined: all that are known here are tried. */
  readonly at: string | undefined
  /** The native SQLite, where it is not found by itself. */
  readonly addon: string | undefined
}

export type Rejoined = { readonly before: NodeId; readonly self: Peer }

/** Of a node that is stopped. Rejects with a `JoinFault`, and then all is as it was here. */
export async function rejoinCluster({ data, at, addon }: Rejoining): Promise<Rejoined> {
  const files = readCluster(data)
  if (files === undefined) throw new JoinFault(`${data} is of no node of a cluster: ${IF_LOST}`)
  const { self } = files.settings
  const places = at === undefined ? known(data, files, addon) : [placeOf(at, self.port, '--at')]
  if (places.length === 0)
    throw new JoinFault('no other node is known here: name one with --at ADDRESS')
  tryWriting(data)
  const { key, publicKey } = newKey()
  const { host, port, name } = self
  const now = Date.now()
  const expires = now + TOKEN_LIFE_MS
  const by = { purpose: 'call-manager', replaces: self.id, host, port, expires } as const
  const token = makeToken(files.authority, by)
  const request = { token, name, host, port, publicKey, schema: SCHEMA_VERSION, now }
  const { answer } = await askAny(places, (place) =>
    ask(place, fingerprint(files.authority.certificate), () => request),
  )
  if (answer.kind !== 'welcome') throw new JoinFault('it makes a server of this host, not a node')
  const { welcome } = answer
  const next = { ...self, id: welcome.id }
  const authority = files.authority.certificate
  const device = files.settings.vip?.interface
  writing(data, 'mend that, and run pbx cluster rejoin again', () => {
    // First: without a database the old membership is refused, and this can be done again.
    setAside(data)
    writeNode(data, { welcome, self: next, interface: device, key, authority })
  })
  return { before: self.id, self: next }
}

/** The virtual address first: whoever leads is there. */
function known(data: string, files: ClusterFiles, addon: string | undefined): readonly Place[] {
  const { self, peers, vip } = files.settings
  const vips = vip?.addresses.map(({ address }) => ({ host: address, port: self.port })) ?? []
  const isOther = ({ host, port }: Place): boolean => host !== self.host || port !== self.port
  const all = [...vips, ...nodesHere(data, addon), ...peers].filter(isOther)
  return [...new Map(all.map(({ host, port }) => [`${host} ${port}`, { host, port }])).values()]
}

function nodesHere(data: string, addon: string | undefined): readonly Place[] {
  try {
    return nodesIn(data, addon)
  } catch {
    return [] // damaged, perhaps the very reason: those that are written elsewhere are tried
  }
}

/** The first that lets it in; else what they say. */
async function askAny<T>(places: readonly Place[], one: (place: Place) => Promise<T>): Promise<T> {
  const whys = new Set<string>()
  for (const place of places)
    try {
      return await one(place)
    } catch (fault) {
      if (!(fault instanceof JoinFault)) throw fault
      whys.add(fault.message)
    }
  throw new JoinFault([...whys].join('; '))
}

function setAside(data: string): void {
  // Nothing of a try before this one, whose database is kept.
  if (!existsSync(join(data, DATABASE))) return
  rmSync(join(data, SET_ASIDE), { recursive: true, force: true })
  const directory = privateDirectory(data, SET_ASIDE)
  // The database last: it counts with what is beside it.
  for (const name of [`${DATABASE}-wal`, `${DATABASE}-shm`, DATABASE])
    if (existsSync(join(data, name))) renameSync(join(data, name), join(directory, name))
}
