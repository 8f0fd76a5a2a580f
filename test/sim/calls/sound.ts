//! Whoever speaks is heard: packets that go where a phone was told to send them come out at the
//! phone that it talks to, as far as what the two have agreed on lets them.

import { assert } from '../../../src/base/assert.ts'
import { HEADER_LENGTH, writeHeader } from '../../../src/rtp/packet.ts'
import type { PhoneCall } from '../../harness/phone-call.ts'
import type { SimHub } from '../../media/sim-hub.ts'
import type { CallOffice } from './office.ts'
import type { Pass } from './run.ts'

const PORT = 30_000
const PACKETS = 5
const EVERY_MS = 20
const PAYLOAD = 160

type Talk = { readonly by: PhoneCall; readonly to: PhoneCall }

export async function assertSound(office: CallOffice, pass: Pass): Promise<number> {
  const talks = talksIn(office)
  const sent = new Map([...hubsOf(office)].map(([address, hub]) => [address, hub.sent.length]))
  for (let packet = 0; packet < PACKETS; packet++) {
    for (const [index, { by }] of talks.entries()) speak(office, by, index, packet)
    await pass(EVERY_MS)
  }
  for (const { by, to } of talks) {
    const { address, port } = placeIn(to.remoteSdp)
    const hub = hubsOf(office).get(address)
    const heard = hub?.sent
      .slice(sent.get(address) ?? 0)
      .some((each) => each.fromPort === port && each.address === to.phone.endpoint.address)
    const [who, whom] = [by.phone.options.name, to.phone.options.name]
    assert(heard === true, `${whom} does not hear ${who}, in ${to.id}, from ${address}:${port}`)
  }
  return talks.length
}

/** Those who may speak, each with who is to hear it. */
function talksIn({ phones, serving }: CallOffice): readonly Talk[] {
  const up = phones.flatMap(({ calls }) => calls).filter(({ state }) => state === 'up')
  return (serving?.role.calls() ?? []).flatMap(({ state, sipCallIds }) => {
    const [one, other] = up.filter(({ id }) => sipCallIds.includes(id))
    if (state !== 'up' || one === undefined || other === undefined) return []
    const both = [
      { by: one, to: other },
      { by: other, to: one },
    ]
    return both.filter(({ by, to }) => may('send', by) && may('receive', to))
  })
}

function may(way: 'send' | 'receive', { direction: own, remoteSdp }: PhoneCall): boolean {
  const [only, theirs] = way === 'send' ? ['sendonly', 'recvonly'] : ['recvonly', 'sendonly']
  const remote = /^a=(sendrecv|sendonly|recvonly|inactive)\r?$/m.exec(remoteSdp)?.[1] ?? 'sendrecv'
  return ['sendrecv', only].includes(own) && ['sendrecv', theirs].includes(remote)
}

function speak(
  office: CallOffice,
  { phone, remoteSdp }: PhoneCall,
  ssrc: number,
  at: number,
): void {
  const bytes = new Uint8Array(HEADER_LENGTH + PAYLOAD)
  const header = { payloadType: 0, marker: at === 0, sequence: at, timestamp: at * PAYLOAD }
  writeHeader(bytes, 0, { ...header, ssrc: ssrc + 1 })
  const { address, port } = placeIn(remoteSdp)
  hubsOf(office).get(address)?.deliver(port, phone.endpoint.address, PORT, bytes)
}

function placeIn(sdp: string): { readonly address: string; readonly port: number } {
  const address = /^c=IN IP4 (\S+)/m.exec(sdp)?.[1] ?? ''
  return { address, port: Number(/^m=audio (\d+)/m.exec(sdp)?.[1] ?? 0) }
}

/** By the address that descriptions name. */
function hubsOf({ media, serving }: CallOffice): ReadonlyMap<string, SimHub> {
  const hubs = new Map(media.machines.map(({ address, media: { hub } }) => [address, hub]))
  if (serving !== undefined) hubs.set(serving.address, serving.own.hub)
  return hubs
}
