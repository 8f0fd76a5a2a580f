//! Commands that prepare a node while it does not run.

import { isIPv4 } from 'node:net'
import { hostname, networkInterfaces } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { isLoopback } from '../base/address.ts'
import { authority, issue } from '../x509/issue.ts'
import { isOfServer } from '../cluster/join/ask-server.ts'
import { joinCluster, JoinFault } from '../cluster/join/ask.ts'
import { nodeTokens } from '../cluster/join/token.ts'
import {
  ClusterFault,
  PEER_PORT,
  readCluster,
  writeCluster,
  type ClusterFiles,
  type Peer,
  type TimingName,
  type VipSettings,
} from '../cluster/settings.ts'
import { firstNameOf, interfaceNames } from '../cluster/vip/interfaces.ts'
import { claimDataDirectory, ConfigFault } from '../config/data-directory.ts'
import { findInstallation } from '../config/installation.ts'
import { decodeName } from '../config/decoders.ts'
import type { NodeId } from '../control/ids.ts'
import { CliFailure } from './errors.ts'
import type { Invocation, NodeOptions } from './invocation.ts'
import { firstLine, type Terminal } from './terminal.ts'
import { mustBeFree, virtualAddresses } from './virtual-address.ts'

type Asked = Extract<Invocation, { kind: 'command' }>
const COMMANDS = [
  'cluster init',
  'cluster join',
  'cluster rejoin',
  'cluster change',
  'cluster token',
] as const
export type Offline = Extract<Asked, { readonly command: (typeof COMMANDS)[number] }>

/** Beside the first: three of them outlive the loss of one. */
const OTHERS = 2
/** As a store that was alone has named its node. */
const FIRST = 'node-1' as NodeId

export function isOffline(asked: Asked): asked is Offline {
  return COMMANDS.some((command) => command === asked.command)
}

export async function runOffline(asked: Offline, terminal: Terminal): Promise<number> {
  try {
    terminal.out(await carryOut(asked, terminal))
    return 0
  } catch (fault) {
    if (fault instanceof JoinFault) throw new CliFailure(fault.message)
    if (fault instanceof ConfigFault || fault instanceof ClusterFault)
      throw new CliFailure(fault.message, fault.exitCode)
    throw fault
  }
}

async function carryOut(asked: Offline, terminal: Terminal): Promise<string> {
  const { data } = asked.target
  if (asked.command === 'cluster token') return invite(data)
  const release = await claimDataDirectory(data)
  try {
    if (isOfServer(data))
      throw new CliFailure(
        `${data} is of a server of one role: name an empty directory with --data`,
      )
    if (asked.command === 'cluster init') return await init(data, asked.node, asked.vip)
    if (asked.command === 'cluster rejoin') return await rejoin(data, asked.at)
    if (asked.command === 'cluster change') return change(data, asked.node)
    const self = selfOf(FIRST, asked.node)
    const { host, name, port } = self
    const joined = await joinCluster({
      token: await tokenOf(asked.joinToken, terminal),
      data,
      host,
      name,
      port,
      interface:
        asked.node.interface === undefined ? interfaceOf(host) : interfaceFor(asked.node, host),
    })
    return `this host is ${joined.id} (${name}).\n${startText(data)}\n`
  } finally {
    release()
  }
}

/** Its message is the whole story: what it was, what it is, and where the rest has gone. */
async function rejoin(data: string, at: string | undefined): Promise<string> {
  // Brings SQLite, which no other command needs.
  const { rejoinCluster, SET_ASIDE } = await import('../cluster/join/rejoin.ts')
  const { sqlite: addon } = await findInstallation()
  const { before, self } = await rejoinCluster({ data, at, addon })
  return [
    `this host is ${self.id} (${self.name}) now, in the place of ${before}; it gets the state of`,
    `the others when it runs. What it had is in ${join(data, SET_ASIDE)} until the next time.`,
    startText(data),
    '',
  ].join('\n')
}

async function init(data: string, node: NodeOptions, vip: string | undefined): Promise<string> {
  const before = readCluster(data)
  if (before !== undefined) throw new CliFailure(isAlready(data, before))
  const self = selfOf(FIRST, node)
  const now = new Date()
  const ours = authority(`pbx cluster of ${self.name}`, now)
  const files: ClusterFiles = {
    settings: {
      self,
      peers: [],
      vip: vipOf(vip, node, self.host),
      timing: timingOf(node.timing),
      isNew: true,
    },
    identity: issue([FIRST], ours),
    authority: ours,
  }
  const { native } = await findInstallation()
  const notKnown = await mustBeFree(files.settings.vip, native.ok ? native.value : undefined)
  writeCluster(data, files)
  return [
    ...notKnown,
    `this host is ${FIRST} (${self.name}) of a new cluster.`,
    'Start it:',
    `  systemctl start pbx     (or: pbx --data ${data})`,
    'Then run this on each further host, within a day, and give it a token of its own:',
    joinSteps(data, nodeTokens(files, [], OTHERS)),
  ].join('\n')
}

