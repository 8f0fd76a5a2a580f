//! What IPv4 subnets are made of (RFC 4632). Pure.

/** The first address of the subnet that `address` is in. */
export function networkOf(address: string, prefix: number): string {
  return textOf(numberOf(address) - (numberOf(address) % sizeOf(prefix)))
}

function sizeOf(prefix: number): number {
  return 2 ** (32 - prefix)
}

function numberOf(address: string): number {
  return address.split('.').reduce((sum, part) => 256 * sum + Number(part), 0)
}

function textOf(number: number): string {
  return [24, 16, 8, 0].map((bits) => Math.floor(number / 2 ** bits) % 256).join('.')
}
