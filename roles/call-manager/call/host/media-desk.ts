//! Questions of a call to media, as inputs of the call once they are answered; and news of media.

import type { MediaControl, MediaEvent, MediaId } from '../../../../src/control/media-control.ts'
import type { CallInput, CallOutput, MediaOp, MediaResult } from '../io.ts'

export async function askMedia(
  media: MediaControl,
  output: CallOutput & { readonly kind: 'media' | 'release' },
): Promise<CallInput> {
  const { tag } = output
  if (output.kind === 'release')
    return { kind: 'reports', tag, reports: await media.release(output.media) }
  return { kind: 'media', tag, result: await carryOut(media, output.op) }
}

async function carryOut(media: MediaControl, op: MediaOp): Promise<MediaResult> {
  switch (op.kind) {
    case 'relay-offer':
      return media.relayOffer(op.request)
    case 'relay-answer':
      return media.relayAnswer(op.request)
    case 'answer-here':
      return media.answerHere(op.request)
    case 'connect':
      return media.connect(op.request)
    case 'withdraw': {
      const result = await media.withdrawOffer(op.request)
      return result.ok ? { ok: true, value: undefined } : result
    }
  }
}

/** What a call is to hear of it, if one has that session. */
export function inputsOf(
  event: MediaEvent,
): readonly { readonly media: MediaId; readonly input: CallInput }[] {
  switch (event.kind) {
    case 'played':
      return [{ media: event.media, input: { kind: 'played', media: event.media } }]
    case 'rtp-timeout':
      return [{ media: event.media, input: { kind: 'silent', media: event.media } }]
    case 'lost':
      return event.media.map((media) => ({ media, input: { kind: 'media-lost', media } }))
    case 'flowing':
    case 'digit':
      return []
  }
}
