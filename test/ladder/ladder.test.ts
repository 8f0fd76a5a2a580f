import type { CallConfig } from '../../roles/call-manager/call/call.ts'
import { millis } from '../../src/base/time.ts'
import type { MediaId } from '../../src/control/media-control.ts'
import { allCdrs } from './cdrs.ts'
import { ackInDialog, requestInDialog } from '../../src/sip/dialog/dialog-request.ts'
import { binary } from '../../src/sip/message/text.ts'
import type { TransportName } from '../../src/sip/transaction/flow.ts'
import { cancelFor } from '../../src/sip/transaction/hop-by-hop.ts'
import { phoneSdp, type Direction } from '../harness/phone-sdp.ts'
import { CALL_CONFIG } from '../harness/sim-pbx.ts'
import type { ScriptedPhone } from '../harness/phone.ts'
import { walk, type Command } from '../harness/datadriven.ts'
import { Office } from './office.ts'

/**
 *   columns alice pbx bob          (the first one: per-extension=2 per-tenant=3 media=none,
 *                                   or successor=waits as in a cluster)
 *   phone alice transport=tcp supported=100rel,timer update hidden
 *                                  (hidden: behind a NAT, so that nobody can connect to it)
 *   phone alice ephemeral          (its Contact names the port that it connects from)
 *   phone alice gruu               (it names itself by a GRUU)
 *   setup alice bob                (phones that are registered, without drawing it)
 *   alice register 3600            alice call bob [nosdp]    (headers below, each after a tab)
 *   bob ring 183 sdp [reliably] | answer | reject 486 | bye | cancel
 *   bob hold sendonly | resume [nosdp] | update inactive
 *   carol watch bob                (dialog-info, RFC 4235)
 *   alice refer sip:carol@pbx.example | attend alice#1 alice#2 | send INFO
 *   bob thinks | agrees            (before and about a re-INVITE)
 *   bob deaf | hears               (nothing reaches it for some time)
 *   bob disconnects                (its connections break)
 *   bob moves                      (to another address)
 *   mallory poses bob BYE          (her request in his dialog, with her own password; or ACK)
 *   mallory poses alice CANCEL     (of her last INVITE)
 *   admits nothing | calls         (an administrator has drained the host, or takes it back)
 *   wait 1000 | calls | cdrs | media | left | show header,… | restart | store fail
 *   media outlives | media dies    (a server of its own goes on, or is replaced by an empty one)
 *   media hangs | media works      (it answers nothing in time, or does again)
 *   media late                     (a successor hears of the sessions there are 2 s later)
 *   kill [committed] | start       (what is proposed is lost, or not; the next process)
 *   clock 3600000                  (the wall clock of its host is wrong by that, from now on)
 */
walk(new URL('./testdata', import.meta.url).pathname, () => {
  let opened: Promise<Office> | undefined
  return async (command) => {
    const office = await (opened ??= Office.open(configOf(command), hasSuccessor(command)))
    const lines = await run(office, command)
    await office.pass(millis(100))
    const drawn = [...office.draw(), ...lines]
    return drawn.length === 0 ? 'ok' : drawn.join('\n')
  }
})

function configOf(command: Command): Partial<CallConfig> {
  const callsPerExtension = Number(command.arg('per-extension') ?? CALL_CONFIG.callsPerExtension)
  const callsPerTenant = Number(command.arg('per-tenant') ?? CALL_CONFIG.callsPerTenant)
  return { callsPerExtension, callsPerTenant, anchor: command.arg('media') !== 'none' }
}

function hasSuccessor(command: Command): boolean {
  return command.arg('successor') === 'waits'
}

