//! Answers every datagram at an address with itself, wherever that is: `node echo.ts ADDRESS`.

import { createSocket } from 'node:dgram'

const [address] = process.argv.slice(2)
const socket = createSocket('udp4')
socket.on('message', (data, from) => socket.send(data, from.port, from.address, () => {}))
socket.bind(5060, address)
process.on('SIGTERM', () => process.exit(0))
