//! A name server for tests: answers from a table, over UDP, in real DNS packets (RFC 1035).

import { createSocket } from 'node:dgram'
import { once } from 'node:events'

export type Zone = Readonly<Record<string, readonly Buffer[]>>

const TYPES: Readonly<Record<number, string>> = { 1: 'A', 28: 'AAAA', 33: 'SRV', 35: 'NAPTR' }

export type NameServer = { readonly address: string; readonly asked: string[]; close(): void }

/** `zone` is keyed by `TYPE name`; `silent` names get no answer at all. */
export async function nameServer(zone: Zone, silent: readonly string[] = []): Promise<NameServer> {
  const socket = createSocket('udp4')
  const asked: string[] = []
  socket.on('message', (query, from) => {
    const { name, type, end } = question(query)
    const key = `${TYPES[type] ?? type} ${name}`
    asked.push(key)
    if (silent.includes(name)) return
    const records = zone[key] ?? []
    const header = Buffer.from(query.subarray(0, 12))
    header.writeUInt16BE(0x8180, 2)
    header.writeUInt16BE(records.length, 6)
    header.writeUInt32BE(0, 8)
    const answers = records.map((data) => record(type, data))
    socket.send(Buffer.concat([header, query.subarray(12, end), ...answers]), from.port)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const address = `127.0.0.1:${socket.address().port}`
  return { address, asked, close: () => void socket.close() }
}

export function a(address: string): Buffer {
  return Buffer.from(address.split('.').map(Number))
}

export function srv(priority: number, weight: number, port: number, name: string): Buffer {
  return Buffer.concat([numbers(priority, weight, port), labels(name)])
}

export function naptr(order: number, preference: number, service: string, to: string): Buffer {
  const texts = [text('s'), text(service), text('')]
  return Buffer.concat([numbers(order, preference), ...texts, labels(to)])
}

function record(type: number, data: Buffer): Buffer {
  const head = Buffer.alloc(12)
  head.writeUInt16BE(0xc00c, 0)
  head.writeUInt16BE(type, 2)
  head.writeUInt16BE(1, 4)
  head.writeUInt32BE(60, 6)
  head.writeUInt16BE(data.length, 10)
  return Buffer.concat([head, data])
}

function question(query: Buffer): { name: string; type: number; end: number } {
  const names: string[] = []
  let at = 12
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    names.push(query.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  return { name: names.join('.').toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 }
}

function labels(name: string): Buffer {
  return Buffer.concat([...name.split('.').map(text), Buffer.from([0])])
}

function text(value: string): Buffer {
  return Buffer.concat([Buffer.from([value.length]), Buffer.from(value, 'latin1')])
}

function numbers(...values: number[]): Buffer {
  const bytes = Buffer.alloc(2 * values.length)
  values.forEach((value, index) => bytes.writeUInt16BE(value, 2 * index))
  return bytes
}
