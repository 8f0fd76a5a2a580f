//! What a media server and the node that leads say to each other over the peer link: one JSON text
//! a frame. Both are proved by certificates of the cluster, but may be of different releases. Pure.

import type { NodeId } from '../../src/control/ids.ts'
import type { MediaEvent, MediaId } from '../../src/control/media-control.ts'
import type { MediaRequest, MediaStatus } from '../../src/media/protocol.ts'

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

/** What a leader wants to know of it. */
export type ServerStatus = Pick<MediaStatus, 'sessions'>

export type FromServer =
  | {
      readonly kind: 'here'
      /** Of the `lead` that it answers. */
      readonly term: number
      /** All that live. */
      readonly sessions: readonly MediaId[]
      readonly status: ServerStatus | undefined
    }
  /** `Answer` of the request's method, or `unreachable`. */
  | { readonly kind: 'answer'; readonly id: number; readonly answer: unknown }
  | { readonly kind: 'event'; readonly event: MediaEvent }
  | { readonly kind: 'status'; readonly status: ServerStatus | undefined }

export function encode(message: ToServer | FromServer): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(message))
}
