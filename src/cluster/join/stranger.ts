//! The node's side of joining: hosts that have no certificate yet may say one line each.

import type { TLSSocket } from 'node:tls'
import { isJoinRequest, LINE_MAX, type JoinAnswer, type JoinRequest } from './messages.ts'

const PATIENCE_MS = 15_000
/** At once: nobody has proved anything. */
const STRANGERS_MAX = 16

export type Admit = (request: JoinRequest) => Promise<JoinAnswer>

export class Strangers {
  readonly #admit: Admit
  #present = 0

  constructor(admit: Admit) {
    this.#admit = admit
  }

  readonly take = (socket: TLSSocket): void => {
    if (this.#present >= STRANGERS_MAX) return void socket.destroy()
    this.#present++
    let heard = ''
    let isAsking = false
    // In all: one that says a byte now and then does not stay.
    const patience = setTimeout(() => socket.destroy(), PATIENCE_MS)
    // Whatever ends it, the host that asked is told by the end of the connection.
    socket.on('error', () => socket.destroy())
    socket.on('close', () => {
      clearTimeout(patience)
      this.#present--
    })
    socket.setEncoding('utf8')
    socket.on('data', (text: string) => {
      heard += text
      if (heard.length > LINE_MAX) return void socket.destroy()
      const end = heard.indexOf('\n')
      if (end === -1 || isAsking) return
      isAsking = true
      void this.#answer(socket, heard.slice(0, end))
    })
  }

  async #answer(socket: TLSSocket, line: string): Promise<void> {
    const request = parsed(line)
    const answer: JoinAnswer =
      request === undefined
        ? { kind: 'refused', why: 'it asks in a way that this release does not know' }
        : await this.#admit(request)
    socket.end(`${JSON.stringify(answer)}\n`)
  }
}

function parsed(line: string): JoinRequest | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return isJoinRequest(value) ? value : undefined
  } catch {
    return undefined // told to the host, see above
  }
}
