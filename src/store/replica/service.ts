//! A replica in a thread of its own, and who asks it. Whatever has come in since the last commit
//! makes the next one: the longer the disk takes, the more commands share its fsync. And when much
//! is asked of it, it waits a little of its own accord: pages that the next commands would change
//! again are written once.

import type { MessagePort } from 'node:worker_threads'
import { faultOf } from '../errors.ts'
import type { OpenReplica } from './open-replica.ts'
import type { FromReplica, Outcomes, Proposal, ToReplica } from './protocol.ts'

/** Rows in one transaction, about: some 20 ms, for which the next one waits. */
const BATCH_WEIGHT = 1_000
/** From the begin of one commit to that of the next. Who comes after a rest does not wait. */
const GAP_MS = 5

export class ReplicaService {
  readonly #port: MessagePort
  readonly #directory: string
  readonly #waiting: Proposal[] = []
  #opened: OpenReplica | undefined
  #scheduled = false
  #closing = false
  #nextAt = 0

  constructor(port: MessagePort, directory: string) {
    this.#port = port
    this.#directory = directory
  }

  /** What it opens is served from now on. */
  serve(open: () => OpenReplica): OpenReplica | undefined {
    this.#opened = this.orEnd(open)
    if (this.#opened === undefined) return undefined
    this.#port.on('message', (message: ToReplica) => {
      if (message.kind === 'close') this.#closing = true
      else for (const proposal of message.proposals) this.#waiting.push(proposal)
      this.#schedule()
    })
    this.#say({ kind: 'opened' })
    return this.#opened
  }

  tell(outcomes: Outcomes): void {
    this.#say({ kind: 'outcomes', outcomes })
  }

  /** What `work` returns; undefined after a fault, which is told, and then this thread is over. */
  orEnd<T>(work: () => T): T | undefined {
    try {
      return work()
    } catch (error) {
      return this.fail(error)
    }
  }

  fail(error: unknown): undefined {
    const { code, message } = faultOf(error, this.#directory)
    this.#say({ kind: 'fault', code, message })
    this.#port.close()
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    const rest = this.#closing ? 0 : this.#nextAt - performance.now()
    const commit = (): void => this.#commit()
    if (rest > 0) setTimeout(commit, rest)
    // After the messages that are there already: they share the commit.
    else setImmediate(commit)
  }

  #commit(): void {
    this.#scheduled = false
    this.#nextAt = performance.now() + GAP_MS
    const batch = this.#waiting.splice(0, batchLength(this.#waiting))
    const done = this.orEnd(() => {
      this.#opened?.replica.propose(batch)
      return true
    })
    if (done === undefined) return
    if (this.#waiting.length > 0) this.#schedule()
    else if (this.#closing) this.#end()
  }

  #end(): void {
    this.orEnd(() => this.#opened?.close())
    this.#say({ kind: 'closed' })
    this.#port.close()
  }

  #say(message: FromReplica): void {
    this.#port.postMessage(message)
  }
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
