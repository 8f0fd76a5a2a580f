//! Real transports on loopback for tests, with a certificate that the others trust.

import { assert } from '../../../src/base/assert.ts'
import type { Fields, Host, LogLevel } from '../../../src/base/host.ts'
import { err, type Result } from '../../../src/base/result.ts'
import { selfSigned } from '../../../src/x509/issue.ts'
import { buildNative } from '../../../src/native/build.ts'
import { loadNative, type Native } from '../../../src/native/load.ts'
import { realHost } from '../../../src/observe/real-host.ts'
import { Headers } from '../../../src/sip/message/headers.ts'
import { request, type SipRequest } from '../../../src/sip/message/message.ts'
import type { Received, SendFailure } from '../../../src/sip/stack/sip-transport.ts'
import type { FlowId, Target, TransportName } from '../../../src/sip/transaction/flow.ts'
import type {
  Invalid,
  RunningTransport,
  TransportOptions,
} from '../../../src/sip/transport/running-transport.ts'
import { openTransport } from '../../../src/sip/transport/transport.ts'

type LogLine = { readonly level: LogLevel; readonly event: string; readonly fields: Fields }

export type Bench = {
  readonly transport: RunningTransport
  readonly received: Received[]
  readonly failed: SendFailure[]
  readonly closed: FlowId[]
  readonly invalid: Invalid[]
  readonly log: LogLine[]
  target(transport: TransportName, host?: string): Target
}

const identity = selfSigned(['localhost', '127.0.0.1', 'pbx.example'], new Date())

let loaded: Result<Native, string> | undefined

/** The add-on, built when there is none for these sources. */
export async function native(): Promise<Result<Native, string>> {
  if (loaded === undefined) {
    const built = await buildNative()
    loaded = built.ok ? loadNative(built.value) : err(built.error)
  }
  return loaded
}

export async function openBench(options: Partial<TransportOptions> = {}): Promise<Bench> {
  const log: LogLine[] = []
  const host: Host = realHost((level, event, fields = {}) => log.push({ level, event, fields }))
  const opened = await openTransport({
    host,
    native: await native(),
    addresses: ['127.0.0.1'],
    port: 0,
    tls: { port: 0, identities: [{ ...identity, names: ['localhost'] }] },
    trust: { authorities: [identity.certificate], verify: true },
    ...options,
  })
  assert(opened.ok, opened.ok ? '' : JSON.stringify(opened.error))
  const transport = opened.value
  const bench: Bench = {
    transport,
    received: [],
    failed: [],
    closed: [],
    invalid: [],
    log,
    target(kind, address = '127.0.0.1') {
      const listening = transport.listening.find((each) => each.transport === kind)
      return { transport: kind, host: address, port: listening?.port ?? 1 }
    },
  }
  transport.received((received) => bench.received.push(received))
  transport.failed((failure) => bench.failed.push(failure))
  transport.flowClosed((flow) => bench.closed.push(flow))
  transport.invalid((invalid) => bench.invalid.push(invalid))
  return bench
}

/** Waits for what must happen within a few seconds, and happens within milliseconds. */
export async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('in vain')
    await new Promise((resolve) => {
      setTimeout(resolve, 1)
    })
  }
}

/** A MESSAGE as the stack would send it. */
export function ping(from: Bench, to: Target, id: string, text = ''): SipRequest {
  const local = from.transport.localAddress(to)
  const sentBy = `${local?.address}:${local?.port}`
  const headers = Headers.of([
    ['via', `SIP/2.0/${to.transport.toUpperCase()} ${sentBy};rport;branch=z9hG4bK${id}`],
    ['max-forwards', '70'],
    ['from', '<sip:a@example.com>;tag=f'],
    ['to', '<sip:b@example.com>'],
    ['call-id', id],
    ['cseq', '1 MESSAGE'],
    ['content-type', 'text/plain'],
  ])
  return request('MESSAGE', 'sip:b@example.com', headers, Buffer.from(text))
}
