//! Leadership, handed to another node: asked for, and looked whether it came to that.

import { setTimeout as sleep } from 'node:timers/promises'
import type * as api from '../console/api/shapes.ts'
import { type Client, TokenRefused } from './client.ts'
import { CliFailure } from './errors.ts'

/** Who is not elected when asked to leaves it to an election, and that takes a second or two. */
const PATIENCE_MS = 10_000
const LOOK_EVERY_MS = 200
const SEE = 'see pbx status, and the logs of both'

/** Who leads afterwards. Throws when nothing came of it. */
export async function transferLeadership(
  client: Client,
  to: string | undefined,
): Promise<{ readonly leader: string }> {
  const before = await clusterOf(client)
  const wanted = before?.members.find(
    ({ id, name }) => id === to || name.toLowerCase() === to?.toLowerCase(),
  )
  const other = to ?? 'another node'
  await client.call('POST', '/cluster/transfer', { to })
  let last: string | undefined
  const until = performance.now() + PATIENCE_MS
  while (performance.now() < until) {
    await sleep(LOOK_EVERY_MS)
    const { leader, term } = (await clusterOf(client).catch(unlessClosed)) ?? {}
    last = leader
    if (leader === undefined || term === undefined || term === before?.term) continue
    if (to === undefined ? leader !== before?.node : leader === wanted?.id) return { leader }
    throw new CliFailure(`${other} was not elected, ${leader} leads: ${SEE}`)
  }
  const late = `${other} was not elected within ${PATIENCE_MS / 1_000} s`
  throw new CliFailure(`${late}, ${last ?? 'nobody'} leads: ${SEE}`)
}

/** Its doors are others when it serves no more; at the virtual address it is another node. */
function unlessClosed(failure: unknown): undefined {
  if (failure instanceof TokenRefused)
    throw new CliFailure(`another node answers there now: run pbx status on a host of the cluster`)
  if (!(failure instanceof CliFailure)) throw failure
}

async function clusterOf(client: Client): Promise<api.ClusterView | undefined> {
  return (await client.call<Partial<api.Status>>('GET', '/status')).cluster
}
