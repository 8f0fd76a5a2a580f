//! A program that is to run as long as we do: started again when it ends, later each time, and told
//! to end with us.
//!
//!     starting ──runs──> running ──ends──> waiting ──backoff──> starting
//!         └──no such program──> absent ──a minute──> starting

import { type ChildProcess, spawn } from 'node:child_process'
import type { Cancel, Host } from '../base/host.ts'
import { after, millis, type WallTime } from '../base/time.ts'

export type ChildParts = {
  readonly host: Host
  readonly command: string
  readonly args: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  /** Both streams, line by line. */
  readonly onLine: (line: string) => void
  /** Whenever `status` has changed. */
  readonly onChanged: (status: ChildStatus) => void
  readonly times?: ChildTimes
}

export type ChildTimes = {
  /** Milliseconds: before the first restart, doubled for each one after it. */
  readonly first: number
  readonly most: number
  /** Who has run for so long begins with `first` again. */
  readonly settled: number
  /** Until one is looked for again that was not there. */
  readonly absent: number
}
const TIMES: ChildTimes = { first: 1_000, most: 300_000, settled: 60_000, absent: 60_000 }

export type ChildStatus = {
  readonly state: 'running' | 'waiting' | 'absent' | 'stopped'
  readonly since: WallTime
  readonly pid: number | undefined
  readonly restarts: number
  /** Of the last end. */
  readonly why: string | undefined
}

/** Of a line; the rest of a longer one is left out. */
const LINE_MAX = 1_000

export class Child {
  readonly #parts: ChildParts
  readonly #times: ChildTimes
  #child: ChildProcess | undefined
  #status: ChildStatus
  #failures = 0
  #unwake: Cancel | undefined
  #ended: Promise<void> = Promise.resolve()
  readonly #onExit = (): void => void this.#child?.kill('SIGKILL')

  constructor(parts: ChildParts) {
    this.#parts = parts
    this.#times = parts.times ?? TIMES
    const since = parts.host.wall()
    this.#status = { state: 'waiting', since, pid: undefined, restarts: 0, why: undefined }
    process.once('exit', this.#onExit)
    this.#start()
  }

  get status(): ChildStatus {
    return this.#status
  }

  /** Asks it to end, and after `graceMs` makes it. Resolves when it is gone. */
  async stop(graceMs: number): Promise<void> {
    process.off('exit', this.#onExit)
    this.#unwake?.()
    this.#tell({ state: 'stopped' })
    const child = this.#child
    if (child === undefined) return
    child.kill('SIGTERM')
    const late = setTimeout(() => child.kill('SIGKILL'), graceMs)
    await this.#ended
    clearTimeout(late)
  }

  #start(): void {
    const { host, command, args, environment } = this.#parts
    const began = host.now()
    const child = spawn(command, args, { env: environment, stdio: ['ignore', 'pipe', 'pipe'] })
    this.#child = child
    const ended = Promise.withResolvers<void>()
    this.#ended = ended.promise
    child.once('spawn', () => this.#tell({ state: 'running', pid: child.pid, why: undefined }))
    for (const stream of [child.stdout, child.stderr]) eachLine(stream, this.#parts.onLine)
    const over = (state: 'waiting' | 'absent', why: string): void => {
      if (this.#child !== child) return
      this.#child = undefined
      ended.resolve()
      if (this.#status.state === 'stopped') return
      if (host.now() - began >= this.#times.settled) this.#failures = 0
      this.#tell({ state, pid: undefined, why })
      this.#again(state === 'absent' ? this.#times.absent : this.#backoff())
    }
    child.once('error', (error) => {
      const isAbsent = 'code' in error && error.code === 'ENOENT'
      over(isAbsent ? 'absent' : 'waiting', error.message)
    })
    child.once('close', (code, signal) => over('waiting', `it ended with ${signal ?? code}`))
  }

  #again(ms: number): void {
    const { host } = this.#parts
    this.#unwake = host.wake(after(host.now(), millis(ms)), () => {
      this.#status = { ...this.#status, restarts: this.#status.restarts + 1 }
      this.#start()
    })
  }

  #backoff(): number {
    return Math.min(this.#times.most, this.#times.first * 2 ** Math.min(this.#failures++, 20))
  }

  #tell(change: Partial<ChildStatus>): void {
    this.#status = { ...this.#status, since: this.#parts.host.wall(), ...change }
    this.#parts.onChanged(this.#status)
  }
}

/** However much comes without a line end, no more than a line of it is kept. */
function eachLine(stream: NodeJS.ReadableStream, onLine: (line: string) => void): void {
  let rest = ''
  stream.setEncoding('utf8')
  stream.on('data', (piece: string) => {
    const lines = (rest + piece).split('\n')
    rest = (lines.pop() ?? '').slice(0, LINE_MAX)
    for (const line of lines) if (line.trim() !== '') onLine(line.trimEnd().slice(0, LINE_MAX))
  })
}
