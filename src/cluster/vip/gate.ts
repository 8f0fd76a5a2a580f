//! The gate before the virtual address, kept by the kernel (DESIGN §6, ADR 9): shut unless this
//! node has a lease, whatever becomes of this process. One `nft -i` stays: starting it costs 20 ms.
//!
//!     shut ──pend──> pending ──open──> open ──renew──> open
//!      ^                |                |
//!      +── expired, or closed ───────────+      what rests on something expired fails

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import * as nft from './rules.ts'

/** What ends an answer: the table that `LOOK` prints ends so, at the beginning of a line. */
const ANSWER_END = '\n}\n'
const PATIENCE_MS = 2_000

/** Of a program that the lease rests on: its process, undefined when there is none. */
export type OnStarted = (pid: number | undefined) => void

export type GateFault = { readonly kind: 'no-nft' | 'refused' | 'silent'; readonly why: string }

type Waiting = {
  readonly settle: (answer: string | GateFault) => void
  readonly timer: NodeJS.Timeout
}

export class Gate {
  readonly #address: string
  readonly #child: ChildProcessWithoutNullStreams
  #heard = ''
  readonly #waiting: Waiting[] = []

  private constructor(address: string, child: ChildProcessWithoutNullStreams) {
    this.#address = address
    this.#child = child
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => this.#hear(text))
    const ended = (why: string): void => {
      for (const { settle, timer } of this.#waiting.splice(0)) {
        clearTimeout(timer)
        settle({ kind: 'no-nft', why })
      }
    }
    child.on('error', (error) => ended(error.message))
    child.on('exit', (code) => ended(`nft ended with ${code}`))
    // A write after its end: the exit says the rest.
    child.stdin.on('error', () => {})
  }

  /** Puts the rules in place, shut. `address`: IPv4. `onStarted` is told nft's process. */
  static async prepare(address: string, onStarted: OnStarted): Promise<Gate | GateFault> {
    // Errors among the answers, in their order.
    const child = spawn('sh', ['-c', 'exec nft -i 2>&1'], { stdio: 'pipe' })
    onStarted(child.pid)
    const gate = new Gate(address, child)
    const answer = await gate.#tell(nft.rules(address))
    return typeof answer === 'object' ? answer : gate
  }

  /** True when from now on, for so long, it may be opened. */
  pend(timeoutMs: number): Promise<boolean> {
    return this.#did(nft.pend(this.#address, timeoutMs))
  }

  /** False when `pend` has expired, or was never asked. */
  open(timeoutMs: number): Promise<boolean> {
    return this.#did(nft.open(this.#address, timeoutMs))
  }

  /** False when it was not open any more: it is shut, and somebody else may have the address. */
  renew(timeoutMs: number): Promise<boolean> {
    return this.#did(nft.renew(this.#address, timeoutMs))
  }

  close(): Promise<boolean> {
    return this.#did(nft.close())
  }

  /** Milliseconds for which it is still open; 0 when it is shut. */
  async openFor(): Promise<number> {
    const answer = await this.#ask('')
    return typeof answer === 'string' ? nft.openFor(answer) : 0
  }

  /** Lets go of nft; the rules stay, and what is open shuts by itself. */
  stop(): void {
    this.#child.stdin.end()
  }

  async #did(command: string): Promise<boolean> {
    return typeof (await this.#tell(command)) === 'string'
  }

  async #tell(command: string): Promise<string | GateFault> {
    const answer = await this.#ask(`${command}\n`)
    if (typeof answer !== 'string') return answer
    const error = /^Error: (.*)$/m.exec(answer)?.[1]
    return error === undefined ? answer : { kind: 'refused', why: error }
  }

  #ask(command: string): Promise<string | GateFault> {
    return new Promise((settle) => {
      const timer = setTimeout(() => {
        settle({ kind: 'silent', why: `nft did not answer within ${PATIENCE_MS} ms` })
      }, PATIENCE_MS)
      this.#waiting.push({ settle, timer })
      this.#child.stdin.write(`${command}${nft.LOOK}\n`)
    })
  }

  #hear(text: string): void {
    this.#heard += text
    for (
      let end = this.#heard.indexOf(ANSWER_END);
      end !== -1;
      end = this.#heard.indexOf(ANSWER_END)
    ) {
      const answer = this.#heard.slice(0, end + ANSWER_END.length)
      this.#heard = this.#heard.slice(end + ANSWER_END.length)
      const waiting = this.#waiting.shift()
      if (waiting === undefined) continue
      clearTimeout(waiting.timer)
      waiting.settle(answer)
    }
  }
}