async function run(office: Office, command: Command): Promise<string[]> {
  const { name, words } = command
  const [first = ''] = words
  switch (name) {
    case 'columns':
      office.columns(words.filter((word) => !word.includes('=')))
      return []
    case 'phone':
      addPhone(office, first, command)
      return []
    case 'setup':
      await setUp(office, command)
      return []
    case 'show':
      office.ladder.shown = first.split(',')
      return []
    case 'wait':
      await office.pass(millis(Number(first)))
      return []
    case 'restart':
      office.pbx.restart()
      return []
    case 'kill':
      office.pbx.kill(first === 'committed' ? office.pbx.store.underWay : 0)
      return []
    case 'start':
      office.pbx.start()
      return []
    case 'clock':
      office.pbx.clockAhead = Number(first)
      return []
    case 'admits':
      office.pbx.role.admit(first === 'calls')
      return []
    case 'store':
      office.pbx.store.fails = first === 'fail'
      return []
    case 'delay':
      office.pbx.store.delay = millis(Number(first))
      office.pbx.media.delay = millis(Number(first))
      return []
    case 'calls':
      return callsOf(office)
    case 'cdrs':
      await office.pass(millis(100))
      return office.pbx.store.read(allCdrs)
    case 'media':
      if (first === 'outlives') office.pbx.mediaOutlives = true
      else if (first === 'dies') office.pbx.media.die()
      else if (first === 'hangs' || first === 'works') office.pbx.media.failing = first === 'hangs'
      else if (first === 'late')
        for (const id of office.pbx.media.sessions.keys()) office.pbx.media.late.set(id, 2_000)
      else return mediaOf(office)
      return []
    case 'left':
      return leftOf(office)
    default:
      return act(office, name, command)
  }
}

async function leftOf(office: Office): Promise<string[]> {
  const left = await office.left()
  return [...office.draw(), left]
}

function addPhone(office: Office, name: string, command: Command): void {
  office.phone(name, {
    transport: transportOf(command.arg('transport')),
    supported: command.arg('supported')?.split(',') ?? [],
    allowsUpdate: command.words.includes('update'),
    isHidden: command.words.includes('hidden'),
    isEphemeral: command.words.includes('ephemeral'),
    instance: command.words.includes('gruu') ? `urn:uuid:${name}` : undefined,
    password: command.arg('password'),
  })
}

function transportOf(text: string | undefined): TransportName {
  return text === 'tcp' || text === 'tls' || text === 'ws' ? text : 'udp'
}

const FITTED: ReadonlySet<string> = new Set(['update', 'hidden', 'gruu', 'ephemeral'])

async function setUp(office: Office, command: Command): Promise<void> {
  const names = command.words.filter((word) => !word.includes('=') && !FITTED.has(word))
  office.quiet = true
  for (const name of names) {
    addPhone(office, name, command)
    office.find(name).register(3_600)
  }
  await office.pass(millis(200))
  office.quiet = false
}

function act(office: Office, name: string, command: Command): string[] {
  const [verb = '', what = ''] = command.words
  const headers = headersOf(command)
  const [who = ''] = name.split('#')
  const phone = office.find(who)
  switch (verb) {
    case 'register':
      phone.register(Number(what), headers)
      return []
    case 'die':
      phone.die()
      return []
    case 'deaf':
      office.network.remove(phone.endpoint)
      return []
    case 'hears':
      office.network.restore(phone.endpoint)
      return []
    case 'disconnects':
      office.disconnect(who)
      return []
    case 'moves':
      office.move(who)
      return []
    case 'poses':
      pose(office, phone, command)
      return []
    case 'watch': {
      phone.subscribed = true
      const target = `sip:${what}@pbx.example`
      const subscribe = phone.outside('SUBSCRIBE', target, target, [
        ['contact', phone.contact],
        ['event', 'dialog'],
        ['expires', '600'],
      ])
      for (const [field, value] of headers) subscribe.headers.set(field, value)
      phone.ask(subscribe, () => {})
      return []
    }
    case 'options':
      phone.ask(phone.outside('OPTIONS', `sip:pbx.example`, 'sip:pbx.example', headers), () => {})
      return []
    case 'call': {
      const replaced = command.arg('replaces')
      const extra =
        replaced === undefined ? [] : ([['replaces', office.callOf(replaced).replaces]] as const)
      const target = what.includes(':') ? what : `sip:${what}@pbx.example`
      const sdp = !command.words.includes('nosdp')
      phone.call(target, { sdp, headers: [...headers, ...extra] })
      return []
    }
    default:
      inCall(office, name, command)
      return []
  }
}

