//! What a media server and the node that leads say to each other over the peer link: one JSON text
//! a frame. Both are proved by certificates of the cluster, but may be of different releases. Pure.

import type { NodeId } from '../../src/control/ids.ts'
import type { MediaEvent, MediaId } from '../../src/control/media-control.ts'
import type { Answer, MediaRequest, MediaStatus } from '../../src/media/protocol.ts'

export type NodeAddress = { readonly id: NodeId; readonly host: string; readonly port: number }

export type ToServer =
  /** The sender leads since `term`; answered by `here`. Who led before is not heard any more. */
  | { readonly kind: 'lead'; readonly term: number; readonly nodes: readonly NodeAddress[] }
  | {
      readonly kind: 'ask'
      readonly term: number
      readonly id: number
      readonly request: MediaRequest
    }

export type FromServer =
  | {
      readonly kind: 'here'
      /** Of the `lead` that it answers. */
      readonly term: number
      /** All that live. */
      readonly sessions: readonly MediaId[]
      readonly status: MediaStatus | undefined
    }
  | { readonly kind: 'answer'; readonly id: number; readonly answer: Answer | 'unreachable' }
  | { readonly kind: 'event'; readonly event: MediaEvent }
  | { readonly kind: 'status'; readonly status: MediaStatus | undefined }

const TO_SERVER: readonly string[] = ['lead', 'ask'] satisfies ToServer['kind'][]
const FROM_SERVER: readonly string[] = [
  'here',
  'answer',
  'event',
  'status',
] satisfies FromServer['kind'][]

export function encode(message: ToServer | FromServer): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(message))
}

/** Undefined when it is of another release, or no message at all. */
export function decodeToServer(data: Uint8Array): ToServer | undefined {
  return decode(data, TO_SERVER) as ToServer | undefined
}

export function decodeFromServer(data: Uint8Array): FromServer | undefined {
  return decode(data, FROM_SERVER) as FromServer | undefined
}

function decode(data: Uint8Array, kinds: readonly string[]): object | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(data))
    if (typeof value !== 'object' || value === null || !('kind' in value)) return undefined
    return kinds.includes(String(value.kind)) ? value : undefined
  } catch {
    return undefined // no JSON: the caller tells of it
  }
}
