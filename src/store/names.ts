//! What may be called what, checked where names come in: console, API, CLI, import. Pure.

/** Why it cannot be an extension; undefined when it can. ASCII, as phones can dial and type it. */
export function userProblem(user: string): string | undefined {
  if (user === '') return 'the extension is empty'
  if (user.length > 64) return 'the extension is longer than 64 characters'
  if (/^[A-Za-z0-9._~!*'()&=+$-]+$/.test(user)) return undefined
  return `the extension ${JSON.stringify(user)} has characters other than A-Z a-z 0-9 ._~!*'()&=+$-`
}

/** Why it cannot be a SIP domain, in lower case; undefined when it can. */
export function domainProblem(domain: string): string | undefined {
  if (domain === '') return 'the domain is empty'
  if (domain.length > 253) return 'the domain is longer than 253 characters'
  if (/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/.test(domain))
    return undefined
  return `the domain ${JSON.stringify(domain)} is not a host name`
}
