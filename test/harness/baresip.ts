//! A real phone: baresip with a tone for a microphone and a WAV file for a loudspeaker, driven
//! over its control socket (JSON in netstrings).

import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { connect, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { endWithUs } from './children.ts'
import type { LanHost, Wire } from './lan.ts'

const MODULES = ['/usr/lib/baresip/modules', '/usr/lib/x86_64-linux-gnu/baresip/modules']
const PATIENCE_MS = 10_000
const TRIES = 3

export type PhoneOptions = {
  readonly user: string
  readonly password: string
  readonly domain: string
  /** `127.0.0.1:5060` */
  readonly server: string
  readonly transport?: 'udp' | 'tcp' | 'tls'
  readonly codecs?: string
  /** Hz of the tone it sends. */
  readonly tone?: number
  readonly answer?: 'manual' | 'auto'
  readonly mediaEncryption?: string
  /** Keeps its connection alive, and makes another when it is gone (RFC 5626). */
  readonly outbound?: boolean
  /** Where it runs: this host's loopback when left out. */
  readonly at?: LanHost
}

export type PhoneEvent = { readonly type: string; readonly [field: string]: unknown }

export class Baresip {
  readonly #options: PhoneOptions
  readonly #directory: string
  readonly #events: PhoneEvent[] = []
  readonly #process: ChildProcess
  readonly #exited: Promise<void>
  #socket: Wire | undefined
  #received = Buffer.alloc(0)
  #log = ''

  private constructor(options: PhoneOptions, control: number, sip: number) {
    this.#options = options
    this.#directory = mkdtempSync(join(tmpdir(), `pbx-phone-${options.user}-`))
    writeFileSync(join(this.#directory, 'config'), config(options, this.#directory, control, sip))
    writeFileSync(join(this.#directory, 'accounts'), account(options))
    writeFileSync(join(this.#directory, 'contacts'), '')
    const stdio = ['ignore', 'pipe', 'pipe'] as const
    const args = ['-4', '-f', this.#directory]
    const { at } = options
    const child = at?.spawn('baresip', ...args) ?? spawn('baresip', args, { stdio: [...stdio] })
    child.stdout?.on('data', (piece: Buffer) => void (this.#log += piece.toString()))
    child.stderr?.on('data', (piece: Buffer) => void (this.#log += piece.toString()))
    this.#process = child
    this.#exited = new Promise((resolve, reject) => {
      child.on('error', (error) =>
        reject(new Error(`baresip (Debian: baresip-core) is needed: ${error.message}`)),
      )
      child.on('close', () => resolve())
    })
    endWithUs(child)
  }

  /** Runs and is registered. */
  static async start(options: PhoneOptions): Promise<Baresip> {
    const phone = await Baresip.#ready(options)
    await phone.#until('registered', () => {
      const [, status] = /\{\d\/\w+\/v4\} (\d{3}) /.exec(phone.#log) ?? []
      if (status === '200') return true
      const failed = phone.#events.find(({ type }) => type === 'REGISTER_FAIL')
      // It may have been refused before anyone listened to its events.
      const [, refused = status] = /reg: \S+: (\d{3} [A-Za-z ]+)/.exec(phone.#log) ?? []
      const reason = failed === undefined ? refused : JSON.stringify(failed['param'])
      if (reason !== undefined) throw phone.#failure(`REGISTER got ${reason}`)
      return undefined
    })
    return phone
  }

  /** Somebody else may take the ports before it does. */
  static async #ready(options: PhoneOptions): Promise<Baresip> {
    for (let tried = 1; ; tried++) {
      const control = await freePort()
      const phone = new Baresip(options, control, await freePort())
      try {
        await phone.#connect(control)
        return phone
      } catch (error) {
        if (tried === TRIES || !phone.#log.includes('Address already in use')) throw error
        phone.remove()
      }
    }
  }

  dial(user: string): void {
    this.command('dial', `sip:${user}@${this.#options.domain}`)
  }

  accept(): void {
    this.command('accept')
  }

  hangup(): void {
    this.command('hangup')
  }

  /** A long command of baresip: `hold`, `resume`, `transfer`, `sndcode` … */
  command(name: string, params = ''): void {
    const text = JSON.stringify({ command: name, params, token: 't' })
    this.#socket?.write(`${Buffer.byteLength(text)}:${text},`)
  }

  /** The next event of this type; each is given out once. */
  event(type: string, ms = PATIENCE_MS): Promise<PhoneEvent> {
    const taken = (): PhoneEvent | undefined => {
      const at = this.#events.findIndex((event) => event.type === type)
      return at === -1 ? undefined : this.#events.splice(at, 1)[0]
    }
    return this.#until(type, taken, ms)
  }

  /** WAV files of what it heard, one a call, complete once the phone has stopped. */
  heard(): readonly string[] {
    const names = readdirSync(this.#directory).filter((name) => name.endsWith('-dec.wav'))
    return names.sort().map((name) => join(this.#directory, name))
  }

  async stop(): Promise<void> {
    this.command('quit')
    const stopped = await Promise.race([this.#exited.then(() => true), sleep(3_000)])
    if (stopped !== true) this.#process.kill('SIGKILL')
    await this.#exited
    this.#socket?.destroy()
  }

  /** After what it heard has been looked at. */
  remove(): void {
    rmSync(this.#directory, { recursive: true, force: true })
  }

  async #connect(port: number): Promise<void> {
    await this.#until('ready', async () => {
      const { at } = this.#options
      const opening = at === undefined ? connected(port) : at.connect('127.0.0.1', port)
      const socket = await opening
      if (socket === undefined) return undefined
      socket.onData((piece) => this.#take(piece))
      this.#socket = socket
      return true
    })
  }

  /** Netstrings: `length:json,` */
  #take(piece: Buffer): void {
    this.#received = Buffer.concat([this.#received, piece])
    for (;;) {
      const colon = this.#received.indexOf(':')
      if (colon === -1) return
      const end = colon + 1 + Number(this.#received.toString('latin1', 0, colon))
      if (this.#received.length <= end) return
      const event: unknown = JSON.parse(this.#received.toString('utf8', colon + 1, end))
      this.#received = this.#received.subarray(end + 1)
      if (isEvent(event)) this.#events.push(event)
    }
  }

  async #until<T>(
    what: string,
    look: () => T | undefined | Promise<T | undefined>,
    ms = PATIENCE_MS,
  ): Promise<T> {
    const deadline = Date.now() + ms
    for (;;) {
      const found = await look()
      if (found !== undefined) return found
      if (this.#process.exitCode !== null) await this.#exited
      if (this.#process.exitCode !== null || Date.now() > deadline)
        throw this.#failure(`no ${what}; events: ${this.#events.map(({ type }) => type).join(' ')}`)
      await sleep(20)
    }
  }

  #failure(message: string): Error {
    return new Error(`phone ${this.#options.user}: ${message}\n${this.#log.slice(-2_000)}`)
  }
}

function connected(port: number): Promise<Wire | undefined> {
  const socket = connect(port, '127.0.0.1')
  return new Promise((resolve) => {
    socket.once('connect', () =>
      resolve({
        write: (text) => void socket.write(text),
        onData: (listener) => void socket.on('data', listener),
        destroy: () => void socket.destroy(),
      }),
    )
    socket.on('error', () => {
      socket.destroy()
      resolve(undefined)
    })
  })
}

function isEvent(value: unknown): value is PhoneEvent {
  return typeof value === 'object' && value !== null && 'type' in value
}

function config(options: PhoneOptions, directory: string, control: number, sip: number): string {
  const modules = [
    'opus',
    'g722',
    'g711',
    'ausine',
    'aufile',
    'sndfile',
    'srtp',
    'dtls_srtp',
    'uuid',
  ]
  const apps = ['menu', 'contact', 'mwi', 'presence', 'ctrl_tcp']
  return [
    'poll_method epoll',
    `sip_listen ${options.at?.address ?? '127.0.0.1'}:${sip}`,
    `net_interface ${options.at === undefined ? '127.0.0.1' : 'eth0'}`,
    `audio_player aufile,${join(directory, 'unused.wav')}`,
    `audio_source ausine,${options.tone ?? 1017}`,
    'audio_alert ausine,0',
    // ausine makes two channels at 48 kHz; baresip converts them to what the codec wants.
    'ausrc_srate 48000',
    'ausrc_channels 2',
    'ausrc_format s16',
    'auplay_format s16',
    'auenc_format s16',
    'audec_format s16',
    'audio_buffer 20-160',
    'audio_txmode thread',
    'jitter_buffer_delay 1-5',
    'rtp_ports 20000-29998',
    'call_local_timeout 120',
    'menu_bell no',
    'ringback_disabled yes',
    'statmode_default off',
    `snd_path ${directory}`,
    `module_path ${MODULES.find((path) => existsSync(path)) ?? ''}`,
    ...modules.map((name) => `module ${name}.so`),
    'module_tmp account.so',
    ...apps.map((name) => `module_app ${name}.so`),
    `ctrl_tcp_listen 127.0.0.1:${control}`,
    '',
  ].join('\n')
}

function account(options: PhoneOptions): string {
  const { user, password, domain, server, transport = 'udp', codecs, mediaEncryption } = options
  const parameters = [
    `<sip:${user}@${domain};transport=${transport}>`,
    `auth_user=${user}`,
    `auth_pass=${password}`,
    `answermode=${options.answer ?? 'manual'}`,
    'regint=600',
    'call_transfer=yes',
    options.outbound === true ? 'sipnat=outbound' : '',
    `outbound="sip:${server};transport=${transport}"`,
    codecs === undefined ? '' : `audio_codecs=${codecs}`,
    mediaEncryption === undefined ? '' : `mediaenc=${mediaEncryption}`,
  ]
  return `${parameters.filter((each) => each !== '').join(';')}\n`
}

/** A TCP port that was free a moment ago. */
/** A TCP port that is free, and the next one too: baresip takes that for TLS. */
async function freePort(): Promise<number> {
  for (;;) {
    const first = await listen(0)
    const port = portOf(first)
    const second = await listen(port + 1).catch(() => undefined)
    await closed(first)
    if (second === undefined) continue
    await closed(second)
    return port
  }
}

async function listen(port: number): Promise<Server> {
  const server = createServer()
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return server
}

function portOf(server: Server): number {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

async function closed(server: Server): Promise<void> {
  server.close()
  await once(server, 'close')
}
