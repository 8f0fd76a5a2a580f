//! The From/To value without its tag: a dialog keeps the address and the tag apart.

/** Takes `;tag=…` off a name-addr or addr-spec; whatever else the peer wrote stays as it is. */
export function withoutTag(value: string): string {
  let at = parametersFrom(value)
  while (at < value.length) {
    const end = parameterEnd(value, at + 1)
    const name = value.slice(at + 1, end).split('=', 1)[0] ?? ''
    if (name.trim().toLowerCase() === 'tag') return value.slice(0, at).trimEnd() + value.slice(end)
    at = end
  }
  return value
}

/** Where the first `;` of the header's own parameters stands; the length when there is none. */
function parametersFrom(value: string): number {
  const open = skipQuoted(value, '<')
  const start = open === value.length ? 0 : value.indexOf('>', open)
  if (start === -1) return value.length
  const semicolon = value.indexOf(';', start)
  return semicolon === -1 ? value.length : semicolon
}

function parameterEnd(value: string, from: number): number {
  return from + skipQuoted(value.slice(from), ';')
}

/** Index of the first `wanted` outside of a quoted string; the length when there is none. */
function skipQuoted(value: string, wanted: string): number {
  let quoted = false
  for (let index = 0; index < value.length; index++) {
    const char = value[index]
    if (quoted && char === '\\') index++
    else if (char === '"') quoted = !quoted
    else if (!quoted && char === wanted) return index
  }
  return value.length
}
