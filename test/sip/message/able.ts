//! What the element in the tests can do: as much as the call manager.

import type { Capabilities } from '../../../src/sip/message/validate.ts'

export const ABLE: Capabilities = {
  schemes: ['sip', 'sips', 'tel'],
  methods: [
    'INVITE',
    'ACK',
    'BYE',
    'CANCEL',
    'REGISTER',
    'OPTIONS',
    'PRACK',
    'UPDATE',
    'INFO',
    'REFER',
    'SUBSCRIBE',
    'NOTIFY',
    'PUBLISH',
    'MESSAGE',
  ],
  extensions: ['100rel', 'timer', 'replaces', 'path', 'gruu', 'outbound', 'norefersub'],
  bodies: { INVITE: ['application/sdp', 'multipart/*'] },
  answers: { INVITE: 'application/sdp' },
}
