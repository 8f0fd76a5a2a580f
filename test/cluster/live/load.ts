//! SIPp on the LAN: a few calls a second all the time, each of some seconds, and whether each that
//! was answered has left one call record.

import type { ChildProcess } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { LanHost } from '../../harness/lan.ts'
import type { CdrView } from '../../../src/console/api/shapes.ts'
import type { Trio } from './trio.ts'

const HERE = join(import.meta.dirname, 'sipp')
const REGISTER = join(import.meta.dirname, '..', '..', 'interop', 'sipp', 'register.xml')
const PAIRS = 30
const FIRST = 3_000
const PASSWORD = 'sekret-enough'
const CALLS_A_SECOND = 4
const PORT = 5070
/** A call of which nothing is heard any more. */
const RECEIVE_TIMEOUT_MS = 40_000
const END_PATIENCE_MS = 90_000
/** From the last takeover 30 s until a phone that is gone is asked, and 32 until it is missed. */
const RECORDS_PATIENCE_MS = 120_000

export class Load {
  readonly #trio: Trio
  readonly #callers: LanHost
  readonly #callees: LanHost
  readonly #running: ChildProcess[] = []
  readonly #directory: string
  readonly #log: string

  private constructor(trio: Trio, directory: string) {
    this.#trio = trio
    this.#directory = directory
    this.#callers = trio.lan.host('callers', 50)
    this.#callees = trio.lan.host('callees', 51)
    this.#log = join(directory, 'sipp-calls.log')
  }

  /** `directory`: for what it logs. */
  static async begin(trio: Trio, directory: string): Promise<Load> {
    const load = new Load(trio, directory)
    const users = Array.from({ length: PAIRS * 2 }, (_, place) => FIRST + place)
    await trio.importUsers(users.map((user) => `pbx.example,${user},${PASSWORD}`).join('\n'))
    await load.#register(users.slice(PAIRS))
    const calls = load.#file('callers', users.slice(0, PAIRS), (user) => String(user + PAIRS))
    const pace = [
      '-r',
      String(CALLS_A_SECOND),
      '-l',
      '200',
      '-recv_timeout',
      String(RECEIVE_TIMEOUT_MS),
    ]
    const logged = ['-trace_logs', '-log_file', load.#log]
    load.#start(load.#callees, 'answer-on', ['-p', String(PORT)])
    load.#start(load.#callers, 'call-on', ['-inf', calls, ...pace, ...logged])
    return load
  }

  /** Once all have ended: which of those that were answered have no record, or more than one. */
  async end(records: () => Promise<readonly CdrView[]>): Promise<Counted> {
    const [callees, callers] = this.#running
    // No new calls, and it ends with the last one.
    callers?.kill('SIGUSR1')
    await this.#trio.until(
      'SIPp has ended its calls',
      () => callers === undefined || callers.exitCode !== null || callers.signalCode !== null,
      END_PATIENCE_MS,
    )
    callees?.kill('SIGKILL')
    const lines = readFileSync(this.#log, 'utf8').split('\n')
    const named = (word: string): ReadonlySet<string> =>
      new Set(
        lines.flatMap((line) => (line.startsWith(`${word} `) ? [line.slice(word.length + 1)] : [])),
      )
    const count = async (): Promise<Counted> => counted(named('up'), named('over'), await records())
    // A record may follow its BYE's answer; a call that SIPp gave up ends when its phone is missed.
    const deadline = performance.now() + RECORDS_PATIENCE_MS
    let found = await count()
    while (found.wrong.length > 0 && performance.now() < deadline) {
      await sleep(500)
      found = await count()
    }
    return found
  }

  async #register(users: readonly number[]): Promise<void> {
    const file = this.#file('register', users, () => String(PORT))
    const child = this.#sipp(this.#callees, REGISTER, ['-inf', file, '-m', String(PAIRS)])
    const code = await new Promise((resolve) => child.once('close', resolve))
    if (code !== 0) throw new Error(`SIPp could not register: it ended with ${String(code)}`)
  }

  #start(host: LanHost, scenario: string, args: readonly string[]): void {
    const errors = ['-trace_err', '-error_file', join(this.#directory, `sipp-${scenario}.log`)]
    this.#running.push(this.#sipp(host, join(HERE, `${scenario}.xml`), [...args, ...errors]))
  }

  #sipp(host: LanHost, scenario: string, args: readonly string[]): ChildProcess {
    const at = ['-i', host.address, '-nostdin', '-sf', scenario]
    const child = host.spawn('sipp', `${this.#trio.vip}:5060`, ...at, ...args)
    // A screen a second: nobody reads it.
    for (const stream of [child.stdout, child.stderr]) stream?.resume()
    return child
  }

  #file(name: string, users: readonly number[], last: (user: number) => string): string {
    const file = join(this.#directory, `${name}.csv`)
    const login = (user: number): string => `[authentication username=${user} password=${PASSWORD}]`
    const lines = users.map((user) => `${user};${login(user)};${last(user)}`)
    writeFileSync(file, `SEQUENTIAL\n${lines.join('\n')}\n`)
    return file
  }
}

export type Counted = {
  readonly answered: number
  /** Hung up by the caller, and that was answered. */
  readonly over: number
  readonly wrong: readonly string[]
}

/** By the caller's Call-ID. */
export function counted(
  up: ReadonlySet<string>,
  over: ReadonlySet<string>,
  records: readonly Pick<CdrView, 'callerSipCallId' | 'status' | 'call'>[],
): Counted {
  const byCallId = Map.groupBy(records, ({ callerSipCallId }) => callerSipCallId)
  const wrong = [...byCallId].flatMap(([id, found]) =>
    found.length > 1 ? [`${found.length} records of ${id}`] : [],
  )
  for (const id of up) {
    const [record] = byCallId.get(id) ?? []
    if (record === undefined) wrong.push(`no record of ${id}, which was answered`)
    else if (record.status !== 200)
      wrong.push(`${id} was answered; its record says ${record.status}`)
  }
  return { answered: up.size, over: over.size, wrong }
}
