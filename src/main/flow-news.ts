//! Tells the cluster which connections clients have to the virtual addresses, a few times a second.

import type { Cancel, Host } from '../base/host.ts'
import { after, millis } from '../base/time.ts'
import type { Flow, FlowNews } from '../cluster/flows.ts'
import type { FlowId } from '../sip/transaction/flow.ts'
import type { RunningTransport } from '../sip/transport/running-transport.ts'

const EVERY = millis(200)

export type FlowNewsParts = {
  readonly host: Host
  readonly transport: Pick<RunningTransport, 'received' | 'flowClosed'>
  readonly vips: readonly string[]
  readonly tell: (news: FlowNews) => void
}

/** From the first message that comes by a connection. Returns what ends it. */
export function tellFlows({ host, transport, vips, tell }: FlowNewsParts): Cancel {
  const known = new Map<FlowId, Flow>()
  let opened = new Map<FlowId, Flow>()
  let closed: Flow[] = []
  let waiting: Cancel | undefined
  const say = (): void => {
    waiting = undefined
    tell({ isWhole: false, opened: [...opened.values()], closed })
    opened = new Map()
    closed = []
  }
  const soon = (): void => {
    waiting ??= host.wake(after(host.now(), EVERY), say)
  }
  const unsubscribe = [
    transport.received(({ source }) => {
      const { transport: name, flow: id, address, port, localAddress, localPort } = source
      if (name === 'udp' || known.has(id) || !vips.includes(localAddress)) return
      const flow = { local: localAddress, localPort, remote: address, remotePort: port }
      known.set(id, flow)
      opened.set(id, flow)
      soon()
    }),
    transport.flowClosed((id) => {
      const flow = known.get(id)
      if (flow === undefined) return
      known.delete(id)
      // Nobody has heard of it yet.
      if (!opened.delete(id)) closed.push(flow)
      soon()
    }),
  ]
  return () => {
    waiting?.()
    for (const each of unsubscribe) each()
  }
}