/** Where this node is, and which of its interfaces gets the virtual address. */
function change(data: string, node: NodeOptions): string {
  const files = known(data)
  const { self: before, vip } = files.settings
  const { address = before.host, port = String(before.port), interface: given } = node
  if (given !== undefined && vip === undefined)
    throw new CliFailure('--interface is for the virtual address, and the cluster has none', 2)
  const self = selfOf(before.id, { ...node, address, port, name: before.name })
  if (vip !== undefined) mustBeReached(address)
  const kept = vip && {
    ...vip,
    interface: interfaceFor(node, address, vip.interface),
  }
  writeCluster(data, {
    ...files,
    settings: { ...files.settings, self, vip: kept },
  })
  const holder = kept === undefined ? '' : `; the virtual address goes to ${kept.interface}`
  const said = [`${self.id} (${self.name}) is at ${self.host} port ${self.port}${holder}.`]
  if (self.host !== before.host || self.port !== before.port)
    said.push(
      'The others write that down when it leads: start it, and once it is connected run, on the',
      `host that leads: pbx transfer-leadership --to ${self.id}`,
    )
  else said.push(startText(data))
  return `${said.join('\n')}\n`
}

function isAlready(data: string, { settings: { self, peers, isNew } }: ClusterFiles): string {
  const already = `${data} is of ${self.id} (${self.name}) of a cluster already`
  const undo = `remove ${join(data, 'cluster')}`
  const leave = `run pbx cluster remove ${self.id} on the host that serves, and`
  // Nothing here rests on it yet; but others know of one that has joined.
  if (isNew) return `${already}: to undo that ${peers.length > 0 ? `${leave} ${undo}` : undo}`
  const change = 'pbx cluster change gives it another address or interface'
  return `${already}: ${change}; for another cluster name another directory with --data`
}

function startText(data: string): string {
  return `Start it: systemctl start pbx, or pbx --data ${data}`
}

function known(data: string): ClusterFiles {
  const files = readCluster(data)
  if (files !== undefined) return files
  throw new CliFailure(`${data} is of no cluster: make one with pbx cluster init`)
}

/** For the next host: the token names the id that it gets. */
async function invite(data: string): Promise<string> {
  const files = known(data)
  // Brings SQLite, as for `rejoin`.
  const { givenIdsIn } = await import('../cluster/join/known-nodes.ts')
  const { sqlite: addon } = await findInstallation()
  const steps = joinSteps(data, nodeTokens(files, givenIdsIn(data, addon), 1))
  return `Run this on the next host, within a day, and give it the token:\n${steps}`
}

/** The token is no argument: those are in the list of processes, and in the shell's history. */
function joinSteps(data: string, tokens: readonly string[]): string {
  return [
    `  pbx cluster join - --data ${resolve(data)} --address ADDRESS-OF-THAT-HOST`,
    'Each token is good once, and a key to the whole cluster; pbx cluster token makes another:',
    ...tokens.map((token) => `  ${token}`),
    '',
  ].join('\n')
}

/** As it was given, or the first line of stdin. */
async function tokenOf(given: string, terminal: Terminal): Promise<string> {
  if (given !== '/dev/stdin') return given
  const { stdin, answers } = terminal
  if (!answers) return firstLine(stdin, 'token')
  const reader = createInterface({ input: stdin, output: process.stderr })
  const answer = await reader.question('token: ')
  reader.close()
  return answer.trim()
}

function selfOf(id: NodeId, { address, name, port = String(PEER_PORT) }: NodeOptions): Peer {
  const own = `one of this host's: ${ownAddresses().join(', ')}`
  if (address === undefined) throw new CliFailure(`--address is needed: ${own}`, 2)
  if (!isIPv4(address) || interfaceOf(address) === undefined)
    throw new CliFailure(`--address "${address}" must be ${own}`, 2)
  const named = decodeName(name ?? hostname())
  if (!named.ok) throw new CliFailure(`--name "${name}" ${named.error}`, 2)
  const number = Number(port)
  if (!/^\d+$/.test(port) || number < 1 || number > 65_535)
    throw new CliFailure(`--cluster-port "${port}" must be a port, 1 to 65535`, 2)
  return { id, name: named.value, host: address, port: number }
}

function vipOf(vip: string | undefined, node: NodeOptions, host: string): VipSettings | undefined {
  if (vip === undefined) return undefined
  mustBeReached(host)
  const isNamed = node.interface !== undefined
  const name = interfaceFor(node, host)
  return { ...virtualAddresses({ vip, interface: firstNameOf(name), isNamed }), interface: name }
}

function mustBeReached(host: string): void {
  if (!isLoopback(host)) return
  const own = `one of this host's: ${ownAddresses().join(', ')}`
  throw new CliFailure(`--address ${host} is reached by no other host: give ${own}`, 2)
}

/** As given, by any of its names; else as before, or that of the host's own address. */
function interfaceFor({ interface: given }: NodeOptions, host: string, before?: string): string {
  const name = given ?? before ?? interfaceOf(host) ?? ''
  const all = interfaceNames()?.filter((each) => each !== 'lo')
  if (all?.includes(firstNameOf(name)) !== false) return name
  const own = all.join(', ')
  if (given === undefined)
    throw new CliFailure(`--interface is needed in the place of ${name}: one of ${own}`, 2)
  throw new CliFailure(`--interface "${name}" must be one of this host's: ${own}`, 2)
}

function timingOf(timing: string | undefined): TimingName {
  if (timing === undefined || timing === 'default') return 'default'
  if (timing === 'fast') return 'fast'
  throw new CliFailure(`--timing "${timing}" must be default or fast`, 2)
}

function interfaceOf(address: string): string | undefined {
  const all = Object.entries(networkInterfaces())
  const found = all.find(([, addresses]) => addresses?.some((each) => each.address === address))
  // An address with a label goes by that (eth0:1).
  return found?.[0].split(':')[0]
}

function ownAddresses(): readonly string[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ family, internal }) => family === 'IPv4' && !internal)
    .map(({ address }) => address)
}
