//! What a phone says of its sound: one PCMU stream, with every form of hold.

export type Direction = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive' | 'c=0'

export function phoneSdp(
  user: string,
  host: string,
  version: number,
  direction: Direction,
): string {
  const lines = [
    'v=0',
    `o=${user} 1 ${version} IN IP4 ${host}`,
    's=-',
    `c=IN IP4 ${direction === 'c=0' ? '0.0.0.0' : host}`,
    't=0 0',
    'm=audio 30000 RTP/AVP 0',
  ]
  if (direction !== 'c=0') lines.push(`a=${direction}`)
  return lines.map((line) => `${line}\r\n`).join('')
}

/** RFC 3264 §6.1: who is held may hear at most; whoever holds stays with it. */
export function answerTo(offered: string, own: Direction): Direction {
  const theirs = /^a=(sendrecv|sendonly|recvonly|inactive)\r?$/m.exec(offered)?.[1]
  const hears = theirs !== 'recvonly' && theirs !== 'inactive'
  const sends = theirs !== 'sendonly' && theirs !== 'inactive'
  const wantsToHear = own === 'sendrecv' || own === 'recvonly'
  const mayHear = hears && wantsToHear
  const maySend = sends && own !== 'recvonly' && own !== 'inactive' && own !== 'c=0'
  if (mayHear && maySend) return 'sendrecv'
  if (mayHear) return 'recvonly'
  return maySend ? 'sendonly' : 'inactive'
}
