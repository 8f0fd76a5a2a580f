/** An IPv4 address that no other host reaches (RFC 1122 §3.2.1.3). */
export function isLoopback(address: string): boolean {
  return address.startsWith('127.')
}
