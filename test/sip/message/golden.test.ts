//! Golden scripts of the message room: text in, canonical dump out. `\xNN`, `\r`, `\n` and `\t` in
//! a script stand for those bytes; the lines of a message are joined with CRLF.

import { join } from 'node:path'
import { Headers } from '../../../src/sip/message/headers.ts'
import { request, type SipMessage, type SipRequest } from '../../../src/sip/message/message.ts'
import { formatNameAddr, parseNameAddr } from '../../../src/sip/message/name-addr.ts'
import { Params } from '../../../src/sip/message/params.ts'
import { parseMessage } from '../../../src/sip/message/parse.ts'
import { reply } from '../../../src/sip/message/reply.ts'
import { serialize } from '../../../src/sip/message/serialize.ts'
import { binary } from '../../../src/sip/message/text.ts'
import { parseUri, sameUri } from '../../../src/sip/message/uri.ts'
import { refusal } from '../../../src/sip/message/validate.ts'
import { formatVia, parseVia, withReceived } from '../../../src/sip/message/via.ts'
import * as views from '../../../src/sip/message/views.ts'
import { walk, type Command } from '../../harness/datadriven.ts'
import { ABLE } from './able.ts'
import { dumpBytes, dumpNameAddr, dumpUri, dumpVia, show } from './dump.ts'

walk(join(import.meta.dirname, 'testdata'), () => (command) => {
  const handle = HANDLERS[command.name]
  return handle === undefined ? `unknown command ${command.name}` : handle(command)
})

const HANDLERS: Readonly<Record<string, (command: Command) => string>> = {
  uri: ({ body }) => eachLine(body, (text) => dumpUri(parseUri(text))),
  'same-uri': ({ body }) => sameUris(body.map(unescaped)),
  'name-addr': ({ body }) =>
    eachLine(body, (text) => {
      const address = parseNameAddr(text)
      const again = address === undefined ? '' : ` -> ${show(formatNameAddr(address))}`
      return `${dumpNameAddr(address)}${again}`
    }),
  via: ({ body }) =>
    eachLine(body, (text) => {
      const via = parseVia(text)
      return `${dumpVia(via)}${via === undefined ? '' : ` -> ${formatVia(via)}`}`
    }),
  received: ({ body, words: [address = '', port] }) =>
    eachLine(body, (text) => {
      const via = parseVia(text)
      return via === undefined ? 'malformed' : formatVia(withReceived(via, address, Number(port)))
    }),
  view: ({ words: [name = '', header = ''], body }) => viewOf(name, header, body),
  message: (command) => dumpBytes(messageBytes(command)),
  write: (command) => {
    const result = parseMessage(messageBytes(command))
    return result.ok ? written(result.value) : result.error.rule
  },
  build: ({ words: [method = '', ...uri], body }) =>
    written(request(unescaped(method), unescaped(uri.join(' ')), fieldsOf(body))),
  headers: ({ body }) => operate(body),
  reply: (command) => {
    const status = Number(command.words[0])
    const toTag = command.arg('tag')
    return written(reply(asRequest(command), status, toTag === undefined ? {} : { toTag }))
  },
  refuse: (command) => JSON.stringify(refusal(asRequest(command), ABLE) ?? 'served'),
}

function unescaped(text: string): string {
  return text
    .replaceAll(/\\x([\da-f]{2})/g, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    )
    .replaceAll(String.raw`\r`, '\r')
    .replaceAll(String.raw`\n`, '\n')
    .replaceAll(String.raw`\t`, '\t')
}

function eachLine(lines: readonly string[], dump: (text: string) => string): string {
  return lines.map((line) => dump(unescaped(line))).join('\n')
}

function sameUris([first = '', ...others]: readonly string[]): string {
  const a = parseUri(first)
  const verdicts = others.map((text) => {
    const b = parseUri(text)
    if (a === undefined || b === undefined) return 'malformed'
    if (sameUri(a, b) !== sameUri(b, a)) return 'not symmetric'
    return `${sameUri(a, b) ? 'same' : 'different'}  ${show(text)}`
  })
  return verdicts.join('\n')
}

/** The lines joined, an empty one after them when there is none among them. */
function messageBytes({ body, words }: Command): Uint8Array {
  const lines = body.map(unescaped)
  const text = lines.join(words.includes('lf') ? '\n' : '\r\n')
  if (words.includes('whole')) return binary(text)
  return binary(lines.includes('') ? text : `${text}\r\n\r\n`)
}

function asRequest(command: Command): SipRequest {
  const result = parseMessage(messageBytes(command))
  const message = result.ok ? result.value : result.error.partial
  if (message?.kind !== 'request') throw new Error('the script holds no request')
  return message
}

function written(message: SipMessage): string {
  const text = serialize(message).toString('latin1')
  // The empty line after the head would end the script's case.
  const [head = '', body = ''] = text.split('\r\n\r\n')
  return [...head.split('\r\n'), ...(body === '' ? [] : [`body ${body}`])].map(show).join('\n')
}

function fieldsOf(lines: readonly string[]): Headers {
  return Headers.of(
    lines.map((line) => {
      const [name = '', ...value] = line.split(': ')
      return [unescaped(name), unescaped(value.join(': '))]
    }),
  )
}

/** `add name: value` and the like, one a line, then what is left. */
function operate(lines: readonly string[]): string {
  const headers = new Headers()
  const seen: string[] = []
  for (const line of lines) {
    const [, verb = '', name = '', value = ''] = /^(\S+) ([^:]+)(?:: (.*))?$/.exec(line) ?? []
    if (verb === 'add') headers.add(name, value)
    else if (verb === 'prepend') headers.prepend(name, value)
    else if (verb === 'set') headers.set(name, value)
    else if (verb === 'remove') headers.remove(name)
    else if (verb === 'drop-first') headers.dropFirst(name)
    else if (verb === 'list') seen.push(`${name}: ${headers.list(name).join(' | ')}`)
    else if (verb === 'get') seen.push(`${name}: ${headers.get(name) ?? 'absent'}`)
    else seen.push(`unknown verb ${verb}`)
  }
  return [...seen, ...Array.from(headers.entries(), ([name, value]) => `${name}=${value}`)].join(
    '\n',
  )
}

function viewOf(name: string, header: string, lines: readonly string[]): string {
  const headers = new Headers()
  for (const line of lines) headers.add(header, unescaped(line))
  const view = Object.entries(views).find(([key]) => key === name)?.[1]
  if (view === undefined) return `unknown view ${name}`
  const value = view(request('OPTIONS', 'sip:a@example.com', headers))
  return value === undefined
    ? 'absent or malformed'
    : JSON.stringify(value, (_, part) => (part instanceof Params ? part.toString() : part))
}
