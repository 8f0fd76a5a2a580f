//! Names of flows. A UDP flow is named by its two ends, so the name outlives our memory of it, and
//! this process. A connection's name is of this process alone and never used twice. Pure.

import { joined } from '../message/text.ts'
import type { FlowId, TransportName } from '../transaction/flow.ts'

export type UdpEnds = {
  /** '' when the system chooses. */
  readonly localAddress: string
  readonly localPort: number
  readonly address: string
  readonly port: number
}

export function udpFlowId({ localAddress, localPort, address, port }: UdpEnds): FlowId {
  const [local, remote] = [String(localPort), String(port)]
  return joined('udp|', localAddress, '|', local, '|', address, '|', remote) as FlowId
}

/** `process` tells this process from the one before it. */
export function connectionFlowId(
  transport: TransportName,
  process: string,
  serial: number,
): FlowId {
  return `${transport}|${process}|${serial}` as FlowId
}

export function isUdpFlow(flow: FlowId): boolean {
  return flow.startsWith('udp|')
}

/** Undefined when it is no UDP flow. */
export function udpEnds(flow: FlowId): UdpEnds | undefined {
  const parts = flow.split('|')
  const [kind, localAddress = '', local, address = '', port] = parts
  if (kind !== 'udp' || parts.length !== 5) return undefined
  return { localAddress, localPort: Number(local), address, port: Number(port) }
}
