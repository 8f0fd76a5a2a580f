//! One call of the load, both of its ends, and what both have in common.

import type { Plan } from './plans.ts'

export const ADDRESS = '127.0.0.1'
const SILENT_PORT = 40_000

export type Dialog = {
  readonly callId: string
  /** From of what this end sends, with its tag. */
  readonly local: string
  remote: string
  /** Request-URI of what this end sends. */
  target: string
  /** Route lines, with their line ends. */
  routes: string
  cseq: number
}

export type Call = {
  readonly serial: number
  readonly pair: number
  readonly plan: Plan
  readonly since: number
  readonly caller: Dialog
  phase: 'calling' | 'up' | 'leaving' | 'over'
  /** Which INVITE it is: the first is challenged. */
  invite: string
  ack: string
  ringing: boolean
  callee: Dialog | undefined
  /** The callee's last answer to its INVITE, sent again when that comes again. */
  answer: string
  /** What it answers when it is cancelled. */
  refusal: string
  /** The callee is going to hang up. */
  calleeLeaves: boolean
  calleeOver: boolean
  callerOver: boolean
  /** Real packets go both ways. */
  readonly sounds: boolean
}

export type RequestText = {
  readonly method: string
  readonly port: number
  readonly branch: string
  readonly cseq: number
  readonly more?: string
  readonly body?: string
}

export function requestText(dialog: Dialog, request: RequestText): string {
  const { method, port, branch, cseq, more = '', body = '' } = request
  const contact = `<sip:load@${ADDRESS}:${port}>`
  return (
    `${method} ${dialog.target} SIP/2.0\r\n` +
    `Via: SIP/2.0/UDP ${ADDRESS}:${port};branch=z9hG4bK${branch}\r\n${dialog.routes}` +
    `Max-Forwards: 70\r\nFrom: ${dialog.local}\r\nTo: ${dialog.remote}\r\n` +
    `Call-ID: ${dialog.callId}\r\nCSeq: ${cseq} ${method}\r\nContact: ${contact}\r\n${more}` +
    (body === '' ? '' : 'Content-Type: application/sdp\r\n') +
    `Content-Length: ${body.length}\r\n\r\n${body}`
  )
}

/** `port` undefined: nobody listens there, and nothing is sent. */
export function sdpText(port: number | undefined): string {
  return [
    'v=0',
    `o=- 1 1 IN IP4 ${ADDRESS}`,
    's=-',
    `c=IN IP4 ${ADDRESS}`,
    't=0 0',
    `m=audio ${port ?? SILENT_PORT} RTP/AVP 0 8 101`,
    'a=rtpmap:101 telephone-event/8000',
    'a=sendrecv',
    '',
  ].join('\r\n')
}

/** Port of the audio line of a message's body. */
export function audioPort(text: string): number {
  return Number(/\r\nm=audio (\d+) /.exec(text)?.[1] ?? 0)
}
