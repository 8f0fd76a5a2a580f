//! What goes into the transaction layer and what comes out.

import type { SipMessage, SipRequest, SipResponse } from '../message/message.ts'
import type { FlowId, Source, Target } from './flow.ts'
import type { ClientKey, ServerKey } from './keys.ts'

export type LayerInput =
  /** Valid by `invalidity`; of a request the top Via says where it came from. */
  | { readonly kind: 'received'; readonly source: Source; readonly message: SipMessage }
  /** The top Via is in place and its branch is new; `key` is made of it. */
  | {
      readonly kind: 'request'
      readonly key: ClientKey
      readonly to: FlowId | Target
      readonly reliable: boolean
      readonly request: SipRequest
      /** An INVITE that another process has sent: its answers are waited for. */
      readonly resumed?: boolean
    }
  /** An INVITE that another process took and has not answered finally; its answers go to `to`. */
  | {
      readonly kind: 'resume'
      readonly request: SipRequest
      readonly source: Source
      readonly to: FlowId | Target
    }
  /** Answers to what came by a connection go to `to` when that is gone. */
  | { readonly kind: 'seek'; readonly key: ServerKey; readonly to: FlowId }
  | { readonly kind: 'respond'; readonly key: ServerKey; readonly response: SipResponse }
  /** It gets no answer at all, not even a 100; a retransmission is a new request again. */
  | { readonly kind: 'ignore'; readonly key: ServerKey }
  /** Of an INVITE; goes out after its first provisional answer, `headers` on it. */
  | {
      readonly kind: 'cancel'
      readonly key: ClientKey
      readonly headers: readonly (readonly [string, string])[]
    }
  /** Without a message: all that was sent there and waits for an answer. */
  | {
      readonly kind: 'transport-failed'
      readonly to: FlowId | Target
      readonly message: SipMessage | undefined
    }
  | { readonly kind: 'wake' }

export type LayerOutput =
  | {
      readonly kind: 'send'
      readonly to: FlowId | Target
      readonly message: SipMessage
      /** `message` on the wire; kept for retransmissions. */
      readonly bytes: Uint8Array
      /** A retransmission. */
      readonly again: boolean
    }
  | {
      readonly kind: 'request'
      readonly key: ServerKey
      readonly source: Source
      readonly request: SipRequest
    }
  /** `key` is that of the INVITE; the CANCEL has had its 200. */
  | {
      readonly kind: 'cancel'
      readonly key: ServerKey
      readonly source: Source
      readonly request: SipRequest
    }
  /** To a 2xx, or to nothing we know of. */
  | { readonly kind: 'ack'; readonly source: Source; readonly request: SipRequest }
  | {
      readonly kind: 'response'
      readonly key: ClientKey
      readonly source: Source
      readonly response: SipResponse
    }
  | { readonly kind: 'stray-response'; readonly source: Source; readonly response: SipResponse }
  /** A client transaction got no final answer. */
  | { readonly kind: 'failed'; readonly key: ClientKey; readonly cause: FailureCause }
  /** An answer could not be sent, or was never acknowledged. */
  | { readonly kind: 'server-failed'; readonly key: ServerKey; readonly cause: FailureCause }
  /** The transaction was over, or had another final answer before. */
  | { readonly kind: 'unsent'; readonly key: ServerKey; readonly response: SipResponse }
  | { readonly kind: 'client-terminated'; readonly key: ClientKey }
  | { readonly kind: 'server-terminated'; readonly key: ServerKey }

export type FailureCause = 'timeout' | 'transport'
