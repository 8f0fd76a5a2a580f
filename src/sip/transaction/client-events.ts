//! What both client machines hear and do.

export type ClientEvent =
  | '1xx'
  | '2xx'
  | '300-699'
  | 'transport-error'
  /** A CANCEL of this INVITE goes out. */
  | 'cancel'
  | `timer ${'A' | 'B' | 'CANCEL' | 'D' | 'E' | 'F' | 'K' | 'M'}`

export type ClientAction =
  | 'send-request'
  /** To a 300-699 only; the ACK to a 2xx is the transaction user's. */
  | 'send-ack'
  /** The response goes up. */
  | 'deliver'
  | 'timed-out'
  | 'transport-failed'

export function classify(status: number): '1xx' | '2xx' | '300-699' {
  if (status < 200) return '1xx'
  return status < 300 ? '2xx' : '300-699'
}
