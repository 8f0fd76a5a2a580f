//! What the events room wants to know of calls: each extension's dialogs with us, as its watchers
//! are to see them (RFC 4235). The call room feeds it.

import type { Cancel } from '../../../src/base/host.ts'

/** RFC 4235 §3.7.1. `early` is ringing, `proceeding` a provisional answer without a To tag. */
export type DialogState = 'trying' | 'proceeding' | 'early' | 'confirmed' | 'terminated'

/** One dialog of one extension, from the extension's point of view. */
export type WatchedDialog = {
  /** Whose it is: the AOR watched. */
  readonly aor: string
  /** The same for the dialog's whole life, and only for it; a token. */
  readonly id: string
  readonly state: DialogState
  /** Did the extension call (`initiator`) or was it called (`recipient`)? */
  readonly direction: 'initiator' | 'recipient'
  readonly remote: {
    /** URI text, without parameters. */
    readonly uri: string
    /** Bytes, see `sip/message/text.ts`; empty when there is none. */
    readonly displayName: string
  }
  /**
   * As the extension's device sees the dialog, for a Replaces that picks it up (RFC 3891):
   * `localTag` is the device's tag. Undefined where that is not to be shown.
   */
  readonly sip:
    | { readonly callId: string; readonly localTag: string; readonly remoteTag: string }
    | undefined
}

export interface WatchedDialogs {
  /** Those of this AOR that are not terminated. */
  of(aor: string): readonly WatchedDialog[]
  /**
   * Every dialog that begins, changes its state or its parties, or terminates; `of` tells it
   * already. Only those of AORs that `isWatched` says: most are watched by nobody.
   */
  changed(listener: (dialog: WatchedDialog) => void, isWatched: (aor: string) => boolean): Cancel
}
