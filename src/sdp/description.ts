//! A session description (RFC 8866) as a value: every line as it came, the `m=` lines read.

/** One `x=value` line; `value` is exactly the bytes after the equals sign. */
export type SdpLine = { readonly type: string; readonly value: string }

export type MediaLine = {
  /** `audio`, `video`, `text`, `image`, `application`, … */
  readonly kind: string
  /** 0: refused or not to be used (RFC 3264 §5.1, §6). */
  readonly port: number
  /** The `/2` of `m=audio 3456/2`, which nobody uses and we never write. */
  readonly portCount: number | undefined
  readonly protocol: string
  /** Payload types for RTP, tokens for the rest. */
  readonly formats: readonly string[]
}

export type MediaSection = { readonly media: MediaLine; readonly lines: readonly SdpLine[] }

export type Description = {
  /** Everything before the first `m=`, in order. */
  readonly session: readonly SdpLine[]
  readonly media: readonly MediaSection[]
}

/** The attribute's value: `''` for a flag like `a=rtcp-mux`, undefined when absent. */
export function attribute(lines: readonly SdpLine[], name: string): string | undefined {
  for (const line of lines) {
    if (line.type !== 'a' || attributeName(line) !== name) continue
    return line.value.length === name.length ? '' : line.value.slice(name.length + 1)
  }
  return undefined
}

export function attributeName(line: SdpLine): string {
  const colon = line.value.indexOf(':')
  return colon === -1 ? line.value : line.value.slice(0, colon)
}

export function firstOf(lines: readonly SdpLine[], type: string): string | undefined {
  return lines.find((line) => line.type === type)?.value
}
