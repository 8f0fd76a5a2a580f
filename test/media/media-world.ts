//! The real media worker with phones around it.

import { randomFrom } from '../../src/base/random.ts'
import type { Host } from '../../src/base/host.ts'
import { millis, wallTime } from '../../src/base/time.ts'
import type { CallId } from '../../src/control/ids.ts'
import type { MediaControl, MediaEvent, MediaId, Sdp } from '../../src/control/media-control.ts'
import { findInstallation } from '../../src/config/installation.ts'
import { MediaByRequests } from '../../src/media/by-requests.ts'
import { startMedia, type MediaClient } from '../../src/media/client.ts'
import type { WorkerSetup } from '../../src/media/protocol.ts'
import { RtpPhone } from '../harness/rtp-phone.ts'

export type Media = {
  readonly control: MediaControl
  readonly client: MediaClient
  readonly events: MediaEvent[]
  readonly logs: string[]
  readonly until: (found: (event: MediaEvent) => boolean, within?: number) => Promise<MediaEvent>
  readonly close: () => Promise<void>
}

export type MediaSetup = Partial<WorkerSetup> & {
  /** False tests the plain sockets. */
  readonly native?: boolean
  readonly entry?: URL
  readonly host?: (real: Host) => Host
}

/** Ports are drawn, so that test files that run side by side do not meet. */
export async function testSetup(options: MediaSetup): Promise<WorkerSetup> {
  const { native, prompts } = await findInstallation()
  const first = 20_000 + 500 * Math.floor(Math.random() * 20)
  return {
    addresses: { bind: '127.0.0.1', publicAddress: undefined },
    ports: { first, last: first + 499 },
    silenceLimit: 30_000,
    nativePath: native.ok && options.native !== false ? native.value : undefined,
    prompts,
    ...options,
  }
}

export async function openMedia(options: MediaSetup = {}): Promise<Media> {
  const { entry, host = (real) => real, ...rest } = options
  const logs: string[] = []
  const setup = await testSetup(rest)
  const where = entry === undefined ? {} : { entry }
  const started = await startMedia({ host: host(realHost(logs)), setup, ...where })
  if (!started.ok) throw new Error(started.error)
  const client = started.value
  const control = new MediaByRequests(client)
  const events: MediaEvent[] = []
  control.events((event) => events.push(event))
  return {
    control,
    client,
    events,
    logs,
    until: (found, within = 5000) => untilEvent(events, found, within),
    close: () => client.stop(),
  }
}

let calls = 0

export function newCall(): { call: CallId; a: MediaId; b: MediaId; c: MediaId } {
  const call = `call-${++calls}`
  const id = (leg: string): MediaId => `${call}-${leg}` as MediaId
  return { call: call as CallId, a: id('a'), b: id('b'), c: id('c') }
}

/** Two phones in a call. */
export async function talking(
  media: Media,
  sdps: {
    readonly offer?: (phone: RtpPhone) => Sdp
    readonly answer?: (phone: RtpPhone) => Sdp
  } = {},
): Promise<{ alice: RtpPhone; bob: RtpPhone; call: CallId; a: MediaId; b: MediaId }> {
  const { call, a, b } = newCall()
  const alice = await RtpPhone.open()
  const bob = await RtpPhone.open()
  const offer = sdps.offer?.(alice) ?? alice.sdp()
  bob.hear(
    unwrap(await media.control.relayOffer({ call, from: a, to: b, sdp: offer, restated: false })),
  )
  const answer = sdps.answer?.(bob) ?? bob.sdp()
  alice.hear(unwrap(await media.control.relayAnswer({ call, from: b, to: a, sdp: answer })))
  return { alice, bob, call, a, b }
}

export function unwrap<T>(result: { ok: true; value: T } | { ok: false; error: unknown }): T {
  if (!result.ok) throw new Error(`refused: ${JSON.stringify(result.error)}`)
  return result.value
}

export function realHost(logs: string[] = []): Host {
  return {
    now: () => millis(performance.now()),
    wall: () => wallTime(Date.now()),
    random: randomFrom(Math.random),
    wake: (at, run) => {
      const timer = setTimeout(run, Math.max(0, at - performance.now()))
      return () => clearTimeout(timer)
    },
    log: (level, event, fields) => logs.push(`${level} ${event} ${JSON.stringify(fields ?? {})}`),
  }
}

async function untilEvent(
  events: readonly MediaEvent[],
  found: (event: MediaEvent) => boolean,
  within: number,
): Promise<MediaEvent> {
  const end = performance.now() + within
  for (;;) {
    const event = events.find(found)
    if (event !== undefined) return event
    if (performance.now() > end) throw new Error(`no such event among ${JSON.stringify(events)}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
