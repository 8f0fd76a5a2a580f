//! Loads the native add-on: from dist/native in development, from a file that was unpacked out of
//! the executable in production. Works in every thread.

import { err, ok, type Result } from '../base/result.ts'

/** Raw functions of the add-on, see udp-napi.cc; `udp.ts` is what others use. */
export type Native = {
  readonly udpOpen: (lent: Lent, onBatch: (count: number) => void) => NativeHub
  readonly udpBind: (
    hub: NativeHub,
    address: string,
    port: number,
    flags: number,
    bufferBytes: number,
  ) => readonly [id: number, port: number, receiveBuffer: number] | string
  readonly udpClose: (hub: NativeHub, socket: number) => void
  readonly udpCloseAll: (hub: NativeHub) => void
  /** Five plain arguments: an object would be decoded field by field for every new peer. */
  readonly udpPeer: (
    hub: NativeHub,
    socket: number,
    address: string,
    port: number,
    localAddress: string,
  ) => number
  readonly udpDescribe: (hub: NativeHub, slot: number) => Described | undefined
  readonly udpFlush: (hub: NativeHub) => void
  readonly udpFailures: (hub: NativeHub) => readonly NativeFailure[]
  /** The local address the system would send from, '' when there is no way there. */
  readonly udpRoute: (address: string) => string
  /** Why it was refused, or '': this thread from now on, until it computes for `micros` at once. */
  readonly threadRealTime: (priority: number, micros: number) => string
  /** Why it was refused, or ''. What this thread starts from now on inherits it. */
  readonly threadNice: (nice: number) => string
  readonly isThreadRealTime: () => boolean
  /** Tells the neighbours where an address is, IPv4 or IPv6; why it was not sent, or ''. */
  readonly announce: (interfaceName: string, address: string) => string
  /** Has whoever has an address say so; why it was not sent, or ''. */
  readonly askForClaims: (interfaceName: string, address: string) => string
  /** The Ethernet addresses of who said so since the last time, with blanks between. */
  readonly claims: (interfaceName: string, address: string) => string
  /** Has the far end of a connection of somebody else ask for it; why it was not sent, or ''. */
  readonly tickle: (from: string, fromPort: number, to: string, toPort: number) => string
  readonly udpBacklog: (hub: NativeHub, socket: number) => readonly [bytes: number, drops: number]
}

export type NativeHub = object
type Described = readonly [socket: number, address: string, port: number, local: string]
type NativeFailure = readonly [socket: number, address: string, port: number, code: string]

/** Memory shared with the add-on; its layout is told in udp-hub.h. */
export type Lent = {
  readonly rxSlab: Buffer
  readonly rx: Uint32Array
  readonly txSlab: Buffer
  readonly tx: Uint32Array
  readonly counters: Float64Array
  readonly slots: number
  readonly stride: number
  readonly txSlots: number
  readonly peerMax: number
  readonly pendingMax: number
}

const ABI = 5
const FUNCTIONS = [
  'udpOpen',
  'udpBind',
  'udpClose',
  'udpCloseAll',
  'udpPeer',
  'udpDescribe',
  'udpFlush',
  'udpFailures',
  'udpBacklog',
  'udpRoute',
  'threadRealTime',
  'threadNice',
  'isThreadRealTime',
  'announce',
  'askForClaims',
  'claims',
  'tickle',
]

/** The add-on at `path`, or why there is none. Never throws: everyone has a fallback. */
export function loadNative(path: string | undefined): Result<Native, string> {
  if (path === undefined) return err('no add-on was built')
  const module: { exports: unknown } = { exports: {} }
  try {
    process.dlopen(module, path)
  } catch (failure) {
    return err(`${path} did not load: ${failure instanceof Error ? failure.message : 'unknown'}`)
  }
  const { exports } = module
  if (!isNative(exports)) return err(`${path} is of another version: build it again`)
  return ok(exports)
}

function isNative(exports: unknown): exports is Native {
  if (typeof exports !== 'object' || exports === null) return false
  const found = new Map<string, unknown>(Object.entries(exports))
  return (
    found.get('abi') === ABI && FUNCTIONS.every((name) => typeof found.get(name) === 'function')
  )
}
