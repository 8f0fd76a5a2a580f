//! What there is to see of an AOR: facts of others, publications, and dialogs that just ended,
//! composed by the package. Pure.

import type { MessageCounts } from '../../../src/store/schema/message-waiting.ts'
import { uriOf } from './aor.ts'
import type { EndedDialogs } from './ended-dialogs.ts'
import type { EventPackage, ResourceView } from './packages/package.ts'
import type { Publications } from './publications.ts'
import type { WatchedDialog } from './watched-dialog.ts'

/** Asked for when a document is composed, so always of this moment. */
export type EventFacts = {
  /** Those that are not terminated. */
  readonly dialogs: (aor: string) => readonly WatchedDialog[]
  readonly isRegistered: (aor: string) => boolean
  readonly mailbox: (aor: string) => MessageCounts
}

export class Documents {
  readonly #facts: EventFacts
  readonly #publications: Publications
  readonly #ended: EndedDialogs

  constructor(facts: EventFacts, publications: Publications, ended: EndedDialogs) {
    this.#facts = facts
    this.#publications = publications
    this.#ended = ended
  }

  /** A string of bytes. */
  compose(aor: string, by: EventPackage, version: number): string {
    const view: ResourceView = {
      dialogs: () => [...this.#facts.dialogs(aor), ...this.#ended.of(aor)],
      isRegistered: () => this.#facts.isRegistered(aor),
      mailbox: () => this.#facts.mailbox(aor),
      publications: () => this.#publications.of(aor, by.name).map(({ body }) => body),
    }
    return by.compose(uriOf(aor), view, version)
  }
}
