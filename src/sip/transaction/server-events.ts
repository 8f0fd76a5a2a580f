//! What both server machines hear and do.

export type ServerEvent =
  /** The request again. */
  | 'request'
  /** The transaction user answers. */
  | 'TU 1xx'
  | 'TU 2xx'
  | 'TU 300-699'
  | 'TU 408'
  | 'ack'
  | 'transport-error'
  | `timer ${'100' | 'G' | 'H' | 'hope' | 'I' | 'J' | 'L'}`

export type ServerAction =
  /** The request goes up. */
  | 'deliver'
  | 'deliver-ack'
  | 'send-trying'
  /** The answer the transaction user just gave. */
  | 'send-response'
  /** The answer sent last. */
  | 'resend'
  | 'timed-out'
  | 'transport-failed'

export function classifyAnswer(status: number, invite: boolean): ServerEvent {
  if (status === 408 && !invite) return 'TU 408'
  if (status < 200) return 'TU 1xx'
  return status < 300 ? 'TU 2xx' : 'TU 300-699'
}