/** Who has seen the tags of a call sends something in it, and shows what she has for a password. */
function pose(office: Office, phone: ScriptedPhone, command: Command): void {
  const [, victim = '', method = ''] = command.words
  if (method === 'CANCEL') {
    const invite = office.invites.get(victim)
    if (invite === undefined) throw new Error(`${victim} has called nobody`)
    return phone.endpoint.send(office.pbx.endpoint.target('udp'), cancelFor(invite, []))
  }
  const { dialog } = office.callOf(victim)
  if (dialog === undefined) throw new Error(`${victim} has no dialog`)
  const body = binary(phoneSdp(phone.options.user, phone.endpoint.address, 1, 'sendrecv'))
  const sdp = command.words.includes('sdp') ? { body, contentType: 'application/sdp' } : {}
  const forged = { ...dialog, localTarget: phone.contact }
  if (method === 'ACK') {
    const number = dialog.role === 'uac' ? dialog.localCseq : (dialog.remoteCseq ?? 0)
    return phone.stack.send(ackInDialog(forged, number, sdp).request, phone.server)
  }
  phone.ask(requestInDialog(forged, method, sdp).request, () => {})
}

function inCall(office: Office, name: string, command: Command): void {
  const { words } = command
  const [verb = '', what = ''] = words
  const call = office.callOf(name)
  const headers = headersOf(command)
  switch (verb) {
    case 'ring':
      return call.ring(Number(what || 180), words.includes('sdp'), words.includes('reliably'))
    case 'answer':
      return call.answer()
    case 'reject':
      return call.reject(Number(what), headers)
    case 'bye':
      return call.bye()
    case 'cancel':
      return call.cancel()
    case 'hold':
      return void call.offer('INVITE', directionOf(what))
    case 'resume':
      return void call.offer('INVITE', 'sendrecv', what === 'nosdp')
    case 'update':
      return void call.offer('UPDATE', directionOf(what))
    case 'refer':
      return call.refer(`<${what}>`, headers)
    case 'attend': {
      const other = office.callOf(what)
      const replaces = encodeURIComponent(other.replaces)
      return call.refer(`<${other.target}?Replaces=${replaces}>`, headers)
    }
    case 'thinks':
      call.thinks = true
      return undefined
    case 'agrees':
      return call.agree()
    case 'send':
      return call.send(what, { headers })
    default:
      throw new Error(`no phone can ${verb}`)
  }
}

function directionOf(text: string): Direction {
  const known: readonly Direction[] = ['sendrecv', 'sendonly', 'recvonly', 'inactive', 'c=0']
  return known.find((each) => each === text) ?? 'sendrecv'
}

function headersOf(command: Command): (readonly [string, string])[] {
  return command.body.map((line) => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const
  })
}

function callsOf(office: Office): string[] {
  const lines: string[] = []
  for (const [name, { calls }] of office.phones)
    calls.forEach((call, index) => {
      const direction = /^a=(\w+)\r?$/m.exec(call.remoteSdp)?.[1] ?? 'c=0'
      const port = /^m=audio (\d+)/m.exec(call.remoteSdp)?.[1] ?? '-'
      const end = call.state === 'ended' ? ` ${call.status} ${call.reason ?? ''}`.trimEnd() : ''
      const more = call.transfer.length > 0 ? `, transfer ${call.transfer.join(' ')}` : ''
      const media = call.state === 'up' ? `, hears ${port} ${direction}` : ''
      const answers = call.heard.filter((each) => /^[A-Z]+ \d/.test(each)).join(' ')
      lines.push(`${name}#${index + 1} ${call.state}${end}${media}${more} ${answers}`.trimEnd())
    })
  return lines
}

/** Who is connected to whom, by the number of the leg in its call; whose session was made anew. */
function mediaOf(office: Office): string[] {
  const calls: string[] = []
  const name = (id: MediaId | undefined): string => {
    if (id === undefined) return 'nobody'
    const [call = '', leg] = id.split('-')
    if (!calls.includes(call)) calls.push(call)
    return `call ${calls.indexOf(call) + 1} leg ${leg?.replace(/\..*/, ' anew')}`
  }
  return [...office.pbx.media.sessions].map(([id, peer]) => `${name(id)} with ${name(peer)}`)
}
