//! The running product, as a user starts it: a process of its own on free ports with a data
//! directory of its own.

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { endWithUs } from './children.ts'
import type { Status } from '../../src/console/api/shapes.ts'
import { readRunFile } from '../../src/config/run-file.ts'

const ROOT = join(import.meta.dirname, '..', '..')
const START_MS = 20_000
const STOP_MS = 15_000

export type ProductOptions = {
  /** Options besides the ports, the data directory and the address. */
  readonly args?: readonly string[]
  /** Kept when given; else made, and removed by `stop`. */
  readonly data?: string
  /** The single executable; the source tree when absent. */
  readonly executable?: string
  /** Command in front of it, such as `taskset -c 1`. */
  readonly prefix?: readonly string[]
}

export type Product = {
  readonly process: ChildProcess
  readonly data: string
  readonly token: string
  /** `http://127.0.0.1:port` */
  readonly url: string
  /** Ports by transport: udp, tcp, tls, ws, wss. */
  readonly ports: Readonly<Record<string, number>>
  /** All it has written so far, both streams. */
  output(): string
  api<T>(method: string, path: string, body?: unknown): Promise<T>
  /** Ends it as systemd would, removes its data unless they were given; the exit code. */
  stop(): Promise<number>
  /** Ends it as a power cut would. */
  kill(): Promise<void>
}

export async function startProduct(options: ProductOptions = {}): Promise<Product> {
  const data = options.data ?? mkdtempSync(join(tmpdir(), 'pbx-product-'))
  const { child, output, exited } = run(options, data)
  const deadline = Date.now() + START_MS
  for (;;) {
    const running = readRunFile(data)
    if (running !== undefined && running.pid === child.pid)
      return productOf(child, data, running.api, output, exited, options.data === undefined)
    if (child.exitCode !== null || Date.now() > deadline) {
      child.kill('SIGKILL')
      throw new Error(`the product did not start (exit ${child.exitCode}):\n${output()}`)
    }
    await sleep(20)
  }
}

/** Starts it and waits until it ends by itself: for commands, and for what it refuses. */
export async function runProduct(
  args: readonly string[],
  stdin?: string | Buffer,
): Promise<{ readonly code: number; readonly output: string }> {
  const program = [process.execPath, join(ROOT, 'src/main.ts'), ...args]
  const { output, exited } = spawned(program, stdin)
  return { code: await exited, output: output() }
}

type Started = {
  readonly child: ChildProcess
  readonly output: () => string
  readonly exited: Promise<number>
}

function run({ args = [], executable, prefix = [] }: ProductOptions, data: string): Started {
  const program =
    executable === undefined ? [process.execPath, join(ROOT, 'src/main.ts')] : [executable]
  const ports = ['sip-port', 'sip-tls-port', 'http-port', 'https-port'].flatMap((name) =>
    args.includes(`--${name}`) ? [] : [`--${name}`, '0'],
  )
  const address = args.includes('--address') ? [] : ['--address', '127.0.0.1']
  return spawned([...prefix, ...program, '--data', data, ...address, ...ports, ...args])
}

function spawned([command = '', ...args]: readonly string[], stdin: string | Buffer = ''): Started {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] })
  child.stdin.end(stdin)
  let text = ''
  const take = (piece: Buffer): void => void (text += piece.toString())
  child.stdout.on('data', take)
  child.stderr.on('data', take)
  const exited = new Promise<number>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve(code ?? (signal === 'SIGKILL' ? 137 : 143)))
  })
  endWithUs(child)
  return { child, output: () => text, exited }
}

async function productOf(
  child: ChildProcess,
  data: string,
  url: string,
  output: () => string,
  exited: Promise<number>,
  temporary: boolean,
): Promise<Product> {
  const token = readFileSync(join(data, 'api.token'), 'utf8').trim()
  const api = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const response = await fetch(`${url}/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
    return (text === '' ? undefined : JSON.parse(text)) as T
  }
  const { endpoints } = await api<Status>('GET', '/status')
  const ports = Object.fromEntries(endpoints.map(({ transport, port }) => [transport, port]))
  const end = async (signal: NodeJS.Signals): Promise<number> => {
    child.kill(signal)
    const late = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
    const code = await exited
    clearTimeout(late)
    return code
  }
  return {
    process: child,
    data,
    token,
    url,
    ports,
    output,
    api,
    async stop() {
      const code = await end('SIGTERM')
      if (temporary) rmSync(data, { recursive: true, force: true })
      return code
    },
    async kill() {
      await end('SIGKILL')
    },
  }
}
