//! What goes into the event server and what comes out. All of it is data; the host carries it out.

import type { Millis } from '../../../src/base/time.ts'
import type { DialogId } from '../../../src/sip/dialog/dialog.ts'
import type { SipRequest, SipResponse } from '../../../src/sip/message/message.ts'
import type { Source } from '../../../src/sip/transaction/flow.ts'
import type { ServerKey } from '../../../src/sip/transaction/keys.ts'
import type { Unproven } from '../call/hop.ts'
import type { Hop } from '../call/state.ts'
import type { WatchedDialog } from './watched-dialog.ts'

export type EventInput =
  | Subscribed
  | Resubscribed
  | Published
  /** The final response to a NOTIFY. */
  | { readonly kind: 'answered'; readonly id: DialogId; readonly response: SipResponse }
  | { readonly kind: 'unanswered'; readonly id: DialogId }
  | { readonly kind: 'dialog'; readonly dialog: WatchedDialog }
  /** Registered or not any more, other message counts: look at the facts of this AOR again. */
  | { readonly kind: 'changed'; readonly aor: string }
  /** The extension is no more: nothing to watch there, and nothing for it to see. */
  | { readonly kind: 'gone'; readonly aor: string }
  | Restored
  | { readonly kind: 'wake' }

/** A SUBSCRIBE outside of a dialog, from who it says it is. */
export type Subscribed = {
  readonly kind: 'subscribed'
  readonly key: ServerKey
  readonly request: SipRequest
  /** Back to the device. */
  readonly hop: Hop
  readonly watcher: string
  /** AOR of the Request-URI. */
  readonly aor: string
  /** Our Contact value towards the watcher. */
  readonly contact: string
}

/** A SUBSCRIBE with a To tag: within a dialog. */
export type Resubscribed = {
  readonly kind: 'resubscribed'
  readonly key: ServerKey
  readonly request: SipRequest
  readonly source: Source
  /** The answer to `prove` was yes: it is of the watcher, wherever it comes from. */
  readonly proven: boolean
}

export type Published = {
  readonly kind: 'published'
  readonly key: ServerKey
  readonly request: SipRequest
  readonly publisher: string
  readonly aor: string
}

/** A predecessor's subscription, out of the store. */
export type Restored = {
  readonly kind: 'restored'
  readonly id: string
  readonly aor: string
  readonly event: string
  readonly snapshot: string
  readonly expiresAt: Millis
  /** When to tell its watcher the state anew; spread out, so that not all are told at once. */
  readonly notifyAt: Millis
}

export type EventOutput =
  | { readonly kind: 'respond'; readonly key: ServerKey; readonly response: SipResponse }
  | Notification
  | ({ readonly kind: 'prove' } & Unproven)
  | {
      readonly kind: 'save'
      readonly id: DialogId
      readonly aor: string
      readonly event: string
      readonly snapshot: string
      readonly expiresAt: Millis
    }
  | { readonly kind: 'remove'; readonly id: DialogId }
  /** A predecessor's subscription that cannot be resumed; its subscriber will notice. */
  | { readonly kind: 'discard'; readonly id: string; readonly reason: string }

export type Notification = {
  readonly kind: 'notify'
  readonly id: DialogId
  readonly request: SipRequest
  /** URI text of the next hop. */
  readonly nextHop: string
  /** Where the watcher's device is. */
  readonly hop: Hop
  readonly watcher: string
}
