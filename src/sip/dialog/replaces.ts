//! The Replaces header, RFC 3891: which dialog a new INVITE takes the place of, and when it may.

import { dialogId, type Dialog, type DialogId } from './dialog.ts'

/** As the header or a Refer-To URI's `Replaces=` holds it; tags are named as its sender sees us. */
export type Replaces = {
  readonly callId: string
  readonly toTag: string
  readonly fromTag: string
  readonly earlyOnly: boolean
}

/** §3: the dialog meant; our tag is the header's to-tag. `0` stands for a peer without tags. */
export function replacedDialogId({ callId, toTag, fromTag }: Replaces): DialogId {
  return dialogId(callId, tagOf(toTag), tagOf(fromTag))
}

export type ReplacesVerdict =
  /** Accept in its stead; end the old one with BYE, or CANCEL when it is early. */
  | { readonly kind: 'replace' }
  | { readonly kind: 'refuse'; readonly status: 481 | 486 | 603; readonly reason: string }

/**
 * §3, after the sender was found entitled to it. `dialog` is what `replacedDialogId` led to;
 * `terminated` when it is known to have ended but not forgotten yet.
 */
export function judgeReplaces(
  { earlyOnly }: Replaces,
  dialog: Pick<Dialog, 'state' | 'role'> | 'terminated' | undefined,
): ReplacesVerdict {
  if (dialog === undefined) return refuse(481, 'no such dialog')
  if (dialog === 'terminated') return refuse(603, 'that dialog has ended')
  if (dialog.state === 'confirmed')
    return earlyOnly ? refuse(486, 'that dialog is answered already') : { kind: 'replace' }
  // An early dialog that the peer began has an INVITE of its own to be answered.
  return dialog.role === 'uac' ? { kind: 'replace' } : refuse(481, 'that call is still incoming')
}

function refuse(status: 481 | 486 | 603, reason: string): ReplacesVerdict {
  return { kind: 'refuse', status, reason }
}

function tagOf(tag: string): string {
  return tag === '0' ? '' : tag
}
