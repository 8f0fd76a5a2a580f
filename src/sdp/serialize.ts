//! Description to bytes: CRLF, lines as they stand in the value.

import type { Description, MediaLine, SdpLine } from './description.ts'

export function serializeSdp(description: Description): string {
  let text = writeLines(description.session)
  for (const { media, lines } of description.media)
    text += `m=${mediaValue(media)}\r\n${writeLines(lines)}`
  return text
}

export function mediaValue({ kind, port, portCount, protocol, formats }: MediaLine): string {
  const ports = portCount === undefined ? `${port}` : `${port}/${portCount}`
  return `${kind} ${ports} ${protocol} ${formats.join(' ')}`
}

function writeLines(lines: readonly SdpLine[]): string {
  let text = ''
  for (const { type, value } of lines) text += `${type}=${value}\r\n`
  return text
}
