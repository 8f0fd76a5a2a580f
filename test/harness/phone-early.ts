//! The early dialogs of a phone's INVITE, one a To tag, and how far reliable responses have come.

import { dialogAsUac, type Dialog, type DialogId } from '../../src/sip/dialog/dialog.ts'
import {
  NOTHING_RECEIVED,
  type ReliableReceiver,
} from '../../src/sip/dialog/reliable-provisional.ts'
import type { SipRequest, SipResponse } from '../../src/sip/message/message.ts'
import { toTag } from '../../src/sip/message/views.ts'

export type Early = { dialog: Dialog; received: ReliableReceiver }

export class EarlyDialogs {
  #all: Early[] = []

  get first(): Dialog | undefined {
    return this.#all[0]?.dialog
  }

  has(id: DialogId): boolean {
    return this.#all.some(({ dialog }) => dialog.id === id)
  }

  /** The one the response belongs to, made when it is its first. */
  of(request: SipRequest, response: SipResponse): Early | undefined {
    const tag = toTag(response)
    const known = this.#all.find(({ dialog }) => dialog.remote.tag === tag)
    if (known !== undefined) return known
    const dialog = dialogAsUac(request, response)
    if (dialog === undefined) return undefined
    const early = { dialog, received: NOTHING_RECEIVED }
    this.#all.push(early)
    return early
  }

  clear(): void {
    this.#all = []
  }
}
