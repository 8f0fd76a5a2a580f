//! The transaction layer by golden script.
//!
//!     receive METHOD|STATUS words…          see messages.ts
//!     request METHOD words… to=HOST:PORT    starts a client transaction
//!     resume METHOD words… to=HOST:PORT     … that another process began
//!     inherit METHOD words… to=HOST:PORT    a request that another process took
//!     respond KEY STATUS [to-tag=t]         the transaction user answers KEY's request
//!     again KEY                             … with the very same response once more
//!     cancel KEY [reason=text]
//!     fail-sent / fail to=PLACE             the message sent last did not go / nothing goes there
//!     turn                                  the transaction user's turn is over
//!     advance MS / size / show              alarms fire / what is alive / the last message sent

import { unreachable } from '../../../src/base/assert.ts'
import { after, millis, type Millis } from '../../../src/base/time.ts'
import type { SipMessage, SipRequest, SipResponse } from '../../../src/sip/message/message.ts'
import { reply } from '../../../src/sip/message/reply.ts'
import { serialize } from '../../../src/sip/message/serialize.ts'
import type { FlowId, Target } from '../../../src/sip/transaction/flow.ts'
import {
  clientKeyOf,
  serverKeyOf,
  type ClientKey,
  type ServerKey,
} from '../../../src/sip/transaction/keys.ts'
import type { LayerInput, LayerOutput } from '../../../src/sip/transaction/layer-events.ts'
import { TransactionLayer } from '../../../src/sip/transaction/layer.ts'
import { walk, type Command } from '../../harness/datadriven.ts'
import {
  destinationOf,
  messageOf,
  placeText,
  requestOf,
  sourceOf,
  summary,
  transportOf,
} from './messages.ts'

walk(new URL('./testdata/layer', import.meta.url).pathname, () => {
  const layer = new TransactionLayer({ transactions: 4, lingering: 2 })
  const asked = new Map<string, SipRequest>()
  const answered = new Map<string, SipResponse>()
  let now: Millis = millis(0)
  let lines: string[] = []
  let sent: { readonly to: FlowId | Target; readonly message: SipMessage } | undefined

  function take(outputs: readonly LayerOutput[]): void {
    for (const output of outputs) {
      lines.push(`${now}ms ${describe(output)}`)
      if (output.kind === 'send') sent = output
      if (output.kind === 'request') asked.set(output.key, output.request)
    }
  }
  const feed = (input: LayerInput): void => take(layer.step(input, now))

  function advance(until: Millis): void {
    for (let due = layer.deadline(); due !== undefined && due <= until; due = layer.deadline()) {
      now = millis(Math.max(due, now))
      feed({ kind: 'wake' })
    }
    now = until
  }

  function respond(command: Command): void {
    const [key = '', status] = command.words
    const request = asked.get(key)
    if (request === undefined) throw new Error(`nobody asked ${key}`)
    const tag = command.arg('to-tag')
    const response = reply(request, Number(status), tag === undefined ? {} : { toTag: tag })
    answered.set(key, response)
    feed({ kind: 'respond', key: key as ServerKey, response })
  }

  function again([key = '']: readonly string[]): void {
    const response = answered.get(key)
    if (response === undefined) throw new Error(`nobody answered ${key}`)
    feed({ kind: 'respond', key: key as ServerKey, response })
  }

  function start(command: Command): void {
    const request = requestOf(command, command.words[0] ?? '')
    const key = clientKeyOf(request)
    if (key === undefined) throw new Error('a request needs a branch')
    const reliable = transportOf(command) !== 'udp'
    const resumed = command.name === 'resume'
    feed({ kind: 'request', key, to: destinationOf(command), reliable, request, resumed })
  }

  function inherit(command: Command): void {
    const request = requestOf(command, command.words[0] ?? '')
    const key = serverKeyOf(request)
    if (key !== undefined) asked.set(key, request)
    feed({ kind: 'resume', request, source: sourceOf(command), to: destinationOf(command) })
  }

  function run(command: Command): void {
    const [key = ''] = command.words
    const reason = command.arg('reason')
    switch (command.name) {
      case 'receive':
        return feed({ kind: 'received', source: sourceOf(command), message: messageOf(command) })
      case 'request':
      case 'resume':
        return start(command)
      case 'inherit':
        return inherit(command)
      case 'respond':
        return respond(command)
      case 'seek':
        return feed({ kind: 'seek', key: key as ServerKey, to: 'sought|1' as FlowId })
      case 'ignore':
        return feed({ kind: 'ignore', key: key as ServerKey })
      case 'again':
        return again(command.words)
      case 'cancel': {
        const headers = reason === undefined ? [] : ([['reason', reason]] as const)
        return feed({ kind: 'cancel', key: key as ClientKey, headers })
      }
      case 'fail-sent':
        if (sent === undefined) throw new Error('nothing was sent')
        return feed({ kind: 'transport-failed', to: sent.to, message: sent.message })
      case 'fail':
        return feed({ kind: 'transport-failed', to: destinationOf(command), message: undefined })
      case 'turn':
        return advance(now)
      case 'advance':
        return advance(after(now, millis(Number(key))))
      case 'size':
        return void lines.push(JSON.stringify(layer.size))
      case 'show':
        return void lines.push(sent === undefined ? '' : text(sent.message))
      default:
        return void lines.push(`unknown command ${command.name}`)
    }
  }

  return (command) => {
    lines = []
    run(command)
    return lines.length === 0 ? 'ok' : lines.join('\n')
  }
})

function describe(output: LayerOutput): string {
  switch (output.kind) {
    case 'send':
      return `${output.again ? 'resend' : 'send'} ${placeText(output.to)}: ${summary(
        output.message,
      )}`
    case 'request':
    case 'cancel':
      return `${output.kind} ${output.key}: ${summary(output.request)}`
    case 'ack':
      return `ack: ${summary(output.request)}`
    case 'response':
      return `response ${output.key}: ${summary(output.response)}`
    case 'stray-response':
      return `stray: ${summary(output.response)}`
    case 'unsent':
      return `unsent ${output.key}: ${summary(output.response)}`
    case 'failed':
    case 'server-failed':
      return `${output.kind} ${output.key}: ${output.cause}`
    case 'client-terminated':
    case 'server-terminated':
      return `${output.kind} ${output.key}`
    default:
      return unreachable(output)
  }
}

function text(message: SipMessage): string {
  return serialize(message).toString('latin1').trimEnd().replaceAll('\r', '')
}
