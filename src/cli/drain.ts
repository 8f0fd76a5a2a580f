//! `pbx drain`: asks for it, and waits until this host has nothing to do any more.

import { setTimeout as sleep } from 'node:timers/promises'
import type * as api from '../console/api/shapes.ts'
import { Client } from './client.ts'
import { CliFailure } from './errors.ts'
import type { Target } from './invocation.ts'
import { grouped } from './table.ts'
import type { Terminal } from './terminal.ts'

const LOOK_EVERY_MS = 500
/** What serves goes and what stands by comes: nobody answers for a moment. */
const SILENT_MAX_MS = 20_000

type Asked = { readonly isForced: boolean; readonly target: Target; readonly json: boolean }

export async function drain(asked: Asked, terminal: Terminal): Promise<number> {
  await new Client(asked.target).call('PUT', '/drain', { force: asked.isForced })
  const say = (text: string): void => {
    if (!asked.json) terminal.out(`${text}\n`)
  }
  say('this host takes no new calls; Ctrl-C stops waiting, pbx undrain takes it back')
  let trouble: string | undefined
  for (let before = -1; ;) {
    const { cluster, calls, health } = await statusOf(asked.target)
    const detail = health.checks.find(({ name }) => name === 'cluster')?.detail
    if (detail !== undefined && detail !== trouble) say(detail)
    trouble = detail
    // Whoever leads and cannot serve here has not been taken over from.
    const server = cluster?.leader === cluster?.node ? undefined : cluster?.leader
    if (server !== undefined || (calls === 0 && isEnd(cluster, asked))) {
      const told = { drained: true, ...(server === undefined ? {} : { servedBy: server }) }
      if (asked.json) terminal.out(`${JSON.stringify(told, undefined, 2)}\n`)
      say(server === undefined ? 'no calls are left' : `${server} serves`)
      return 0
    }
    if (calls !== before) say(`${grouped(calls)} ${calls === 1 ? 'call is' : 'calls are'} left`)
    before = calls
    await sleep(LOOK_EVERY_MS)
  }
}

export function undrainedText(): string {
  return 'this host takes calls again\n'
}

/** Without calls: nothing more to wait for, unless another node is about to take over. */
function isEnd(cluster: api.ClusterView | undefined, { isForced }: Asked): boolean {
  return cluster === undefined || isForced
}

async function statusOf(target: Target): Promise<api.Status> {
  const until = performance.now() + SILENT_MAX_MS
  for (;;) {
    try {
      return await new Client(target).call<api.Status>('GET', '/status')
    } catch (failure) {
      if (!(failure instanceof CliFailure) || performance.now() > until) throw failure
      await sleep(LOOK_EVERY_MS)
    }
  }
}
