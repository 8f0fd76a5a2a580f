//! Golden scripts over the pure SDP room: what is read of a description, and what becomes of it on
//! its way to another leg.
//!
//!   read              what we take from it, line by line of media
//!   again             read and written unchanged
//!   offer [to=…]      made over as an offer; `told` of the file's last offer is kept
//!   answer            made over as the answer to the last `offer`'s original

import { walk, type Command } from '../harness/datadriven.ts'
import { connectionOf, rtcpAddress, isMultiplexed } from '../../src/sdp/address.ts'
import { directionOf, refusalOf } from '../../src/sdp/carry.ts'
import { codecsOf } from '../../src/sdp/codec.ts'
import type { Description, MediaSection } from '../../src/sdp/description.ts'
import { directionName } from '../../src/sdp/direction.ts'
import { newLocalSide, say } from '../../src/sdp/local-side.ts'
import { parseSdp } from '../../src/sdp/parse.ts'
import { linkOffer, relayedAnswer, relayedOffer, type Links } from '../../src/sdp/relay.ts'
import { serializeSdp } from '../../src/sdp/serialize.ts'

const PORTS = [30_000, 30_002, 30_004, 30_006]

walk(new URL('testdata', import.meta.url).pathname, () => {
  const world = new Legs()
  return (command) => world.run(command)
})

class Legs {
  #offer: Description | undefined
  #told: Description | undefined
  #links: Links = []
  #toAnswerer = newLocalSide('100')
  #toOfferer = newLocalSide('200')

  run(command: Command): string {
    const parsed = parseSdp(text(command))
    if (!parsed.ok) return `line ${parsed.error.line}: the SDP ${parsed.error.reason}`
    const description = parsed.value
    switch (command.name) {
      case 'read':
        return description.media.map((section) => summary(description, section)).join('\n')
      case 'again':
        return shown(serializeSdp(description))
      case 'offer':
        return this.#makeOffer(description, command.arg('family') === '6')
      case 'answer':
        return this.#makeAnswer(description, command.arg('family') === '6')
      default:
        return `no such command: ${command.name}`
    }
  }

  #makeOffer(offer: Description, six: boolean): string {
    this.#links = linkOffer(offer, this.#links, this.#told)
    const ours = { address: address(six), ports: PORTS }
    this.#offer = offer
    this.#told = relayedOffer(offer, this.#links, this.#told, ours)
    this.#toAnswerer = say(this.#toAnswerer, this.#told, ours.address)
    return shown(this.#toAnswerer.text)
  }

  #makeAnswer(answer: Description, six: boolean): string {
    if (this.#offer === undefined) return 'nothing was offered'
    const ours = { address: address(six), ports: PORTS.map((port) => port + 1000) }
    const made = relayedAnswer(answer, this.#offer, this.#links, ours)
    this.#toOfferer = say(this.#toOfferer, made, ours.address)
    return shown(this.#toOfferer.text)
  }
}

function address(six: boolean): { family: 'IP4' | 'IP6'; host: string } {
  return six ? { family: 'IP6', host: '2001:db8::5' } : { family: 'IP4', host: '192.0.2.5' }
}

function text(command: Command): string {
  const [repeated] = command.words
  if (repeated?.startsWith('times=') === true)
    return `v=0\r\n${`${command.body.join('\r\n')}\r\n`.repeat(Number(repeated.slice(6)))}`
  return command.body.map((line) => `${line}\r\n`).join('')
}

function summary(description: Description, section: MediaSection): string {
  const { kind, port, protocol } = section.media
  const connection = connectionOf(description, section)
  const host = connection?.host ?? 'nowhere'
  const rtcp = rtcpAddress(section, { host, port }, isMultiplexed(section))
  const codecs = codecsOf(section).map(({ payloadType, name, clockRate, channels, parameters }) => {
    const many = channels === 1 ? '' : `/${channels}`
    const more = parameters === undefined ? '' : `(${parameters})`
    return `${payloadType}=${name}/${clockRate}${many}${more}`
  })
  const direction = directionName(directionOf(description, section))
  const head = `${kind} ${protocol} ${host}:${port} rtcp ${rtcp.host}:${rtcp.port} ${direction}`
  const refusal = refusalOf(description, section)
  return [head, ...codecs, ...(refusal === undefined ? [] : [refusal])].join('\n  ')
}

function shown(sdp: string): string {
  if (!sdp.endsWith('\r\n')) return 'does not end with CRLF'
  return sdp.replaceAll('\r\n', '\n').trimEnd()
}
