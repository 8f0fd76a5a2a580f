//! Hosts on a LAN: network namespaces with a bridge between them, made by the test that uses them.

import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { endWithUs } from './children.ts'

/** False where this user may not make namespaces, or `ip` is missing. */
export function canMakeLan(): boolean {
  try {
    execFileSync('unshare', ['-n', 'ip', 'link', 'add', 'probe', 'type', 'bridge'])
    return true
  } catch {
    return false // told by whoever asks
  }
}

const PIPE = `
  const socket = require('node:net').connect(Number(process.argv[2]), process.argv[1], () => {
    process.stdout.write('+')
    setTimeout(() => socket.pipe(process.stdout), 50)
    process.stdin.pipe(socket)
  })
  socket.on('error', () => process.exit(1))
  socket.on('close', () => process.exit(0))
`

/** At the switch: from which port what is not passed on to which. */
const BLOCKS =
  'add table bridge blocks; add set bridge blocks ways { typeof iifname . oifname; }; ' +
  'add chain bridge blocks between { type filter hook forward priority 0; }; ' +
  'add rule bridge blocks between iifname . oifname @ways drop'

/** A connection, as far as its user needs one. */
export type Wire = {
  readonly write: (text: string) => void
  readonly onData: (listener: (piece: Buffer) => void) => void
  readonly destroy: () => void
}

export class Lan {
  readonly #prefix: string
  readonly #names = new Map<string, string>()
  readonly hosts: LanHost[] = []

  constructor(prefix: string) {
    this.#prefix = `${prefix}-${process.pid}`
    const hub = this.#add('hub')
    ip(hub, 'link add br0 type bridge')
    ip(hub, 'link set br0 up')
    run('ip', `netns exec ${hub} nft ${BLOCKS}`)
    process.once('exit', () => this.remove())
  }

  /** A host of that name at `network`.`last`/24. */
  host(name: string, last: number, network = '10.9.0'): LanHost {
    const space = this.#add(name)
    const hub = this.#space('hub')
    const port = `p${this.hosts.length + 1}`
    run('ip', `link add ${port} netns ${hub} type veth peer name eth0 netns ${space}`)
    ip(hub, `link set ${port} master br0`)
    ip(hub, `link set ${port} up`)
    ip(space, 'link set lo up')
    ip(space, `addr add ${network}.${last}/24 dev eth0`)
    ip(space, 'link set eth0 up')
    const host = new LanHost(name, space, `${network}.${last}`, hub, port)
    this.hosts.push(host)
    return host
  }

  /** From now on nothing that any of `from` sends gets to any of `to`; the other way it does. */
  block(from: readonly LanHost[], to: readonly LanHost[]): void {
    const ways = from.flatMap((one) => to.map((other) => `${one.port} . ${other.port}`))
    this.#switch(`add element bridge blocks ways { ${ways.join(', ')} }`)
  }

  /** Everything gets everywhere again. */
  unblock(): void {
    this.#switch('flush set bridge blocks ways')
  }

  #switch(command: string): void {
    run('ip', `netns exec ${this.#space('hub')} nft ${command}`)
  }

  remove(): void {
    for (const space of this.#names.values())
      try {
        run('ip', `netns del ${space}`)
      } catch {
        // Removed by an earlier call.
      }
    this.#names.clear()
  }

  #add(name: string): string {
    const space = `${this.#prefix}-${name}`
    run('ip', `netns add ${space}`)
    this.#names.set(name, space)
    return space
  }

  #space(name: string): string {
    return this.#names.get(name) ?? ''
  }
}

export class LanHost {
  readonly name: string
  readonly address: string
  readonly #space: string
  readonly #hub: string
  /** Of the switch. */
  readonly port: string

  constructor(name: string, space: string, address: string, hub: string, port: string) {
    this.name = name
    this.address = address
    this.#space = space
    this.#hub = hub
    this.port = port
  }

  get mac(): string {
    return this.run('cat', '/sys/class/net/eth0/address').trim()
  }

  spawn(command: string, ...args: readonly string[]): ChildProcess {
    const within = ['netns', 'exec', this.#space, command, ...args]
    const child = spawn('ip', within, { stdio: ['pipe', 'pipe', 'pipe'] })
    endWithUs(child)
    return child
  }

  /** A TCP connection that is made there; undefined when it is refused. */
  connect(address: string, port: number): Promise<Wire | undefined> {
    const within = ['netns', 'exec', this.#space, process.execPath, '-e', PIPE, address]
    const child = spawn('ip', [...within, String(port)], { stdio: ['pipe', 'pipe', 'ignore'] })
    endWithUs(child)
    const { stdin, stdout } = child
    return new Promise((resolve) => {
      child.once('close', () => resolve(undefined))
      // It says a byte of its own once it is connected.
      stdout.once('data', () =>
        resolve({
          write: (text) => void stdin.write(text),
          onData: (listener) => void stdout.on('data', listener),
          destroy: () => void child.kill(),
        }),
      )
    })
  }

  /** Of all that runs there. */
  get processes(): readonly number[] {
    const told = execFileSync('ip', ['netns', 'pids', this.#space], { encoding: 'utf8' })
    return told
      .split('\n')
      .filter((line) => line !== '')
      .map(Number)
  }

  run(command: string, ...args: readonly string[]): string {
    const within = ['netns', 'exec', this.#space, command, ...args]
    return execFileSync('ip', within, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  }

  /** At the switch: the host itself sees its link up, and hears nothing. */
  cut(): void {
    ip(this.#hub, `link set ${this.port} nomaster`)
  }

  mend(): void {
    ip(this.#hub, `link set ${this.port} master br0`)
  }
}

function ip(space: string, command: string): void {
  run('ip', `-n ${space} ${command}`)
}

function run(command: string, words: string): void {
  execFileSync(command, words.split(' '), { stdio: ['ignore', 'ignore', 'pipe'] })
}
