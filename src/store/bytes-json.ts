//! Values with bytes in them as JSON: bytes become base64 under a name of its own. Pure but for
//! Buffer.

type Bytes = { readonly $bytes: string }

export function toJson(value: unknown): string {
  return JSON.stringify(value, replace)
}

export function fromJson(text: string): unknown {
  return JSON.parse(text, revive)
}

function replace(_: string, value: unknown): unknown {
  if (!(value instanceof Uint8Array)) return value
  return { $bytes: Buffer.from(value).toString('base64') } satisfies Bytes
}

function revive(_: string, value: unknown): unknown {
  return isBytes(value) ? new Uint8Array(Buffer.from(value.$bytes, 'base64')) : value
}

function isBytes(value: unknown): value is Bytes {
  return typeof value === 'object' && value !== null && '$bytes' in value
}
