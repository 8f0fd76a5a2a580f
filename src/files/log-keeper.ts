//! The log of the node that serves, as files: when the node is lost, the others have it but for its
//! last seconds. What is logged while nobody serves here waits, up to a bound.

import type { Cancel, Host } from '../base/host.ts'
import { after, millis, type Millis } from '../base/time.ts'
import type { Files, FileWriter } from './files.ts'

const FLUSH_EVERY = millis(5_000)
/** Lines that wait, in bytes; those that come then are left out, and counted. */
const WAITING_MAX = 4 << 20
/** Of one file. */
const SIZE_MAX = 8 << 20
const CHUNKS_MAX = 64
/** Of all nodes' together; the oldest go. */
const KEPT_BYTES = 256 << 20
const KEPT_FILES = 1_000
export const LOGS = 'log/'

type Period = { readonly files: Files; readonly node: string; readonly host: Host }

export class LogKeeper {
  readonly #every: Millis
  #lines: string[] = []
  #bytes = 0
  #leftOut = 0
  #period: Period | undefined
  #writer: FileWriter | undefined
  #unwake: Cancel | undefined
  #flushing: Promise<void> = Promise.resolve()

  constructor(every: Millis = FLUSH_EVERY) {
    this.#every = every
  }

  /** A line, with its end. */
  readonly take = (line: string): void => {
    if (this.#bytes + line.length > WAITING_MAX) return void this.#leftOut++
    this.#lines.push(line)
    this.#bytes += line.length
  }

  /** This node serves: from now on what is taken is written. */
  begin(period: Period): void {
    this.#period = period
    this.#later()
  }

  /** It serves no more. Another may have taken over already, and then nothing can be written. */
  async end(how: 'seal' | 'abandon'): Promise<void> {
    this.#unwake?.()
    if (how === 'seal') {
      await this.#flushing
      await this.#guarded(true)
    }
    this.#period = undefined
    this.#writer = undefined
  }

  #later(): void {
    const period = this.#period
    if (period === undefined) return
    const { host } = period
    this.#unwake = host.wake(after(host.now(), this.#every), () => {
      this.#flushing = this.#guarded(false)
      void this.#flushing.then(() => this.#later())
    })
  }

  /** The log goes on where it always goes; that this copy does not is told there. */
  async #guarded(isLast: boolean): Promise<void> {
    const log = this.#period?.host.log
    try {
      await this.#flush(isLast)
    } catch (error) {
      log?.('warn', 'log.not-kept', { why: String(error) })
    }
  }

  async #flush(isLast: boolean): Promise<void> {
    const period = this.#period
    if (period === undefined || (this.#lines.length === 0 && !isLast)) return
    const { files, node, host } = period
    if (this.#leftOut > 0) host.log('warn', 'log.lines-not-kept', { lines: this.#leftOut })
    this.#leftOut = 0
    const text = this.#lines.splice(0).join('')
    this.#bytes = 0
    const began = new Date(host.wall()).toISOString()
    this.#writer ??= files.create(`${LOGS}${node}/${began}`)
    const writer = this.#writer
    writer.append(Buffer.from(text))
    const isFull = writer.size + writer.pending > SIZE_MAX || writer.chunks >= CHUNKS_MAX
    const done = isFull || isLast ? await writer.seal() : await writer.flush()
    // What was not acknowledged stays with the writer, and goes with the next flush.
    if (!done.ok) throw new Error(done.error.kind)
    if (!isFull) return
    this.#writer = undefined
    await prune(files)
  }
}

async function prune(files: Files): Promise<void> {
  const all = files.list(LOGS).toReversed()
  let bytes = 0
  const old = all.filter(({ size }, place) => (bytes += size) > KEPT_BYTES || place >= KEPT_FILES)
  if (old.length > 0) await files.remove(old.map(({ name }) => name))
}
