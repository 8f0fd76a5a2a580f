//! What was dialled, out of a Request-URI or a Refer-To.

import type { SipUri } from '../../../src/sip/message/uri.ts'

export function canBeCalled({ scheme }: SipUri): boolean {
  return scheme === 'sip' || scheme === 'sips' || scheme === 'tel'
}

/** The user or number; undefined when the scheme is none we can call, or there is no user. */
export function dialledUser(uri: SipUri): string | undefined {
  const { scheme, user } = uri
  if (!canBeCalled(uri) || user === undefined || user === '') return undefined
  return isNumber(user) || scheme === 'tel' ? withoutSeparators(user) : userPart(user)
}

/** RFC 3966 §5.1.1: dialled digits, maybe with visual separators, parameters after a `;`. */
function isNumber(user: string): boolean {
  let digits = 0
  for (let index = 0; index < user.length; index++) {
    const char = user.charAt(index)
    if (char === ';') break
    if (char >= '0' && char <= '9') digits++
    else if (!SEPARATORS.includes(char) && char !== '*' && char !== '#' && char !== '+')
      return false
  }
  return digits > 0
}

const SEPARATORS = '-.() '

function withoutSeparators(user: string): string {
  let plain = ''
  for (const char of userPart(user)) if (!SEPARATORS.includes(char)) plain += char
  return plain
}

/** Without telephone-subscriber parameters (`;phone-context=…`). */
function userPart(user: string): string {
  const semicolon = user.indexOf(';')
  return semicolon === -1 ? user : user.slice(0, semicolon)
}
