//! Facts about extensions as golden scripts write them.

import type {
  DialogState,
  WatchedDialog,
} from '../../../../roles/call-manager/events/watched-dialog.ts'
import { bytesOf } from '../../../../src/sip/message/text.ts'
import type { MessageCounts } from '../../../../src/store/schema/message-waiting.ts'

export const EMPTY_MAILBOX: MessageCounts = {
  unheard: 0,
  heard: 0,
  urgentUnheard: 0,
  urgentHeard: 0,
}

const STATES: readonly DialogState[] = ['trying', 'proceeding', 'early', 'confirmed', 'terminated']

/** `id=d1 state=early direction=recipient remote=sip:x@y name=X [call=c]`. */
export function dialogFrom(aor: string, arg: (key: string) => string | undefined): WatchedDialog {
  const call = arg('call')
  return {
    aor,
    id: arg('id') ?? 'd1',
    state: STATES.find((each) => each === arg('state')) ?? 'trying',
    direction: arg('direction') === 'recipient' ? 'recipient' : 'initiator',
    remote: {
      uri: arg('remote') ?? 'sip:carol@pbx.example',
      displayName: bytesOf((arg('name') ?? '').replaceAll('_', ' ')),
    },
    sip: call === undefined ? undefined : { callId: call, localTag: 'theirs', remoteTag: 'ours' },
  }
}

/** `unheard heard urgent-unheard urgent-heard`. */
export function mailboxFrom(words: readonly string[]): MessageCounts {
  const [unheard = 0, heard = 0, urgentUnheard = 0, urgentHeard = 0] = words.map(Number)
  return { unheard, heard, urgentUnheard, urgentHeard }
}
