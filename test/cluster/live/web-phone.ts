//! A phone over WebSocket in a namespace of its own: `ws-phone.ts` as a child.

import type { ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import type { LanHost } from '../../harness/lan.ts'
import type { WsPhoneState } from '../../harness/ws-phone.ts'

const PROGRAM = join(import.meta.dirname, '..', '..', 'harness', 'ws-phone.ts')

export class WebPhone {
  /** What it said last. */
  state: WsPhoneState | undefined
  readonly #child: ChildProcess
  #said = ''

  constructor(at: LanHost, url: string, user: string, password: string) {
    const child = at.spawn(process.execPath, PROGRAM, url, user, password, at.address)
    child.stdout?.on('data', (piece: Buffer) => this.#take(piece.toString()))
    this.#child = child
  }

  tell(line: string): void {
    this.#child.stdin?.write(`${line}\n`)
  }

  /** The call that began last. */
  get call(): WsPhoneState['calls'][number] | undefined {
    return this.state?.calls.at(-1)
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('close', resolve))
    this.#child.kill('SIGTERM')
    await ended
  }

  #take(piece: string): void {
    const lines = (this.#said + piece).split('\n')
    this.#said = lines.pop() ?? ''
    const last = lines.at(-1)
    if (last !== undefined) this.state = JSON.parse(last) as WsPhoneState
  }
}
