//! What an event package is to the event server: a name, a document, and what it is made of. Pure.

import type { Millis } from '../../../../src/base/time.ts'
import type { MessageCounts } from '../../../../src/store/schema/message-waiting.ts'
import type { WatchedDialog } from '../watched-dialog.ts'

/** All that is known of one AOR; asked for when a package wants it. */
export type ResourceView = {
  /** Begun and not ended, and those that ended a moment ago. */
  readonly dialogs: () => readonly WatchedDialog[]
  /** Some device has registered it. */
  readonly isRegistered: () => boolean
  readonly mailbox: () => MessageCounts
  /** Published bodies of this package, newest first, as strings of bytes. */
  readonly publications: () => readonly string[]
}

export type EventPackage = {
  readonly name: string
  readonly contentType: string
  /** The least time between two NOTIFYs of mere changes. */
  readonly gap: Millis
  /** `own`: only the extension itself; `tenant`: everybody in its tenant. */
  readonly watchers: 'own' | 'tenant'
  /** Whether a published body can be read; undefined when the package takes no PUBLISH. */
  readonly accepts: ((body: string) => boolean) | undefined
  /** Largest body published, in bytes. */
  readonly bodyMax: number
  /** The document, a string of bytes. `version` counts a subscription's NOTIFYs from 0. */
  readonly compose: (uri: string, view: ResourceView, version: number) => string
}
