//! What may be called what, checked where names come in: console, API, CLI, import. Pure.

/** Why it cannot be an extension; undefined when it can. ASCII, as phones can dial and type it. */
export function userProblem(user: string): string | undefined {
  if (user === '') return 'the extension is empty'
  if (user.length > 64) return 'the extension is longer than 64 characters'
  if (/^[A-Za-z0-9._~!*'()&=+$-]+$/.test(user)) return undefined
  return `the extension ${JSON.stringify(user)} has characters other than A-Z a-z 0-9 ._~!*'()&=+$-`
}

/** Of extensions. Shorter ones are refused, and counted where they come from another system. */
export const PASSWORD_WEAK_BELOW = 8

/** Why it cannot be a display name, which is written into SIP headers; undefined when it can. */
export function displayNameProblem(name: string): string | undefined {
  if (name.length > 128) return 'the display name is longer than 128 characters'
  for (let at = 0; at < name.length; at++) {
    const code = name.charCodeAt(at)
    if (code < 0x20 || code === 0x7f)
      return 'the display name has control characters (a line break, a tab …): leave them out'
  }
  return undefined
}

/** Why it cannot be a SIP domain, in lower case; undefined when it can. */
export function domainProblem(domain: string): string | undefined {
  if (domain === '') return 'the domain is empty'
  if (domain.length > 253) return 'the domain is longer than 253 characters'
  if (/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/.test(domain))
    return undefined
  return `the domain ${JSON.stringify(domain)} is not a host name`
}
