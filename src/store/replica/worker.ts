//! The replica's thread. Whatever has come in since the last commit makes the next one: the longer
//! the disk takes, the more commands share its fsync. And when much is asked of it, it waits a
//! little of its own accord: pages that the next commands would change again are written once.

import { assert } from '../../base/assert.ts'
import { parentPort, workerData } from 'node:worker_threads'
import { faultOf } from '../errors.ts'
import { openReplica, type OpenReplica } from './open-replica.ts'
import type { FromReplica, Proposal, ReplicaSettings, ToReplica } from './protocol.ts'

/** Rows in one transaction, about: some 20 ms, for which the next one waits. */
const BATCH_WEIGHT = 1_000
/** From the begin of one commit to that of the next. Who comes after a rest does not wait. */
const GAP_MS = 5

assert(parentPort !== null, 'the replica runs in a worker thread')
const port = parentPort
const { directory, addon } = workerData as ReplicaSettings

const opened = orEnd(() =>
  openReplica(
    directory,
    { addon },
    {
      onOutcomes: (outcomes) => say({ kind: 'outcomes', outcomes }),
      send: () => {},
      onFault: fail,
    },
  ),
)
if (opened !== undefined) serve(opened)

function serve({ replica, close }: OpenReplica): void {
  const waiting: Proposal[] = []
  let scheduled = false
  let closing = false
  let nextAt = 0

  const schedule = (): void => {
    if (scheduled) return
    scheduled = true
    const rest = closing ? 0 : nextAt - performance.now()
    if (rest > 0) setTimeout(commit, rest)
    // After the messages that are there already: they share the commit.
    else setImmediate(commit)
  }
  const commit = (): void => {
    scheduled = false
    nextAt = performance.now() + GAP_MS
    const batch = waiting.splice(0, batchLength(waiting))
    const done = orEnd(() => {
      replica.propose(batch)
      return true
    })
    if (done === undefined) return
    if (waiting.length > 0) schedule()
    else if (closing) end()
  }
  const end = (): void => {
    orEnd(close)
    say({ kind: 'closed' })
    port.close()
  }
  port.on('message', (message: ToReplica) => {
    if (message.kind === 'close') closing = true
    else for (const proposal of message.proposals) waiting.push(proposal)
    schedule()
  })
  say({ kind: 'opened' })
}

/** How many of those that wait make the next commit: at least one. */
function batchLength(waiting: readonly Proposal[]): number {
  let weight = 0
  for (const [index, { command }] of waiting.entries()) {
    weight += command?.kind === 'extension.import' ? command.rows.length : 1
    if (weight >= BATCH_WEIGHT) return index + 1
  }
  return waiting.length
}

/** What `work` returns; undefined after a fault, which is told, and then this thread is over. */
function orEnd<T>(work: () => T): T | undefined {
  try {
    return work()
  } catch (error) {
    return fail(error)
  }
}

function fail(error: unknown): undefined {
  const { code, message } = faultOf(error, directory)
  say({ kind: 'fault', code, message })
  port.close()
}

function say(message: FromReplica): void {
  port.postMessage(message)
}
