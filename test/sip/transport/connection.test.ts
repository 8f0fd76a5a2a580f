//! Golden scripts for one connection's bounds: an in-memory wire, and time that is told.

import { millis } from '../../../src/base/time.ts'
import { Headers } from '../../../src/sip/message/headers.ts'
import { request } from '../../../src/sip/message/message.ts'
import { callId } from '../../../src/sip/message/views.ts'
import type { FlowId, Target } from '../../../src/sip/transaction/flow.ts'
import { Admission } from '../../../src/sip/transport/admission.ts'
import { Connection } from '../../../src/sip/transport/connection.ts'
import { DEFAULT_LIMITS } from '../../../src/sip/transport/limits.ts'
import { walk, type Command } from '../../harness/datadriven.ts'

const LIMITS = { ...DEFAULT_LIMITS, queuedBytes: 1000, strangersPerSource: 2, perSource: 3 }

walk(new URL('testdata/connection', import.meta.url).pathname, () => {
  let now = millis(0)
  let lines: string[] = []
  const queue: number[] = []
  const admission = new Admission({ ...LIMITS, connections: 4 })
  const say = (line: string): void => void lines.push(`${now / 1000}s ${line}`)
  let connection: Connection | undefined

  function open(kind: string): Connection {
    const admitted = kind === 'accepted' ? admission.admit('192.0.2.1') : undefined
    const made = new Connection({
      flow: 'flow' as FlowId,
      dialled: kind === 'dialled',
      wire: {
        write: (bytes) => void queue.push(bytes.length),
        get queued() {
          return queue.reduce((sum, size) => sum + size, 0)
        },
        end: () => say('wire ends'),
        destroy: () => say('wire destroyed'),
      },
      events: {
        onMessage: () => say('message'),
        onHolds: () => undefined,
        onFailed: ({ cause, message, target }) =>
          say(`${message ? callId(message) : nameOf(target)} failed: ${cause}`),
        onClosed: (_connection, cause) => say(`closed: ${cause}`),
      },
      limits: LIMITS,
      now: () => now,
      admitted: typeof admitted === 'string' ? undefined : admitted,
      patience: LIMITS.connect,
    })
    return made
  }

  function opened(made: Connection): void {
    const ends = { address: '192.0.2.1', port: 5060, localAddress: '192.0.2.2', localPort: 5060 }
    made.opened({ flow: made.flow, transport: 'tcp', ...ends })
  }

  function run(command: Command, at: Connection): void {
    const [first = ''] = command.words
    switch (command.name) {
      case 'opened':
        return opened(at)
      case 'pings':
        return at.keepAlive({ send: () => say('ping'), mustAnswer: first === 'must' })
      case 'heard':
        return at.heard()
      case 'ponged':
        return at.ponged()
      case 'introduced':
        return at.admitted && admission.introduced(at.admitted)
      case 'unfinished':
        return at.holds(first === 'no' ? 0 : 100)
      case 'message':
        return at.onMessage(new Uint8Array(0))
      case 'garbage':
        for (let count = Number(first); count > 0; count--) at.understood(false)
        return undefined
      case 'understood':
        return at.understood(true)
      case 'send':
        return send(at, first, Number(command.arg('bytes') ?? 100), command.arg('to'))
      case 'taken':
        for (let count = Number(first); count > 0; count--) {
          queue.shift()
          at.written()
        }
        return undefined
      case 'lost':
        return at.closed(first)
      case 'end':
        return at.end(first)
      default:
        return say(`unknown command ${command.name}`)
    }
  }

  function send(at: Connection, id: string, bytes: number, host: string | undefined): void {
    const message = request('MESSAGE', 'sip:a', Headers.of([['call-id', id]]))
    const target = host === undefined ? at.flow : ({ transport: 'tcp', host, port: 5060 } as const)
    at.send(new Uint8Array(bytes), message, target)
  }

  function pass(until: number): void {
    while (now < until) {
      now = millis(now + 1000)
      const before = lines.length
      connection?.sweep(now)
      if (lines.slice(before).some((line) => line.includes('closed:'))) connection = undefined
    }
  }

  return (command) => {
    lines = []
    if (command.name === 'open') connection = open(command.words[0] ?? '')
    else if (command.name === 'admit') {
      const admitted = admission.admit(command.words[0] ?? '')
      if (typeof admitted === 'string') say(admitted)
      else if (command.words.includes('introduced')) admission.introduced(admitted)
    } else if (command.name === 'pass') pass(now + 1000 * Number(command.words[0]))
    else if (connection === undefined) say('no connection')
    else run(command, connection)
    return lines.join('\n') || 'ok'
  }
})

function nameOf(target: FlowId | Target): string {
  return typeof target === 'string' ? target : target.host
}
