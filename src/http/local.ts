//! Whether a peer is on this machine. Pure.

/** `address` as Node writes it: IPv4 may come dressed as IPv6. */
export function isLocal(address: string): boolean {
  return /^(127\.|::1$|::ffff:127\.)/.test(address)
}
