//! `pbx logs`: the log that the nodes keep, as it comes.

import type { Client } from './client.ts'
import type { Invocation } from './invocation.ts'
import { printable } from './table.ts'
import type { Terminal } from './terminal.ts'

type Asked = Extract<Invocation, { kind: 'command' }> & { readonly command: 'logs' }

export async function showLogs(
  client: Client,
  { node, files, json }: Asked,
  terminal: Terminal,
): Promise<number> {
  const query = new URLSearchParams()
  if (node !== undefined) query.set('node', node)
  if (files !== undefined) query.set('files', files)
  const { bytes } = await client.download('GET', `/logs?${query.toString()}`)
  let rest = ''
  bytes.setEncoding('utf8')
  for await (const piece of bytes) {
    const lines = (rest + String(piece)).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) terminal.out(`${json ? line : textOf(line)}\n`)
  }
  return 0
}

/** `2026-11-21T08:00:00.000Z n1 info  server.started version=1`. */
function textOf(line: string): string {
  let event: Record<string, unknown>
  try {
    event = JSON.parse(line) as Record<string, unknown>
  } catch {
    return printable(line) // cut off where a node died
  }
  const { time = '', node = '', level = '', event: name = '', ...fields } = event
  const told = Object.entries(fields).map(([key, value]) => ` ${key}=${JSON.stringify(value)}`)
  const head = `${String(time)} ${String(node)} ${String(level).padEnd(5)} ${String(name)}`
  return printable(head + told.join(''))
}
